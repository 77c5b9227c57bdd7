"""The page for many posts: the upload, and what came of it."""

from __future__ import annotations

from posthue.apps.service.settings import MEGABYTE, ServeSettings
from posthue.apps.web.gist import Gist, RowPreview
from posthue.apps.web.jobs import WebJob
from posthue.insight.page.sections import Counts, summary_html
from posthue.insight.page.shell import escaped, hue
from posthue.wording import percent


def content(settings: ServeSettings) -> str:
    """Return the page: choose a file, watch it, read what came of it."""
    return f"""\
<p class="lead">Upload a table of posts, or a zip of pictures, and get every row scored.</p>
<form id="upload" class="card" action="/posts/upload" method="post">
<div class="field" id="drop-file">
<label for="file">File with posts</label>
<div class="zone"><p id="file-name">Drop a file here, or</p>
<div class="buttons"><input class="visually-hidden" type="file" id="file"
 accept=".csv,.tsv,.jsonl,.ndjson,.zip" aria-describedby="file-help">
<label class="button" for="file">Choose a file</label></div></div>
<p class="note" id="file-help">csv, tsv or json lines with a column <b>text</b>; or a zip of pictures;
or a zip with one table and the pictures that its column <b>image</b> names.
Up to {settings.max_upload // MEGABYTE} MB and {settings.max_rows:,} rows.</p></div>
<div class="actions"><label for="as">Result as</label>
<select id="as"><option value="csv">csv</option><option value="jsonl">json lines</option>
<option value="parquet">parquet</option></select>
<button class="main" type="submit">Score all posts</button>
<button type="button" id="examples">Try with the example posts</button></div>
<p class="note">The file is deleted as soon as it is scored. The result is deleted when you delete it, or
{settings.job_seconds / 60:.0f} minutes after you last looked at it; once downloaded, also when
a new upload needs its place.</p>
</form>
<noscript><p class="alert">This page needs its script to upload. On a command line:
<code>posthue score posts.csv -o scored.csv</code></p></noscript>
<section id="progress" class="card" hidden aria-label="Progress">
<p id="progress-text" role="status"></p><progress id="bar" aria-labelledby="progress-text"></progress>
<div class="actions"><button type="button" id="stop">Stop and delete</button></div></section>
<section id="outcome" aria-live="polite" aria-label="Result"></section>"""


def outcome(job: WebJob) -> str:
    """Return what came of a finished job: numbers, charts, the first rows, and what to do next."""
    gist = job.gist
    rows = job.summary.rows if job.summary else gist.rows
    failed = job.summary.failed if job.summary else gist.failed
    numbers = [
        ("rows", rows),
        ("scored", rows - failed),
        ("mixed", gist.mixed_count),
        ("not scored", failed),
    ]
    return (
        f'<h2 tabindex="-1">{escaped(job.name, 100)}: {rows - failed:,} of {rows:,} posts scored</h2>'
        f'<div class="actions"><a class="button main" href="/posts/jobs/{job.id}/result" download>'
        f'Download the result ({job.ending})</a><a class="button" href="/explore?job={job.id}">Explore it</a>'
        f'<button type="button" id="delete" data-job="{job.id}">Delete it now</button></div>'
        f"{summary_html(numbers, label_counts(gist))}"
        f"{_reasons(job)}{_table(gist, rows)}"
    )


def label_counts(gist: Gist) -> Counts:
    """Return how often each label of each scheme was given."""
    return {
        name: [(la, gist.labels[name][la]) for la in scheme.labels] for name, scheme in gist.schemes.items()
    }


def _reasons(job: WebJob) -> str:
    if not job.summary or not job.summary.errors:
        return ""
    items = "".join(f"<li>{escaped(reason)}: {count:,}</li>" for reason, count in job.summary.errors.items())
    return f'<div class="card reasons"><h3>Why posts were not scored</h3><ul>{items}</ul></div>'


def _table(gist: Gist, rows: int) -> str:
    """The first rows; on a phone a table of three columns is what can be read."""
    names = "".join(f'<th scope="col">{escaped(name)}</th>' for name in gist.schemes)
    body = "".join(_row(row, gist) for row in gist.first)
    title = f"The first {len(gist.first):,} of {rows:,} posts" if rows > len(gist.first) else "All posts"
    return (
        f'<div class="scroll card" tabindex="0" role="region" aria-label="{title}"><table>'
        f'<caption>{title}</caption><thead><tr><th scope="col">id</th><th scope="col">post</th>{names}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: RowPreview, gist: Gist) -> str:
    text = escaped(row.text, 160) or '<span class="note">picture</span>'
    first = f'<td class="id">{escaped(row.id, 40)}</td>'
    if not row.prediction.ok:
        reason = escaped(row.prediction.error or "", 200)
        failed = f'<td class="error" colspan="{len(gist.schemes)}">{reason}</td>'
        return f'<tr>{first}<td class="text" dir="auto">{text}</td>{failed}</tr>'
    predicted = (row.prediction[name] for name in gist.schemes)
    cells = "".join(
        f'<td><span class="label" {hue(j.label)}>{escaped(j.label)}</span> <span class="percent">'
        f"{percent(j.confidence)}</span>{' <span class=badge>mixed</span>' if j.mixed else ''}</td>"
        for j in predicted
    )
    return f'<tr>{first}<td class="text" dir="auto">{text}</td>{cells}</tr>'
