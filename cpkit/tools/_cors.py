"""The cors tool: what pages of other origins may read."""

from __future__ import annotations

from cpkit.errors import SettingError
from cpkit.origins.sharing import CorsSettings, Sharing
from cpkit.settings import Given

from ._toolbox import Setup, Tool, keywords_of


class CorsTool(Tool[CorsSettings]):
    """Let pages of other origins read the answers (Fetch standard, CORS protocol).

    Settings, as arguments of the decorator or under ``cpkit.cors.`` in config:

    - ``origins``: those that may, as ``"https://example.org"`` or ``"https://*.example.org"``;
      ``["*"]`` for all.
    - ``credentials``: whether they may send cookies; not with ``"*"``, and not with ``"null"``,
      which is whoever opens a sandboxed frame.
    - ``expose``: the response fields that their scripts may read.
    - ``headers``: the request fields that they may set; any with ``"*"``, or unless it is given.
    - ``methods``: the methods of the resource, where the dispatcher does not know them.
    - ``max_age``: the seconds that a browser may remember a preflight.

    Answers preflights itself, with the exact methods of the resource, before other tools run.
    Every other answer, errors and streams too, gets its fields and ``Vary: Origin``.
    """

    __call__ = keywords_of(CorsSettings)
    deciding = ("on", "origins", "credentials", "expose")
    judges_preflights = True

    def __init__(self) -> None:
        super().__init__("on_start_resource", CorsSettings)

    def check_whole(self, given: Given) -> None:
        """Raise SettingError where no origin is named, or everybody's cookies would be taken."""
        origins = given.get("origins")
        if not origins:
            raise SettingError(
                "cors.origins",
                origins,
                "set cpkit.cors.origins to the list of those that may read.",
            )
        if not given.get("credentials"):
            return
        for name, all_of in (("origins", "*"), ("origins", "null"), ("expose", "*")):
            listed = given.get(name, ())
            if all_of in ((listed,) if isinstance(listed, str) else listed):
                remedy = f"name each of cpkit.cors.{name}: with credentials, {all_of} names none."
                raise SettingError(f"cors.{name}", listed, remedy)

    def setup_for(self, settings: CorsSettings) -> Setup:
        """Return what shares the answer to each request that has these *settings*."""
        return Sharing(settings, f"{self.namespace}.{self._name}.").begin
