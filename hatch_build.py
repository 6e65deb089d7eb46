"""The package's page, made as a distribution is built: README with links that lead somewhere.

The home is the web address of the repository that publishes, from the environment variable
``CPKIT_HOME``. Links lead there, at the tag of the version. Without a home the links into the
repository are left as words, and its pictures are left out.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:)([^)]*)\)\n*")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)([^)]*)\)")


class CustomMetadataHook(MetadataHookInterface):
    """What hatchling asks for ``readme`` and ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the page and the addresses to *metadata*."""
        home = os.environ.get("CPKIT_HOME", "").rstrip("/")
        at = f"v{metadata['version']}"
        text = page((Path(self.root) / "README.md").read_text("utf-8"), home, at)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = urls(home, at) if home else {}


def page(readme: str, home: str, at: str) -> str:
    """Return *readme* as the package's page; *at* is the tag that its links lead to."""
    if not home:
        return _LINK.sub(r"\1", _PICTURE.sub("", readme))
    readme = _PICTURE.sub(rf"![\1]({home}/raw/{at}/\2)\n\n", readme)
    return _LINK.sub(rf"[\1]({home}/blob/{at}/\2)", readme)


def urls(home: str, at: str) -> dict[str, str]:
    """Return the addresses that the package's page shows beside the text."""
    files = f"{home}/blob/{at}"
    return {
        "Source": home,
        "Documentation": f"{files}/docs/index.md",
        "Benchmarks": f"{files}/docs/benchmarks.md",
        "Changelog": f"{files}/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }
