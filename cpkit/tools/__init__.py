"""CherryPy tools in a toolbox of their own, switched on by ``cpkit.<tool>.on``.

Importing this module adds the one key ``cpkit`` to ``cherrypy.Application.toolboxes`` and
replaces nothing of CherryPy's.
"""

from __future__ import annotations

import cherrypy

from ._timing import TimingTool
from ._toolbox import Toolbox

__all__ = ["TimingTool", "timing", "toolbox"]

toolbox = Toolbox("cpkit")
cherrypy.Application.toolboxes["cpkit"] = toolbox

timing = toolbox.timing = TimingTool()
