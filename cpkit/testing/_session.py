"""The client's session, seen from the test."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from cherrypy.lib.sessions import RamSession

from ._cookies import Cookies


class Session(MutableMapping[str, Any]):
    """Be the session that *cookies* point to, made when first written to.

    *name* is the session's cookie, as ``tools.sessions.name`` has it.
    """

    def __init__(self, cookies: Cookies, name: str = "session_id") -> None:
        self.name = name
        self._cookies = cookies

    def __repr__(self) -> str:
        return f"<Session {self._data()}>"

    def __getitem__(self, key: str) -> Any:
        return self._data()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        stored = RamSession.cache.get(self._cookies.get(self.name))
        if stored is None:
            self._cookies[self.name] = os.urandom(20).hex()
            stored = ({}, datetime.now() + timedelta(hours=1))
            RamSession.cache[self._cookies[self.name]] = stored
        stored[0][key] = value

    def __delitem__(self, key: str) -> None:
        del self._data()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data())

    def __len__(self) -> int:
        return len(self._data())

    def _data(self) -> dict[str, Any]:
        stored: tuple[dict[str, Any], datetime] = RamSession.cache.get(
            self._cookies.get(self.name), ({}, None)
        )
        return stored[0]
