"""The page about the model and this server: what it can do, its limits, what becomes of what is sent."""

from __future__ import annotations

from posthue.apps.service.service import Service
from posthue.apps.web.markdown import to_html
from posthue.insight.page.shell import escaped

_PRIVACY = """\
<ul>
<li>What you send is processed in the memory of this server, and forgotten. None of it is sent on.</li>
<li>An uploaded table is on the server's disk while it is scored; the result until you delete it, some
minutes pass, or you have downloaded it and another upload needs its place. Until then the page keeps counts
and some hundreds of posts in memory, to show them.</li>
<li>For speed, the model keeps what it computed of recent texts and pictures in memory: numbers, from which
they cannot be read, under a fingerprint of their content.</li>
<li>There are no cookies, no tracking, no accounts, and no files from other sites. Logs hold no contents.</li>
</ul>"""

_LIMITS = """\
<ul>
<li>The labels tell the emotion that a <b>post expresses</b>, as other people would read it; not what its
author feels.</li>
<li>Irony, quotes and in-jokes are taken at their word. Text within pictures is not read.</li>
<li>The shipped model reads English. In other languages its answers mean nothing.</li>
<li>It finds no faces and recognises nobody. Use it for no decision about a person.</li>
</ul>"""


def content(service: Service) -> str:
    """Return the page."""
    schemes = "".join(
        f"<li><b>{escaped(name)}</b>: {escaped(', '.join(scheme.labels))}</li>"
        for name, scheme in service.classifier.schemes.items()
    )
    return (
        '<p class="lead">posthue tells the emotional colouring of social-media posts from their text, their '
        "picture, or both.</p>"
        f"{_block('What it answers', f'<ul>{schemes}</ul>')}{_block('Where it is wrong', _LIMITS)}"
        f"{_block('What happens with what you send', _PRIVACY)}{_block('For programs', _api(service))}"
        f"{_block('The model card', _card(service))}"
    )


def _block(title: str, inside: str) -> str:
    return f'<section class="block prose"><h2>{title}</h2>{inside}</section>'


def _api(service: Service) -> str:
    settings = service.settings
    key = ' -H "Authorization: Bearer $POSTHUE_API_KEY"' if settings.api_key else ""
    return (
        "<p>The same answers as JSON; the whole description is at "
        '<a href="/openapi.json">/openapi.json</a>.</p>'
        f'<pre tabindex="0"><code>curl{escaped(key)} -H "Content-Type: application/json" \\\n'
        '  -d \'{"text": "what a day"}\' http://…/v1/predict\n'
        f"curl{escaped(key)} -F text='what a day' -F image=@photo.jpg http://…/v1/predict</code></pre>"
        f"<p>Texts of up to {settings.max_text:,} characters, pictures of up to {settings.max_image:,} "
        f"bytes, batches of up to {settings.max_batch:,} posts.</p>"
    )


def _card(service: Service) -> str:
    path = service.classifier.engine.bundle.file("MODEL_CARD.md")
    if not path.is_file():
        return "<p>This model has no card.</p>"
    return to_html(path.read_text(encoding="utf-8", errors="replace"))
