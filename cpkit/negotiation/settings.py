"""What the accept tool can be told, as keyword arguments or in config."""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from cpkit.errors import AcceptSettingError
from cpkit.tools._toolbox import refuse_unknown

from . import parse_offers, parse_tags

Renderers = Mapping[str, Callable[[Any], Any] | None]

ON_NONE = ("406", 406, "first")
ACCEPT_NOTHING = "*/*;q=0"
FORMATS = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "md": "text/markdown",
    "txt": "text/plain",
    "xml": "application/xml",
}


@dataclass(slots=True)
class Settings:
    """Hold the settings of the tool; :class:`AcceptTool` says what each means."""

    media: str | Iterable[str] | Renderers | None = None
    languages: str | Iterable[str] | None = None
    on_none: str | int = "406"
    strict: bool = False
    format_param: str | None = None
    formats: Mapping[str, str] | None = None
    errors: bool | Renderers = False
    debug: bool = False

    def __post_init__(self) -> None:
        """Refuse a misspelt choice, which would only show when nothing is acceptable."""
        if self.on_none not in ON_NONE:
            raise AcceptSettingError("on_none", self.on_none, "'406' or 'first'")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """Return what was *given*; raise UnknownSettingError for a name that is no setting."""
        if not given.keys() <= _NAMES.keys():
            refuse_unknown("accept", given, (*_NAMES, "priority"))
        return cls(**given)

    @property
    def offers(self) -> tuple[str, ...]:
        """Return the media types in the server's order."""
        return _listed(self.media)

    def field_for(self, name: str) -> str:
        """Return the Accept field that the format *name* stands for, if any."""
        return (self.formats or FORMATS).get(name, ACCEPT_NOTHING)

    def check(self) -> None:
        """Raise for a value that a setting cannot have.

        :class:`AcceptSettingError`, or :class:`InvalidOfferError` for an offer that no client
        could ask for.
        """
        _check_list("media", self.media, "a media type, or to a list or a mapping of some")
        _check_list("languages", self.languages, "a language tag, or to a list of some")
        _check_kind("formats", self.formats, Mapping, "a mapping of names to media types")
        _check_kind("format_param", self.format_param, str, "the name of a query parameter")
        _check_kind("errors", self.errors, int | Mapping, "True, False or a mapping to renderers")
        for switch in ("strict", "debug"):
            _check_kind(switch, getattr(self, switch), int, "True or False")
        _check_renderers("media", self.media)
        _check_renderers("errors", self.errors)
        offers = parse_offers(self.offers)
        kinds = [(offer.kind, *sorted(offer.parameters.items())) for offer in offers]
        _check_distinct("media", self.media, kinds)
        _check_distinct("languages", self.languages, parse_tags(_listed(self.languages)))
        parse_offers(tuple((self.formats or FORMATS).values()))
        parse_offers(tuple(self.errors) if isinstance(self.errors, Mapping) else ())


_NAMES = {field.name: field.type for field in fields(Settings)}


def _listed(names: str | Iterable[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())


def _check_kind(name: str, value: object, kind: Any, allowed: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise AcceptSettingError(name, value, allowed)


def _check_list(name: str, value: Any, allowed: str) -> None:
    # In an order, and whole at each request: no set, and no iterator, which the first look empties.
    _check_kind(name, value, Sequence | Mapping | KeysView, allowed)
    if value is not None and not value:
        raise AcceptSettingError(name, value, allowed)


def _check_distinct(name: str, value: object, parsed: Sequence[object]) -> None:
    if len(set(parsed)) < len(parsed):
        raise AcceptSettingError(name, value, "unlike ones: the second of two is never chosen")


def check_priority(value: object) -> None:
    """Raise AcceptSettingError for a priority that cannot be sorted among those of other hooks."""
    _check_kind("priority", value, int | float, "a number")


def _check_renderers(name: str, value: object) -> None:
    for renderer in value.values() if isinstance(value, Mapping) else ():
        if renderer is not None and not callable(renderer):
            raise AcceptSettingError(name, renderer, "a mapping to callables, or to None")
