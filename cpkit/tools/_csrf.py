"""The csrf tool: what pages of other sites have a browser send is refused."""

from __future__ import annotations

from cpkit.origins.refusal import CsrfSettings, Refusal

from ._toolbox import Setup, Tool, keywords_of


class CsrfTool(Tool[CsrfSettings]):
    """Refuse with a 403 what another site's page has a browser send.

    Settings, as arguments of the decorator or under ``cpkit.csrf.`` in config:

    - ``trusted``: further origins whose pages may send, as ``"https://example.org"``.

    GET, HEAD, OPTIONS and TRACE pass (RFC 9110, 9.2.1), unless they open a WebSocket.
    Sec-Fetch-Site is believed where a browser sends it; else the host of Origin is held against
    Host. What sends neither is no browser.
    Exempt a path by ``cpkit.csrf.on = False`` in its section.
    """

    __call__ = keywords_of(CsrfSettings)

    def __init__(self) -> None:
        super().__init__("before_request_body", CsrfSettings)

    def setup_for(self, settings: CsrfSettings) -> Setup:
        """Return what looks at each request that has these *settings*."""
        return Refusal(settings).begin
