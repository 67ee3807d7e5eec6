"""What genuine attractors are worth: networks that have them before training, beside others."""
