"""Pytest fixtures for CherryPy applications: a client in the process, no sockets."""

from __future__ import annotations

from ._client import Client, Response
from ._fixtures import cp_client

__all__ = ["Client", "Response", "cp_client"]
