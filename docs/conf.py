"""How Sphinx builds these pages into a site: ``make docs``, which stops at every warning."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "flask-resource-server"
author = "The flask-resource-server contributors"
project_copyright = "2026, the flask-resource-server contributors"
version = release = version_of(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "sphinx_copybutton"]
exclude_patterns = ["benchmarks/**"]
source_suffix = {".md": "markdown"}

# The reference is written for people who install the library, so it has the name that they import.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Pygments has no lexer for some of the blocks; they are printed in one colour.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = "flask-resource-server"
html_static_path = ["_static"]
html_css_files = ["diff.css"]
html_favicon = "_static/padlock.svg"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
copybutton_exclude = ".linenos, .gp, .go"
