"""The programs in docs/howto, for tests that need more than the page's own test has."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

HOWTO = Path(__file__).parent.parent / "docs" / "howto"
_FILE = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@contextmanager
def program(page: str, name: str, folder: Path) -> Iterator[ModuleType]:
    """Write the file *name* of a *page* into *folder* and import it, for as long as a block lasts.

    It is run as it stands on the page, so that what a reader copies is what was tested.
    """
    written = dict(_FILE.findall((HOWTO / f"{page}.md").read_text()))
    (folder / f"{name}.py").write_text(written[name])
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(name, None)
