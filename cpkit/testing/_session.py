"""The session of a client, seen from the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import cherrypy

from cpkit.config_check import handlers_of, places
from cpkit.errors import NoSessionError

from ._client import Client

if TYPE_CHECKING:
    from cherrypy.lib import sessions

Settings = Mapping[str, Any]
_PREFIX = "tools.sessions."
_NAME = "session_id"  # the cookie's, unless tools.sessions.name is set


class Session(MutableMapping[str, Any]):
    """The session of a client: what is in it for the application, and made when first written to.

    Each look and each change is a request with the settings of ``tools.sessions`` that the
    application has, so that it works with every class of storage. *settings* are found in the
    configuration unless they are set; where several sessions are, *name* is the cookie of the
    one that is meant. Raises NoSessionError where there is none.
    """

    def __init__(self, client: Client) -> None:
        self.name: str | None = None
        self.settings: Settings | None = None
        self._client = client

    def __repr__(self) -> str:
        return f"<Session {self._data()}>"

    def __getitem__(self, key: str) -> Any:
        return self._data()[key]

    def __setitem__(self, key: str, value: object) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        del self._data()[key]
        self._change(lambda session: session.__delitem__(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._data())

    def __len__(self) -> int:
        return len(self._data())

    def update(self, *given: Any, **named: object) -> None:
        """Set several values at once: ``cp_session.update(user="zoe", roles=["editor"])``."""
        self._change(lambda session: session.update(dict(*given, **named)))

    def clear(self) -> None:
        """Forget every value."""
        if self._data():
            self._change(lambda session: session.clear())

    def _data(self) -> dict[str, Any]:
        """Return what is in the session, and leave it and the client's cookies as they are."""
        settings = self._effective()
        if not self._has_cookie(settings):
            return {}
        looked: dict[str, Any] = {}

        def look(session: sessions.Session) -> None:
            if not getattr(session, "missing", False):
                looked.update(session.items())

        self._request(look, settings, Client(cookies=self._client.cookies.copy()))
        return looked

    def _change(self, change: Callable[[sessions.Session], object]) -> None:
        settings = self._effective()
        self._request(change, settings, Client(cookies=self._client.cookies))
        if not self._has_cookie(settings):
            raise NoSessionError(
                f"{self._client.base_url} is not sent the cookie {settings.get('name', _NAME)}",
                "The cookie is Secure, or of another host: set cp_client.base_url.",
            )

    def _request(
        self, work: Callable[[sessions.Session], object], settings: Settings, client: Client
    ) -> None:
        """Do *work* on the session in a request of *client* that has only the sessions tool."""
        off = {key: False for key in cherrypy.config if key.endswith(".on")}
        ours = {_PREFIX + key: value for key, value in settings.items()}
        config = {**off, **ours, _PREFIX + "on": True, _PREFIX + "locking": "implicit"}
        config["request.dispatch"] = cherrypy.dispatch.Dispatcher()
        app = cherrypy.Application(_Inside(work), "", {"/": config})
        app.log.access_log.disabled = True  # the test sent no such request
        client.app = app
        client.base_url, client.headers = self._client.base_url, self._client.headers
        response = client.get(self._path(settings))
        if response.status_code != 200:
            raise NoSessionError(f"its storage answers {response.status_code}", "Is it locked?")

    def _effective(self) -> Settings:
        """Return the settings of the session that is meant."""
        if self.settings is not None:
            return self.settings
        found = configured()
        named = [each for each in found if self.name in (None, each.get("name", _NAME))]
        if not named:
            raise NoSessionError(
                f"the configuration has no session {self.name or ''}".rstrip(),
                "Set tools.sessions.on, or cp_session.settings = {…} to what the tool is given.",
            )
        if len(named) > 1:
            names = ", ".join(sorted(each.get("name", _NAME) for each in named))
            raise NoSessionError(f"there are several: {names}", "Set cp_session.name to one.")
        return named[0]

    def _has_cookie(self, settings: Settings) -> bool:
        url = urlsplit(self._client.base_url)
        sent = self._client.cookies.field(
            url.hostname or "", self._path(settings), secure=url.scheme == "https"
        )
        name = settings.get("name", _NAME)
        return any(each.startswith(f"{name}=") for each in sent.split("; "))

    def _path(self, settings: Settings) -> str:
        path: str = settings.get("path") or "/"
        return path


class _Inside:
    """A page that works on the session of its request."""

    def __init__(self, work: Callable[[sessions.Session], object]) -> None:
        self._work = work

    @cherrypy.expose
    def default(self, *path: str, **params: str) -> bytes:
        self._work(cherrypy.serving.session)
        return b""


def configured() -> list[Settings]:
    """Return the settings of each session that the configuration switches on, each once."""
    found: dict[tuple[object, ...], Settings] = {}
    for config in _configs():
        if config.get(_PREFIX + "on"):
            settings = {
                key[len(_PREFIX) :]: value
                for key, value in config.items()
                if str(key).startswith(_PREFIX)
            }
            storage = settings.get("storage_class") or settings.get("storage_type")
            found.setdefault((settings.get("name", _NAME), storage), settings)
    return list(found.values())


def _configs() -> Iterator[Mapping[str, Any]]:
    """Yield what counts in each place that has config, the handlers of routes among them."""
    yield from (place.valid for place in places())
    for app in cherrypy.tree.apps.values():
        if isinstance(app, cherrypy.Application):
            yield from (served.config for served in handlers_of(app))
