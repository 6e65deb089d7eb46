"""Write the tables of settings into the pages of docs/, as the settings are declared."""

import re
from pathlib import Path

import cpkit.tools
from cpkit.database.settings import DatabaseSettings
from cpkit.logs.settings import LogSettings
from cpkit.settings import declared, table
from cpkit.timing.settings import TimingPluginSettings

DOCS = Path(__file__).parent
TOOLS = {
    "accept": "accept.md",
    "body": "params.md",
    "compress": "compress.md",
    "cors": "origins.md",
    "csrf": "origins.md",
    "db": "database.md",
    "params": "params.md",
    "timing": "timing.md",
}
# What begins the keys: the declarations, and the page of their table.
DECLARED = {
    **{f"cpkit.{it}": (getattr(cpkit.tools, it).settings, page) for it, page in TOOLS.items()},
    "engine.db": (DatabaseSettings, "database.md"),
    "engine.logs": (LogSettings, "logs.md"),
    "engine.timing": (TimingPluginSettings, "timing.md"),
}


def wanted(prefix):
    """Return the table of the settings whose keys begin with *prefix*."""
    declarations, _ = DECLARED[prefix]
    lines = table(prefix, declarations).splitlines()
    if "on" not in declared(declarations):
        lines.insert(2, f"| `{prefix}.on` | True or False | off | subscribe the plugin |")
    return "\n".join([*lines, ""])


def there(prefix):
    """Return the table that is on the page."""
    row = rf"\| `{re.escape(prefix)}\.[^\n]*\n"
    found = re.search(rf"\| key [^\n]*\n\|[-| ]*\n(?:{row})+", page_of(prefix).read_text())
    return found[0] if found else ""


def page_of(prefix):
    """Return the page that the table belongs to."""
    return DOCS / DECLARED[prefix][1]


if __name__ == "__main__":
    for prefix in DECLARED:
        page = page_of(prefix)
        page.write_text(page.read_text().replace(there(prefix), wanted(prefix)))
