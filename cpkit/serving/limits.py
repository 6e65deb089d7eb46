"""How much of a request is read, and how a request that is refused is told."""

from __future__ import annotations

from dataclasses import dataclass

# RFC 9110, 15.5 and 15.6; RFC 6585, 5.
STATUS_LINES = {
    400: "400 Bad Request",
    408: "408 Request Timeout",
    413: "413 Content Too Large",
    414: "414 URI Too Long",
    431: "431 Request Header Fields Too Large",
    501: "501 Not Implemented",
    505: "505 HTTP Version Not Supported",
}


class RefusedError(Exception):
    """A request that is not answered as it asks; *reason* is a sentence for its client."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason

    @property
    def status_line(self) -> str:
        """Return the status with its phrase."""
        return STATUS_LINES[self.status]


@dataclass(frozen=True)
class Limits:
    """The largest request that is read; lengths are in bytes.

    *max_path_bytes* and *max_path_segments* are of the decoded path, *max_target_bytes* of the
    path and the query as they are sent, *max_head_bytes* of the request line and all fields.
    Whoever reads all bodies alike, whatever is said of them, has *checks_content_type* False.
    """

    max_path_bytes: int = 8192
    max_path_segments: int = 256
    max_target_bytes: int = 8192
    max_query_fields: int = 500
    max_head_bytes: int = 65536
    max_field_bytes: int = 8192
    max_fields: int = 100
    max_form_fields: int = 1000
    max_parts: int = 200
    max_files: int = 20
    checks_content_type: bool = True
