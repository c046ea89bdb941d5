"""The site: `python -m sphinx -W -b html docs build/site`, which opens offline."""

from __future__ import annotations

import re
from pathlib import Path

project = "shrinkage"
author = "The Shrinkage developers"
_source = Path(__file__).parents[1] / "src" / "shrinkage" / "__init__.py"
release = re.findall(r'__version__ = "(.+)"', _source.read_text())[0]
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["build"]
templates_path = ["_templates"]
# Links to anchors are checked on the built pages (.ci/site): MyST doesn't know those that a page writes as HTML, and
# methods inherited from scikit-learn refer to its own user guide.
suppress_warnings = ["myst.header", "myst.xref_missing", "ref.ref", "ref.term"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Differs from", "notes_style")]

html_theme = "pydata_sphinx_theme"
html_title = "shrinkage"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {"**": ["globaltoc.html"]}
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_center": [],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
copyright = "The Shrinkage developers, Apache-2.0"
