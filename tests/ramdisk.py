"""The tests' files in memory, where the machine has a file system there with room for them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

RAM = Path("/dev/shm")
_NEEDED = 2 * 1024**3  # a run takes a tenth; containers as a rule have 64 MiB there


def use() -> None:
    """Have temporary files be made in memory, unless TMPDIR says where.

    PERF: what tests write is gone after them. A disk makes them wait for each database that is
    opened: a third of the time of the tests of databases.
    """
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = tempfile.tempdir = str(RAM)


def _has_room() -> bool:
    if not os.access(RAM, os.W_OK | os.X_OK):
        return False
    may_execute = not os.statvfs(RAM).f_flag & getattr(os, "ST_NOEXEC", 0)
    return may_execute and shutil.disk_usage(RAM).free > _NEEDED
