"""Another device than the host: one that is pretended, and every call that is made on it and on a GPU."""
