"""The page that shows what is in an upload: labels, how sure, text against picture, words, and posts."""

from __future__ import annotations

from collections.abc import Iterator

from posthue.apps.web.gist import Gist, RowPreview
from posthue.apps.web.jobs import WebJob
from posthue.apps.web.many import label_counts
from posthue.insight.page.sections import (
    Section,
    columns_html,
    main_html,
    panel_html,
    quotes_html,
    stacks_html,
    terms_html,
)
from posthue.insight.page.shell import escaped, hue, stack
from posthue.insight.words.terms import distinctive
from posthue.posts import State
from posthue.wording import CONDITIONS, percent

NOTHING = (
    '<p class="lead">See what a crowd of posts expresses: labels, how sure they are, the words that set a '
    'label apart, the strongest posts.</p><section class="card"><p>There is nothing to explore yet.</p>'
    '<div class="actions"><a class="button main" href="/posts">Upload a table of posts</a></div></section>'
)


def content(job: WebJob) -> str:
    """Return the charts of a finished job."""
    gist = job.gist
    back = (
        f'<p class="lead">{escaped(job.name, 100)}: {gist.rows - gist.failed:,} posts scored. '
        f'<a href="/posts/jobs/{job.id}/result" download>Download the result</a></p>'
    )
    return back + main_html(list(_sections(gist)))


def _sections(gist: Gist) -> Iterator[Section]:
    yield Section("labels", "Labels", columns_html([stacks_html(label_counts(gist))]))
    yield Section(
        "together", _pairs_title(gist), _pairs(gist), "Posts by the labels of two schemes together."
    )
    yield Section("sure", "How sure", _sure(gist), "Posts by the probability of their label.")
    yield Section("parts", "Text and picture", _parts(gist))
    for name in gist.schemes:
        yield Section(
            f"words-{name}",
            f"Words: {name}",
            _words(gist, name),
            "Words that are more frequent under a label than under the others (log-odds with a prior).",
        )
        yield Section(f"posts-{name}", f"Strongest posts: {name}", _strongest(gist, name))
    yield Section("mixed", "Mixed posts", _mixed(gist), "The text says one thing and the picture another.")


def _pairs_title(gist: Gist) -> str:
    return " and ".join(list(gist.schemes)[:2])


def _pairs(gist: Gist) -> str:
    if len(gist.schemes) < 2 or not gist.pairs:
        return ""
    rows, columns = list(gist.schemes.values())[:2]
    most = max(gist.pairs.values())
    head = "".join(f'<th scope="col">{escaped(label)}</th>' for label in columns.labels)
    body = "".join(
        f'<tr><th scope="row" class="dot" {hue(row)}>{escaped(row)}</th>'
        + "".join(_pair(gist.pairs[row, column], most) for column in columns.labels)
        + "</tr>"
        for row in rows.labels
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Posts by two labels"><table class="grid">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _pair(count: int, most: int) -> str:
    return f'<td class="number" style="--much: {80 * count / most:.0f}%">{count:,}</td>'


def _sure(gist: Gist) -> str:
    return columns_html(
        panel_html(name, _histogram(bins)) for name, bins in gist.confidence.items() if name in gist.schemes
    )


def _histogram(bins: list[int]) -> str:
    most = max(bins) or 1
    items = "".join(
        f'<li><span class="column" style="height: {100 * count / most:.0f}%"></span>'
        f'<span class="visually-hidden">{10 * at} to {10 * at + 10} percent sure: {count:,} posts</span></li>'
        for at, count in enumerate(bins)
    )
    return (
        f'<ol class="histogram">{items}</ol><p class="axis" aria-hidden="true"><span>0 %</span>'
        "<span>sure</span><span>100 %</span></p>"
    )


def _parts(gist: Gist) -> str:
    items = "".join(
        f"<li>{CONDITIONS[state]}: {count:,} posts</li>" for state, count in gist.states.most_common()
    )
    both = gist.states[State.BOTH]
    if not both:
        return f"<ul>{items}</ul>"
    shares = [share / both for share in gist.shares]
    bar = stack([("text", round(100 * shares[0])), ("image", round(100 * shares[1]))]).partition("<ul")[0]
    text, picture = map(percent, shares)
    note = f"Of posts with both, the text made {text} of the decision and the picture {picture}."
    return f'<ul>{items}</ul>{bar}<p class="note">{note}</p>'


def _words(gist: Gist, scheme: str) -> str:
    terms_by_label = distinctive(gist.words(scheme), top=8)
    return columns_html(
        panel_html(label, terms_html([(term.term, term.count) for term in terms]))
        for label, terms in terms_by_label.items()
        if terms
    )


def _strongest(gist: Gist, scheme: str) -> str:
    panels = []
    for label in gist.schemes[scheme].labels:
        posts = gist.strongest(scheme, label)
        if posts:
            quotes = quotes_html((_excerpt(p), percent(p.prediction[scheme].confidence)) for p in posts)
            panels.append(panel_html(label, quotes))
    return columns_html(panels)


def _mixed(gist: Gist) -> str:
    return quotes_html((_excerpt(row), _remark(row)) for row in gist.mixed)


def _excerpt(row: RowPreview) -> str:
    return row.text or f"picture {row.id}"


def _remark(row: RowPreview) -> str:
    says = []
    for result in row.prediction.schemes.values():
        if result.mixed:
            says += [f"{modality}: {label}" for modality, label in result.alone.items()]
    return ", ".join(says)
