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
