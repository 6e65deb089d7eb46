"""What the timing tool and the timing plugin can be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from cpkit.errors import ConfigError
from cpkit.settings import FLAG, SECONDS, Allowed, ToolSettings, declared, setting

from .hooks import Header

# OpenTelemetry, HTTP metrics: the bounds advised for http.server.request.duration.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

_ARGUMENTS = ("routes", "methods", "slowest", "recent")


class Registry(Protocol):
    """A registry of prometheus_client."""

    def register(self, collector: object) -> None:
        """Add a collector."""

    def unregister(self, collector: object) -> None:
        """Take it out."""

    def collect(self) -> Iterable[Any]:
        """Return its metrics."""


class TracerProvider(Protocol):
    """A TracerProvider of OpenTelemetry."""

    def get_tracer(self, name: str, version: str) -> object:
        """Return a tracer."""


def _rises(value: object) -> bool:
    if not isinstance(value, Sequence) or not value:
        return False
    numbers = all(isinstance(each, int | float) for each in value)
    return numbers and all(low < high for low, high in pairwise(value))


_HEADER = Allowed(
    'True, False, "local" or a callable',
    lambda it: FLAG.fits(it) or it == "local" or callable(it),
)
_REGISTRY = Allowed(
    "True, False or a registry of prometheus_client",
    lambda it: it is None or FLAG.fits(it) or (hasattr(it, "register") and hasattr(it, "collect")),
    "give",
)
_PROVIDER = Allowed(
    "True, False or a TracerProvider of OpenTelemetry",
    lambda it: it is None or FLAG.fits(it) or hasattr(it, "get_tracer"),
    "give",
)
_BUCKETS = Allowed("numbers of seconds that rise, such as [0.01, 0.1, 1]", _rises, "give")


@dataclass(frozen=True, kw_only=True)
class TimingSettings(ToolSettings):
    """The settings of the timing tool."""

    header: Header = setting(False, "send Server-Timing", _HEADER)
    slow: float | None = setting(
        None, "seconds from which on a request is logged with its phases", SECONDS.or_none()
    )


@dataclass(kw_only=True)
class TimingPluginSettings:
    """The settings that the timing plugin takes from config."""

    on: bool = setting(False, "subscribe the plugin", FLAG)
    prometheus: bool | Registry = setting(False, "count in a Prometheus registry too", _REGISTRY)
    buckets: Sequence[float] = setting(BUCKETS, "bounds of its histogram, in seconds", _BUCKETS)
    traces: bool | TracerProvider = setting(False, "make OpenTelemetry spans", _PROVIDER)
    traces_from: float = setting(0, "seconds from which on a phase has a span", SECONDS)


def problem_of(setting: str, value: object) -> str | None:
    """Return what to give instead of *value* for a setting of the plugin; None if it will do."""
    refusing = (it for it in declared(TimingPluginSettings)[setting].allowed if not it.fits(value))
    return next((f"{allowed.verb} {allowed.values}" for allowed in refusing), None)


def check_config(name: str, config: Mapping[str, object]) -> None:
    """Raise ConfigError for a key of ``cherrypy.engine.<name>`` that is none or has a wrong value.

    *config* is the global config.
    """
    prefix, known = f"engine.{name}.", declared(TimingPluginSettings)
    for key, value in config.items():
        if not key.startswith(prefix):
            continue
        setting = key.removeprefix(prefix)
        problem: str | None
        if setting in _ARGUMENTS:
            problem = f"it is an argument: write TimingPlugin(cherrypy.engine, {setting}=...)"
        elif setting not in known:
            problem = f"there is no such setting; there are {', '.join(known)}"
        else:
            problem = problem_of(setting, value)
        if problem:
            raise ConfigError(key, "the global config", f"{problem} (it is {value!r}).")
