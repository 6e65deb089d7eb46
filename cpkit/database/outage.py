"""A database that is gone: one thread tries to reach it again, and requests wait for that."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from cpkit.errors import DatabaseBusyError, DatabaseUnavailableError

from .faults import Fault, backoff, fault_of

_BETWEEN_TRIES = 0.02  # seconds
_SILENCE = 60.0  # seconds without a further line on the same


class Outage:
    """One reconnect that is shared by all who need the database.

    *probe* opens and closes a connection, *log* is called with a message and a level: once when
    the database is lost and once when it is back, however many requests fail in between. Errors
    tell the database's *name*.
    """

    def __init__(
        self, probe: Callable[[], None], log: Callable[[str, int], object], name: str = "db"
    ) -> None:
        self._probe, self._log, self._name = probe, log, name
        self.lasts = False  # whether the database is gone at the moment
        self._mutex = threading.Lock()
        self._back = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._silent_until = 0.0

    def wait(self, deadline: float) -> None:
        """Wait for the database; raise DatabaseUnavailableError after *deadline* (monotonic)."""
        if threading.current_thread() is self._thread:
            return  # the probe itself
        if not self._back.wait(max(deadline - time.monotonic(), 0)):
            raise self._unreachable()

    def may_try_again(self, error: Exception, deadline: float) -> bool:
        """Tell whether what failed with *error* may work soon; come back when it may.

        Raise DatabaseUnavailableError or DatabaseBusyError after *deadline* (monotonic).

        NOTE: a server that has no connection left for us is not gone: those we have go on, and
        one of them will be free soon, whereas a probe would never get one.
        """
        fault, late = fault_of(error), time.monotonic() > deadline
        if fault is Fault.GONE:
            self.begin(error)
            if late:
                raise self._unreachable() from error
        elif fault is Fault.BUSY:
            if late:
                self.say_seldom("no connection to be had", error)
                raise DatabaseBusyError(
                    f"The database {self._name} has no connection left"
                ) from error
            time.sleep(_BETWEEN_TRIES * (1 - random.random() / 2))  # noqa: S311
        else:
            return False
        return True

    def _unreachable(self) -> DatabaseUnavailableError:
        return DatabaseUnavailableError(f"The database {self._name} cannot be reached")

    def say_seldom(self, what: str, error: Exception) -> None:
        """Log *what* keeps requests from being served, and why; not each time."""
        now = time.monotonic()
        if now > self._silent_until:
            self._silent_until = now + _SILENCE
            self._log(f"{what}: {_first_line(error)}.", 40)

    def begin(self, error: Exception) -> None:
        """Note that the database is gone, and have a thread try to reach it again."""
        with self._mutex:
            # NOTE: after a fork the thread is not alive in the child, which starts its own.
            if self._thread is not None and self._thread.is_alive() and self.lasts:
                return
            self._back.clear()
            self.lasts = True
            self._log(f"lost: {_first_line(error)}. Trying to reach it again.", 40)
            self._thread = threading.Thread(target=self._recover, name="cpkit-db", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give up trying."""
        self._stopped.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def _recover(self) -> None:
        said = ""
        for pause in backoff():
            try:
                self._probe()
            except Exception as error:
                why = _first_line(error)
                if fault_of(error) not in (Fault.GONE, Fault.BUSY) and why != said:
                    said = why  # it will not pass by itself: setup fails, a file is not writable
                    self._log(f"cannot be used: {why}.", 40)
                if self._stopped.wait(pause):
                    return
            else:
                break
        self._log("back.", 20)
        self.lasts = False
        self._back.set()


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0].rstrip(".")
