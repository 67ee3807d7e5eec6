"""The same step that analyses run, and its derivative, over balls that contain every rounding."""
