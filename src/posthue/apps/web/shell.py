"""What every page has: head, navigation, footer; and the style sheet and script that they share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from string import Template

from starlette.responses import HTMLResponse

from posthue._version import __version__
from posthue.insight.page.shell import CAUTION, escaped

_SHEETS = (
    *(("posthue.insight", name) for name in ("report.css", "sections.css", "explain.css")),
    ("posthue.apps.web", "static/web.css"),
)
_SCRIPTS = (("posthue.apps.web", "static/app.js"),)
_PAGES = (("/", "One post"), ("/posts", "Many posts"), ("/explore", "Explore"), ("/about", "About"))
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M8 1a7 7 0 0 1 7 7H8z' fill='%23eeb11a'/%3E"
    "%3Cpath d='M15 8a7 7 0 0 1-7 7V8z' fill='%232c9f68'/%3E"
    "%3Cpath d='M8 15a7 7 0 0 1-7-7h7z' fill='%233f77cf'/%3E"
    "%3Cpath d='M1 8a7 7 0 0 1 7-7v7z' fill='%23d64550'/%3E"
    "%3C/svg%3E"
)

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title · posthue</title>
<link rel="icon" href="$icon">
<link rel="stylesheet" href="/static/style.css?v=$style">
<script defer src="/static/app.js?v=$script"></script>
</head>
<body class="app">
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><a class="brand" href="/"><img alt="" src="$icon" width="28" height="28">posthue</a>
<nav aria-label="Pages">$links</nav></header>
<main id="main" tabindex="-1">
<h1>$title</h1>
$main
</main>
<footer><p>$caution</p>
<p>posthue $version · runs on this server only · keeps nothing that you send</p></footer>
</body>
</html>
""")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load: its content, and a name for the content."""

    content: bytes
    version: str


@cache
def style() -> Asset:
    """Return the style sheet: that of the reports, and what only these pages have."""
    return _joined(_SHEETS)


@cache
def script() -> Asset:
    """Return the script."""
    return _joined(_SCRIPTS)


def _joined(parts: tuple[tuple[str, str], ...]) -> Asset:
    content = b"".join(files(package).joinpath(name).read_bytes() for package, name in parts)
    return Asset(content, blake2b(content, digest_size=6).hexdigest())


def page(path: str, title: str, main: str, *, status: int = 200) -> HTMLResponse:
    """Return a whole page. path: which page it is. main: HTML."""
    links = "".join(_link(to, name, is_here=to == path) for to, name in _PAGES)
    return HTMLResponse(
        _PAGE.substitute(
            title=escaped(title),
            icon=_ICON,
            style=style().version,
            script=script().version,
            links=links,
            main=main,
            caution=escaped(CAUTION),
            version=__version__,
        ),
        status_code=status,
    )


def _link(to: str, name: str, *, is_here: bool) -> str:
    here = ' aria-current="page"' if is_here else ""
    return f'<a href="{to}"{here}>{name}</a>'


def alert(message: str) -> str:
    """Return a message that something went wrong."""
    return f'<p class="alert" role="alert">{escaped(message)}</p>'
