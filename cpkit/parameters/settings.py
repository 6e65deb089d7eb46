"""What the params and body tools can be told, as keyword arguments or in config."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cpkit.errors import MissingExtraError
from cpkit.negotiation import parse_offers
from cpkit.settings import FLAG, WHOLE, Allowed, ToolSettings, instance_of, setting

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BODY = "body"  # the parameter that gets the document
WITH_FORMS = ("POST", "PUT", "PATCH")  # the methods of requests whose forms are read
MAX_BYTES = 64 * 1024
# NOTE: of callables, or None; see cpkit.negotiation.settings.Renderers.
Parsers = Mapping[str, Any]


def _are_names(value: object) -> bool:
    names = value if isinstance(value, list | tuple | set | frozenset) else [None]
    return all(isinstance(name, str) for name in names)


def _are_types(media: str | Sequence[str] | Parsers) -> bool:
    """Tell whether there are media types; raise InvalidOfferError for one that is none."""
    return bool(media) and bool(parse_offers(_listed(media)))


def _have_parsers(media: str | Sequence[str] | Parsers) -> bool:
    """Tell whether each media type has a parser: of JSON and forms there is one."""
    parsers = media if isinstance(media, Mapping) else {}
    kinds = {text: offer.kind for text, offer in zip(media, _parsed(media), strict=False)}
    return all(
        callable(parsers.get(text))
        or (parsers.get(text) is None and (is_json(kind) or kind == FORM))
        for text, kind in kinds.items()
    )


def _listed(media: str | Sequence[str] | Parsers) -> tuple[str, ...]:
    return (media,) if isinstance(media, str) else tuple(media)


def _parsed(media: str | Sequence[str] | Parsers) -> Any:
    return parse_offers(_listed(media))


def is_json(kind: str) -> bool:
    """Tell whether the media type *kind* is JSON's, or built on it (RFC 6839, 3.1)."""
    return kind == JSON or kind.endswith("+json")


def require_msgspec() -> None:
    """Raise MissingExtraError if what reads annotations is not installed."""
    try:
        import msgspec  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("msgspec", "params") from error


@dataclass(frozen=True, kw_only=True)
class ParamsSettings(ToolSettings):
    """The settings of the params tool."""

    skip: Sequence[str] = setting(
        (),
        "names of parameters that other tools fill",
        Allowed("a list of names", _are_names),
    )
    form: bool = setting(True, "`False`: leave the body to the handler", FLAG)


@dataclass(frozen=True, kw_only=True)
class BodySettings(ToolSettings):
    """The settings of the body tool."""

    media: str | Sequence[str] | Parsers = setting(
        JSON,
        "a media type, a list of them, or a mapping to parsers, callables that take bytes",
        instance_of((str, list, tuple, Mapping), "a media type, or a list or a mapping of some"),
        Allowed("a media type, or a list or a mapping of some", _are_types),
        Allowed("a mapping to a parser for each media type but JSON and forms", _have_parsers),
    )
    parameter: str = setting(
        BODY,
        "the handler's parameter that gets the value",
        Allowed("the name of a parameter", lambda it: isinstance(it, str) and it.isidentifier()),
    )
    max_bytes: int = setting(
        MAX_BYTES,
        "how long a body may be; longer ones are 413",
        Allowed(
            "a number of bytes from 1 on",
            lambda it: isinstance(it, int) and not isinstance(it, bool) and it > 0,
        ),
    )

    max_values: int | None = setting(
        None,
        "how much may be made of a document; more is 413; none: twice `max_bytes`",
        WHOLE.or_none(),
    )

    @property
    def most_values(self) -> int:
        """Return *max_values*, or what goes with *max_bytes*."""
        return 2 * self.max_bytes if self.max_values is None else self.max_values

    @property
    def parsers(self) -> dict[str, Callable[[bytes], object] | None]:
        """Return the parser of each media type, in lower case; None: JSON's."""
        media = self.media
        own = media if isinstance(media, Mapping) else {}
        offers = _parsed(media)
        return {offer.kind: own.get(offer.text) for offer in offers}
