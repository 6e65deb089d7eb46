"""CherryPy tools in a toolbox of their own, switched on by ``cpkit.<tool>.on``.

Importing this module adds the one key ``cpkit`` to ``cherrypy.Application.toolboxes`` and
replaces nothing of CherryPy's.
"""

from __future__ import annotations

import cherrypy

from cpkit.cherry import Part
from cpkit.parameters.refusals import InvalidRequest

from ._accept import AcceptTool
from ._body import BodyTool
from ._compress import CompressTool
from ._cors import CorsTool
from ._csrf import CsrfTool
from ._db import DatabaseTool
from ._params import ParamsTool
from ._timing import TimingTool
from ._toolbox import Toolbox

__all__ = [
    "AcceptTool",
    "BodyTool",
    "CompressTool",
    "CorsTool",
    "CsrfTool",
    "DatabaseTool",
    "InvalidRequest",
    "ParamsTool",
    "Part",
    "TimingTool",
    "accept",
    "body",
    "compress",
    "cors",
    "csrf",
    "db",
    "params",
    "timing",
    "toolbox",
]

toolbox = Toolbox("cpkit")
cherrypy.Application.toolboxes["cpkit"] = toolbox

accept = toolbox.accept = AcceptTool()
timing = toolbox.timing = TimingTool()
db = toolbox.db = DatabaseTool()
cors = toolbox.cors = CorsTool()
csrf = toolbox.csrf = CsrfTool()
compress = toolbox.compress = CompressTool()
params = toolbox.params = ParamsTool()
body = toolbox.body = BodyTool()
