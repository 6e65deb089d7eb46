"""CherryPy engine plugins: work outside any request, on the engine's bus."""
