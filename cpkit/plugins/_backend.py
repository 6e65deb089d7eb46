"""What the plugin does for every kind of database, and what each kind overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import URL

from ._engine import build_engine
from ._lanes import Lane, Lanes

if TYPE_CHECKING:
    from ._database import DatabasePlugin
    from ._unit import Unit


class Backend:
    """Serve any database that SQLAlchemy knows: ordinary transactions, one lane for all."""

    keeps_data_in_connection = False

    def __init__(self, plugin: DatabasePlugin, url: URL) -> None:
        self.plugin, self.url = plugin, url

    def lanes(self) -> Lanes:
        """Build the engines."""
        engine = build_engine(self.url, self, **self.options())
        lane = Lane(engine)
        return Lanes(lane, lane)

    def options(self) -> dict[str, Any]:
        """Return what create_engine is called with; the user's own options come last."""
        return {
            "pool_size": self.plugin.connections,
            "pool_timeout": self.plugin.timeout,
            "pool_recycle": self.plugin.max_age,
            "pool_use_lifo": True,  # the fewest connections are kept busy, the rest grow idle
            **self.plugin.engine_options,
        }

    def connected(self, driver: Any, record: Any) -> None:
        """Set up a connection that was just opened."""

    def checkout(self, driver: Any, record: Any, fairy: Any) -> None:
        """Look at a connection that is about to be lent; DisconnectionError replaces it."""

    def prepare(self, driver: Any, unit: Unit) -> None:
        """Set the modes that *unit* asks for, before its first statement."""

    def begin(self, driver: Any, unit: Unit | None) -> None:
        """Begin a transaction; None where a connection is used without a unit."""

    def restore(self, driver: Any, unit: Unit) -> None:
        """Undo what :meth:`prepare` set."""
