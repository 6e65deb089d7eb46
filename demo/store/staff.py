"""Chapter 11's plugin: the staff, who work while the customers shop."""

from __future__ import annotations

import time
from typing import Any

from cherrypy.process.plugins import Monitor

from ..chapters import strings
from . import receipts
from .shelves import restock

# Seconds. A session ends an hour after the last visit; a visitor who stays keeps the string.
LIFETIME = 24 * 60 * 60


class Staff(Monitor):
    """Walk round every *frequency* seconds: fill low shelves, clear old strings and receipts.

    Config, as ``cherrypy.engine.staff``: ``engine.staff.on``, ``engine.staff.frequency``. Any
    number of processes may employ staff: each round is one transaction.
    """

    def __init__(self, bus: Any, database: Any, frequency: float = 5) -> None:
        self.database = database
        super().__init__(bus, self.round, frequency, name="Staff")

    def round(self) -> None:
        """Do what is to be done now; a database that is away is waited for."""
        try:
            with self.database.begin() as connection:
                filled = restock(connection)
                for papers in (strings, receipts):
                    papers.forget_older(connection, time.time() - LIFETIME)
        except Exception as error:
            self.bus.log(f"The staff could not work: {error}")
        else:
            if filled:
                self.bus.log(f"The staff restocked {filled} shelves.")
