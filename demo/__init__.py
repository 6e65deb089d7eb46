"""The CherryPy tutorial grown up: its twelve chapters in one application, built with cpkit."""
