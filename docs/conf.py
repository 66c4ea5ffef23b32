"""How Sphinx makes HTML of the documents; `tox -e docs` runs it, and takes a warning for an error.

The folder of sources is the whole checkout, so that the pages link to each other as they do where they are
read, and the reference comes from the docstrings of the package that is installed.
"""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "gradio_client_lite"
author = f"the authors of {project}"
copyright = author  # noqa: A001 - Sphinx's name
release = version = version_of(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.intersphinx"]
root_doc = "docs/index"
include_patterns = [
    *("docs/**.md", "examples/**.md"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "vendor_notes.md"),
]
suppress_warnings = ["myst.header"]  # a page may begin below the first level where another one includes it

myst_heading_anchors = 3  # links to headings are written as they work on a page of the repository, too

# Docstrings mark code by single backticks.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
maximum_signature_line_length = 80

html_theme = "furo"
html_title = project
