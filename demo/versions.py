"""The versions of what is changed: who changes another one than he saw is told, and may look."""

from __future__ import annotations

import hashlib
import json
import re

import cherrypy
from cherrypy.lib.cptools import validate_etags

_VERSION = re.compile(r'"(\w+)-')  # in an entity tag


class ChangedError(cherrypy.HTTPError):
    """The 412 to a change of what somebody else has changed meanwhile.

    *now* says what it is; a form is offered again with the *version* that it would replace.
    """

    def __init__(self, now: str, version: str) -> None:
        cherrypy.serving.request.corrected = {"version": version}
        said = f"Somebody has changed this meanwhile. Now it is: {now}. Save again to replace it."
        super().__init__(412, said)


def version_of(*state: object) -> str:
    """Return a name for *state*."""
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]


def tag(version: str) -> None:
    """Give the answer, JSON or text, its ETag; who has it gets a 304 (RFC 9110, 13.1.2)."""
    kind = getattr(cherrypy.serving.request, "accepted", "text/html").rpartition("/")[2]
    if kind == "html":  # a page is made of more than the version
        return
    cherrypy.serving.response.headers["ETag"] = f'"{version}-{kind}"'
    if cherrypy.serving.request.method in ("GET", "HEAD"):
        validate_etags()


def is_wanted(version: str, in_form: str = "") -> bool:
    """Tell whether a change is meant for *version*: by If-Match, or a field of a form."""
    wanted = cherrypy.serving.request.headers.get("If-Match", "*")
    if wanted.strip() != "*":
        return version in _VERSION.findall(wanted)
    return in_form in ("", version)
