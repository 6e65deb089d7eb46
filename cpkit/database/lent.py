"""The units of work that requests have, a class for each handle."""

from __future__ import annotations

from .connection import ConnectionUnit
from .driver import DriverUnit
from .orm import OwnSessionUnit, SessionUnit
from .requests import Lent
from .unit import Unit


class LentConnection(Lent, ConnectionUnit):
    """A request's unit of work, with a SQLAlchemy Connection."""


class LentSession(Lent, SessionUnit):
    """A request's unit of work, with an ORM Session."""


class LentOwnSession(Lent, OwnSessionUnit):
    """A request's unit of work, with a session of the application's own class."""


class LentDriver(Lent, DriverUnit):
    """A request's unit of work, with the driver's own connection."""


LENT: dict[type[Unit], type[Lent]] = {
    ConnectionUnit: LentConnection,
    SessionUnit: LentSession,
    OwnSessionUnit: LentOwnSession,
    DriverUnit: LentDriver,
}
