"""What can go wrong in cpkit: each error carries its data and says what to do about it."""

from __future__ import annotations


class CpkitError(Exception):
    """Be the base of every error that cpkit raises on purpose."""


class RouteError(CpkitError):
    """Refuse a route that could never work, when it is declared.

    *template* is the route's path as it was written, *problem* what is wrong, *remedy* what to
    write instead.
    """

    def __init__(self, template: object, problem: str, remedy: str) -> None:
        super().__init__(f"Route {template!r}: {problem}. {remedy}")
        self.template, self.problem, self.remedy = template, problem, remedy

    def __reduce__(self) -> tuple[type[RouteError], tuple[object, str, str]]:
        return RouteError, (self.template, self.problem, self.remedy)


class TimingSettingError(CpkitError, ValueError):
    """Tell that a setting of the timing tool or plugin has a value that it cannot have."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(f"The timing setting {name} is {value!r}: set it to {allowed}.")
        self.name, self.value, self.allowed = name, value, allowed


class FieldTooLargeError(CpkitError):
    """Refuse a request field that is longer than is read; to a client, a 431."""

    def __init__(self, unit: str, found: int, limit: int) -> None:
        super().__init__(f"The field has {found} {unit}, and at most {limit} are read: send fewer.")
        self.unit, self.found, self.limit = unit, found, limit

    def __reduce__(self) -> tuple[type[FieldTooLargeError], tuple[str, int, int]]:
        return FieldTooLargeError, (self.unit, self.found, self.limit)


class MalformedFieldError(CpkitError):
    """Refuse a request field that breaks its grammar; to a client, a 400 if asked to be strict."""

    def __init__(self, element: str) -> None:
        super().__init__(f"The element {element[:80]!r} is malformed: correct it or leave it out.")
        self.element = element

    def __reduce__(self) -> tuple[type[MalformedFieldError], tuple[str]]:
        return MalformedFieldError, (self.element,)


class InvalidOfferError(CpkitError):
    """Refuse to negotiate for an offer that no client could ask for."""

    def __init__(self, offer: object, expected: str, example: str) -> None:
        super().__init__(f"The offer {offer!r} is not {expected}: write it like {example!r}.")
        self.offer, self.expected, self.example = offer, expected, example

    def __reduce__(self) -> tuple[type[InvalidOfferError], tuple[object, str, str]]:
        return InvalidOfferError, (self.offer, self.expected, self.example)
