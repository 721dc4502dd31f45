"""How the site is built from these pages: `make docs`. Nothing is fetched from the network."""

from importlib.metadata import version as version_of

project = "django-smoketest"
author = "django-smoketest contributors"
copyright = author  # noqa: A001 (Sphinx's name)
release = version = version_of("django-smoketest")

extensions = ["myst_parser"]
myst_heading_anchors = 3  # as GitHub makes them, for links such as page.md#a-heading
exclude_patterns: list[str] = []
nitpicky = True

pygments_dark_style = "github-dark"
html_theme = "furo"
html_title = f"{project} {version}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["site.css"]
