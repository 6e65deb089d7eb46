"""What the timing tool can be told, and the timing plugin in config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cherrypy

from cpkit.errors import ConfigError
from cpkit.settings import FLAG, SECONDS, Allowed, ToolSettings, setting

from .hooks import Header

if TYPE_CHECKING:
    from cpkit.plugins.timing import TimingPlugin

_HEADER = Allowed(
    'True, False, "local" or a callable',
    lambda it: FLAG.fits(it) or it == "local" or callable(it),
)


@dataclass(frozen=True, kw_only=True)
class TimingSettings(ToolSettings):
    """The settings of the timing tool."""

    header: Header = setting(False, "send Server-Timing", _HEADER)
    slow: float | None = setting(
        None, "seconds from which on a request is logged with its phases", SECONDS.or_none()
    )


_ARGUMENTS = ("routes", "methods", "slowest", "recent")
_KEYS = ("on", "prometheus", "buckets")


def check_config(plugin: TimingPlugin) -> None:
    """Raise ConfigError for a config key of *plugin* that is none, or has a wrong value."""
    name = next((name for name, it in vars(plugin.bus).items() if it is plugin), "timing")
    prefix = f"engine.{name}."
    for key, value in cherrypy.config.items():
        if key.startswith(prefix):
            problem = _problem(key[len(prefix) :], value)
            if problem:
                raise ConfigError(key, "the global config", f"{problem} (it is {value!r}).")


def _problem(setting: str, value: Any) -> str | None:
    if setting in _ARGUMENTS:
        return f"it is an argument: write TimingPlugin(cherrypy.engine, {setting}=...)"
    if setting not in _KEYS:
        return f"there is no such setting; there are {', '.join(_KEYS)}"
    if setting == "buckets" and not _rises(value):
        return "give numbers of seconds that rise, such as [0.01, 0.1, 1]"
    if setting == "prometheus" and not (value in (True, False, None) or _is_registry(value)):
        return "give True, False or a registry of prometheus_client"
    return None


def _rises(value: Any) -> bool:
    if not isinstance(value, Sequence) or not value:
        return False
    numbers = all(isinstance(each, int | float) for each in value)
    return numbers and all(low < high for low, high in pairwise(value))


def _is_registry(value: Any) -> bool:
    return hasattr(value, "register") and hasattr(value, "collect")
