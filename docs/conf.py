"""How Sphinx builds the documentation."""

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
