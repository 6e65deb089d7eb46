"""The compress tool: bodies in the content coding that the client likes best."""

from __future__ import annotations

from cpkit.negotiation.compression import COMPRESS, Compression, CompressSettings

from ._toolbox import Setup, Tool, keywords_of


class CompressTool(Tool[CompressSettings]):
    """Send bodies compressed, in the place of CherryPy's ``tools.gzip``.

    Settings, as arguments of the decorator or under ``cpkit.compress.`` in config:

    - ``encodings``: ``"zstd"``, ``"br"`` and ``"gzip"`` in the server's order; those whose
      library is not installed are left out.
    - ``mime_types``: the media types that are compressed, ``text/*`` among them.
    - ``compress_level``: gzip's level; ``levels``: a mapping of coding to level.
    - ``min_size``: the bytes under which a body stays as it is.

    Sets ``Content-Encoding``, ``Vary`` and a weak ``ETag`` for each coding. Raises 406 for a client
    that takes none of the codings and excludes identity (RFC 9110, 12.5.3), 431 for a field over
    8,192 characters or 128 elements. A stream is flushed after each chunk.
    """

    __call__ = keywords_of(CompressSettings)

    def __init__(self) -> None:
        super().__init__("before_finalize", CompressSettings, priority=COMPRESS)

    def setup_for(self, settings: CompressSettings) -> Setup:
        """Return what has the answer compressed to each request that has these *settings*."""
        return Compression(settings).begin
