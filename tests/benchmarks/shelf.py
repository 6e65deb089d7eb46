"""The databases of a question: files in memory, with what has them open."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cherrypy

from tests.benchmarks.wsgi import QUIET

MEMORY = "/dev/shm"  # the disk's moods stay out


class Shelf(ExitStack):
    """A folder of SQLite files; closing it closes what was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if Path(MEMORY).is_dir() else None))
        self.callback(shutil.rmtree, self.folder)
        cherrypy.config.update(QUIET)

    def engine(self, path: Path) -> Any:
        """Return SQLAlchemy's engine of the database in a file."""
        from sqlalchemy import create_engine

        engine = create_engine(f"sqlite:///{path}")
        self.callback(engine.dispose)
        return engine

    def plugin(self, path: Path, name: str = "db") -> None:
        """Start cpkit's plugin as ``engine.<name>`` on the database in a file."""
        from cpkit.plugins import DatabasePlugin

        plugin = DatabasePlugin(cherrypy.engine, f"sqlite:///{path}")
        setattr(cherrypy.engine, name, plugin)
        plugin.start()
        self.callback(plugin.stop)
