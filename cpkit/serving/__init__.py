"""What the guarded server reads and refuses, told from bytes and text: no CherryPy here."""
