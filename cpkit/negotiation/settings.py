"""What the accept tool can be told, as keyword arguments or in config."""

from __future__ import annotations

from collections.abc import Callable, Collection, KeysView, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from cpkit.errors import SettingError
from cpkit.settings import FLAG, NUMBER, Allowed, ToolSettings, instance_of, one_of, setting

from . import parse_offers, parse_tags

# NOTE: of callables, or None. But to mypy a constant that holds unlike callables maps to objects.
Renderers = Mapping[str, Any]
Renderer = Callable[[Any], Any]  # of whatever a handler returns
Names = str | Sequence[str] | KeysView[str]

ACCEPT_NOTHING = "*/*;q=0"
FORMATS = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "md": "text/markdown",
    "txt": "text/plain",
    "xml": "application/xml",
}


def listed(names: Names | Renderers | None) -> tuple[str, ...]:
    """Return *names* in their order, be it one alone."""
    return (names,) if isinstance(names, str) else tuple(names or ())


# In an order, and whole at each request: no set, and no iterator, which the first look empties.
def _some(values: str) -> Allowed:
    kinds = (Sequence, Mapping, KeysView)
    return Allowed(values, lambda it: it is None or (isinstance(it, kinds) and bool(it)))


def _are_distinct_types(media: Names | Renderers | None) -> bool:
    offers = parse_offers(listed(media))
    return len({(it.kind, *sorted(it.parameters.items())) for it in offers}) == len(offers)


def _have_known_charsets(media: Names | Renderers | None) -> bool:
    try:
        for offer in parse_offers(listed(media)):
            "".encode(offer.parameters.get("charset", "utf-8"))
    except LookupError:
        return False
    return True


def _are_distinct_tags(languages: Names | None) -> bool:
    tags = parse_tags(listed(languages))
    return len(set(tags)) == len(tags)


def _are_renderers(value: object) -> bool:
    renderers: Collection[object] = value.values() if isinstance(value, Mapping) else ()
    return all(renderer is None or callable(renderer) for renderer in renderers)


def _are_types(value: Mapping[str, object] | bool | None) -> bool:
    """Tell whether a mapping is of media types; raise InvalidOfferError for a key that is none."""
    return parse_offers(tuple(value) if isinstance(value, Mapping) else ()) is not None


def _lead_to_types(formats: Mapping[str, str] | None) -> bool:
    """Tell whether *formats* lead to media types; raise InvalidOfferError if one does not."""
    return parse_offers(tuple((formats or {}).values())) is not None


_RENDERERS = Allowed("a mapping to callables, or to None", _are_renderers)
_DISTINCT = "unlike ones: the second of two is never chosen"


def check_offers(media: Names | Renderers | None, languages: Names | None) -> None:
    """Raise SettingError where the tool is on and there is nothing to choose from."""
    if not media and not languages:
        remedy = "the tool is on, so media has to be a media type, or a list or a mapping of some."
        raise SettingError("accept.media", media, remedy)


@dataclass(frozen=True, kw_only=True)
class AcceptSettings(ToolSettings):
    """The settings of the accept tool."""

    media: Names | Renderers | None = setting(
        None,
        "a media type, a list in your order of preference, or a mapping to renderers",
        _some("a media type, or a list or a mapping of some"),
        _RENDERERS,
        Allowed(_DISTINCT, _are_distinct_types),
        Allowed("types with a charset that Python knows", _have_known_charsets),
    )
    on_none: Literal["406", 406, "first"] = setting(
        "406",
        'nothing acceptable: `"406"`, or `"first"` to serve the first offer',
        one_of("406", 406, "first"),
    )
    strict: bool = setting(False, "answer 400 to a malformed field, naming the element", FLAG)
    languages: Names | None = setting(
        None,
        "language tags in your order, for `Accept-Language`",
        _some("a language tag, or a list of some"),
        Allowed(_DISTINCT, _are_distinct_tags),
    )
    format_param: str | None = setting(
        None,
        'a query parameter that overrides `Accept`, such as `"format"`',
        instance_of(str, "the name of a query parameter").or_none(),
    )
    formats: Mapping[str, str] | None = setting(
        None,
        f"its values, a mapping to media types; {', '.join(FORMATS)} unless given",
        instance_of(Mapping, "a mapping of names to media types").or_none(),
        Allowed("a mapping to media types", _lead_to_types),
    )
    errors: bool | Renderers = setting(
        False,
        "tell errors in the negotiated type: `True`, or a mapping to renderers",
        Allowed(
            "True, False or a mapping to renderers",
            lambda it: FLAG.fits(it) or isinstance(it, Mapping),
        ),
        _RENDERERS,
        Allowed("a mapping of media types", _are_types),
    )
    priority: float | None = setting(
        None, "of the hook at `on_start_resource`; 50 unless given", NUMBER.or_none()
    )
    debug: bool = setting(False, "log each choice", FLAG)

    @property
    def offers(self) -> tuple[str, ...]:
        """Return the media types in the server's order."""
        return listed(self.media)

    def asked(self, header: str | None, query: str) -> tuple[str | None, str | None]:
        """Return the Accept field that counts, and the format that the query asks for, if any.

        *header* is the Accept field that was sent.
        """
        formats = parse_qsl(query, keep_blank_values=True)
        name = dict(formats).get(self.format_param or "")
        if name is None:
            return header, None
        return (self.formats or FORMATS).get(name, ACCEPT_NOTHING), name
