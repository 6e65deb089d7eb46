"""How Sphinx builds the documentation."""

import re
from importlib.metadata import version as installed
from pathlib import Path

project = "cpkit"
author = "the cpkit developers"
version = release = installed("cpkit")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
# The page lists the members of each class: what is not listed is not public.
autodoc_default_options = {"show-inheritance": True}
# A class's sentence says what it is for; the parameters of __init__ stand in its signature.
autoclass_content = "class"
# The page of the benchmarks is written by `make bench`; without it the rest is complete.
if not Path(__file__).with_name("benchmarks.md").exists():
    suppress_warnings = ["toc.not_readable"]

html_theme = "furo"
html_title = f"cpkit {release}"
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["narrow.css"]

# What the theme leaves out, and a reader who hears the page or has no mouse needs.
ACCESSIBLE = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    "<pre>": '<pre tabindex="0">',
    '<div id="search-results">': '<h1>Search</h1>\n<div id="search-results">',
    'class="table-wrapper': 'tabindex="0" role="group" aria-label="Table" class="table-wrapper',
}
# A cell at the head of a table that says nothing is no heading.
EMPTY_HEAD = re.compile(r'<th class="([\w -]*)"><p></p></th>')


def make_accessible(app, failed):
    """Complete the pages that were built."""
    if failed or app.builder.name != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text()
        for theirs, ours in ACCESSIBLE.items():
            text = text.replace(theirs, ours)
        page.write_text(EMPTY_HEAD.sub(r'<td class="\1"></td>', text))


def setup(app):
    """Have the pages completed at the end."""
    app.connect("build-finished", make_accessible)
