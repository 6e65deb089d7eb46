"""The CherryPy tutorial grown up: its twelve chapters, built with cpkit, as one application."""
