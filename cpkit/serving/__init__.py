"""What the guarded server reads and refuses; the guard itself alone knows CherryPy."""
