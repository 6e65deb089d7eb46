"""CherryPy tools in a toolbox of their own, switched on by ``cpkit.<tool>.on``.

Importing this module adds the one key ``cpkit`` to ``cherrypy.Application.toolboxes`` and
replaces nothing of CherryPy's.
"""

from __future__ import annotations

import cherrypy

from ._accept import AcceptTool
from ._db import DatabaseTool
from ._timing import TimingTool
from ._toolbox import Toolbox

__all__ = ["AcceptTool", "DatabaseTool", "TimingTool", "accept", "db", "timing", "toolbox"]

toolbox = Toolbox("cpkit")
cherrypy.Application.toolboxes["cpkit"] = toolbox

accept = toolbox.accept = AcceptTool()
timing = toolbox.timing = TimingTool()
db = toolbox.db = DatabaseTool()
