"""CherryPy dispatchers: which code answers a URL."""
