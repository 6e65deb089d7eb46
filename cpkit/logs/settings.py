"""What the log plugin can be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cpkit.errors import ConfigError, CpkitError
from cpkit.settings import WHOLE, Allowed, check_values, declared, setting

_NAME = re.compile(r"[A-Za-z0-9-]+")
_HEADER = Allowed(
    "the name of a header field, or None",
    lambda it: it is None or (isinstance(it, str) and bool(_NAME.fullmatch(it))),
)


@dataclass
class LogSettings:
    """The settings of the log plugin."""

    header: str | None = setting(
        "X-Request-ID",
        "the field in which the id of a request comes and goes; `None`: none",
        _HEADER,
    )
    queue: int = setting(
        0,
        "how many lines may wait for a thread that writes them; 0: each is written at once",
        WHOLE,
    )


def check_config(name: str, config: Mapping[str, object]) -> None:
    """Raise ConfigError for a key ``engine.<name>.…`` of *config* that cannot be used."""
    prefix, known = f"engine.{name}.", ("on", *declared(LogSettings))
    for key, value in config.items():
        if not key.startswith(prefix):
            continue
        setting = key.removeprefix(prefix)
        if setting not in known:
            reason = f"there is no such setting; there are {', '.join(known)}."
            raise ConfigError(key, "the global config", reason)
        if setting != "on":
            try:
                check_values(f"engine.{name}", LogSettings, {setting: value})
            except CpkitError as error:
                raise ConfigError(key, "the global config", str(error)) from error
