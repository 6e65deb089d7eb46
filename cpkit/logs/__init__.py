"""Access and error lines as JSON, and the id of the request that they belong to."""

from .lines import JsonFormatter
from .request_ids import request_id

__all__ = ["JsonFormatter", "request_id"]
