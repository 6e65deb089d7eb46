"""How answers look: one template for HTML, one for plain text, and JSON as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cherrypy
import jinja2
from markupsafe import Markup

from cpkit.timing import report

Renderer = Callable[[Any], bytes]

templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def money(cents: int) -> str:
    """Write an amount of cents: 1250 is 12.50."""
    return f"{cents // 100}.{cents % 100:02d}"


@jinja2.pass_context
def drawn(counted: Mapping[str, Any]) -> Markup:
    """Draw the timing report that a template was given; cpkit escapes what is in it."""
    return Markup(report.fragment(counted))  # noqa: S704


@jinja2.pass_context
def written(counted: Mapping[str, Any]) -> str:
    """Write it as text."""
    return report.text(counted)


def here() -> str:
    """Return the path of the request."""
    return str(cherrypy.serving.request.path_info)


def address() -> str:
    """Return the whole URL of the request."""
    return str(cherrypy.url(qs=cherrypy.serving.request.query_string))


@jinja2.pass_context
def plain(context: jinja2.runtime.Context, template: str) -> str:
    """Return the text of another form of the same resource; it is escaped where it is shown."""
    return templates.get_template(template).render(context.get_all())


def render(template: str, data: dict[str, Any]) -> bytes:
    """Fill a template; what goes into an .html one is escaped."""
    return templates.get_template(template).render(data).encode()


def as_json(data: Any) -> bytes:
    """Write data as JSON, one line, UTF-8."""
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


def json_text(data: Any) -> str:
    """Write data as JSON, to be shown."""
    return as_json(data).decode()


templates.filters.update(money=money, json=json_text)
templates.globals.update(
    timing_report=drawn, timing_text=written, here=here, address=address, plain=plain
)


def representations(name: str, first: str = "text/html") -> dict[str, Renderer]:
    """Return the three forms of the resource whose templates are *name*.html and *name*.txt.

    *first* is the one that a client without a preference gets.
    """
    forms: dict[str, Renderer] = {
        "text/html": partial(render, f"{name}.html"),
        "application/json": as_json,
        "text/plain": partial(render, f"{name}.txt"),
    }
    return {first: forms[first], **forms}
