"""OpenAPI 3.1 from what is there already: routes, tools, annotations and docstrings.

Needs msgspec: ``cpkit[params]``.
"""

from __future__ import annotations

from cpkit.parameters.settings import require_msgspec

require_msgspec()

from .additions import named, operation  # noqa: E402
from .description import describe  # noqa: E402
from .page import Page  # noqa: E402

__all__ = ["Page", "describe", "named", "operation"]
