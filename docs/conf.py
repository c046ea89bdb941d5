"""The site: `python -m sphinx -W -b html docs build/site`, which opens offline."""

from __future__ import annotations

import html
import re
from pathlib import Path

from docutils import nodes

project = "shrinkage"
author = "The Shrinkage developers"
_source = Path(__file__).parents[1] / "src" / "shrinkage" / "__init__.py"
release = re.findall(r'__version__ = "(.+)"', _source.read_text())[0]
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["build", "examples"]
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

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "only_warn_on_example_error": False,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 60,
}

html_theme = "pydata_sphinx_theme"
html_title = "shrinkage"
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {"**": ["globaltoc.html"]}
html_show_sourcelink = False
html_show_search_summary = False  # it fetches the pages, which no browser does from files
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

html_math_renderer = "text"  # scikit-learn's docstrings have a formula, for which MathJax would be fetched


def plain_stars(app, what: str, name: str, obj, options, lines: list[str]) -> None:
    """Inherited docstrings name what takes any number of values `*values`, which is emphasis without an end here."""
    lines[:] = [re.sub(r"^(\s*)\*(\w+ :)", r"\1\\*\2", line) for line in lines]


def setup(app) -> None:
    app.connect("autodoc-process-docstring", plain_stars, priority=100)

    def as_text(translator, node) -> None:
        translator.body.append(f"<code>{html.escape(node.astext())}</code>")
        raise nodes.SkipNode

    app.add_html_math_renderer("text", (as_text, None), (as_text, None))
