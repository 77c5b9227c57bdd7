"""Looking into a model: ``posthue explain``, ``posthue analyze`` and ``posthue index``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import posthue
from posthue.apps.cli.options import (
    AsJson,
    Corpus,
    Data,
    Image,
    Model,
    NamedBundle,
    Split,
    Text,
    Threads,
    load_split,
    require_page,
)
from posthue.apps.cli.streams import echo_json, read_text
from posthue.errors import InputError
from posthue.progress import progress_bar

if TYPE_CHECKING:
    from posthue.runtime.explain import Explanation


def explain(
    text: Text = None,
    *,
    image: Image = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Page to write (html).")] = None,
    heat: Annotated[Path | None, typer.Option(help="Also write the heat map to this png file.")] = None,
    model: Model = "default",
    scheme: Annotated[str, typer.Option(help="Label scheme to explain.")] = "sentiment",
    label: Annotated[
        str | None, typer.Option(help="Label to explain. Default: the one that the model predicts.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="Feature index (posthue index), to show the nearest posts.")
    ] = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Explain a prediction by the words and the regions of the picture.

    Also shows what the prediction would be without the text, and without the picture.
    """
    from posthue.runtime.neighbours.index import nearest_posts

    if text is None and image is None:
        raise InputError('give a text, a picture, or both: posthue explain "what a day" --image photo.jpg')
    classifier = posthue.load(model, threads=threads)
    explanation = classifier.explain(posthue.Post(read_text(text), image), scheme=scheme, label=label)
    near = nearest_posts(classifier, explanation, index) if index is not None else []
    if output is not None:
        from posthue.insight.explain.page import write_explain_page

        write_explain_page(explanation, output, near)
    if heat is not None:
        _write_heat(explanation, heat)
    if as_json:
        echo_json(explanation.to_dict())
        return
    from posthue.apps.cli.explain_printing import print_explanation

    print_explanation(explanation)
    for path in filter(None, (output, heat)):
        typer.echo(f"written: {path}")


def analyze(
    bundle: NamedBundle,
    corpus: Corpus,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Page to write (html).")],
    data: Data = None,
    split: Split = "dev",
    scheme: Annotated[
        str | None, typer.Option(help="Label scheme. Default: the first that corpus and model share.")
    ] = None,
    drop: Annotated[
        str | None,
        typer.Option(
            help="Words to leave out and predict again, separated by commas. Default: chosen automatically."
        ),
    ] = None,
    explained: Annotated[
        int, typer.Option(min=0, help="How many of the most confident errors to explain.")
    ] = 12,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Number of posts, drawn at random. Default: all.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Report on the errors of a model on a corpus.

    Where it fails, how well its confidence fits, and which words dominate its predictions.
    """
    from posthue.insight.analyze import analysis as predicted
    from posthue.insight.analyze.ablation import ablate
    from posthue.insight.analyze.page import explain_mistakes, write_analysis

    require_page(output)
    examples = predicted.sample(load_split(corpus, data, split), limit)
    classifier = posthue.load(bundle, threads=threads)
    chosen = predicted.choose_scheme(classifier, examples, scheme)
    with progress_bar("predicting") as advance:
        found = predicted.analyze(classifier, examples, chosen, progress=advance)
    ablation = ablate(found, classifier, (drop or "").split(","))
    with progress_bar("explaining mistakes") as advance:
        mistakes = []
        for item in explain_mistakes(found, classifier, explained):
            mistakes.append(item)
            advance(len(mistakes), explained)
    title = f"{classifier.info.name} on {corpus}, {split}"
    write_analysis(found, output, title=title, ablation=ablation, explained=mistakes)
    right = sum(item.right for item in found.posts)
    typer.echo(f"{len(found.posts):,} posts, {chosen}, {100 * right / len(found.posts):.1f} % right")
    typer.echo(f"written: {output} and {output.stem}_files")


def index(
    bundle: NamedBundle,
    corpus: Corpus,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the index to write.")],
    data: Data = None,
    split: Split = "train",
    threads: Threads = None,
) -> None:
    """Index a corpus, for the nearest posts of posthue explain."""
    from posthue.runtime.neighbours.building import index_posts

    examples = load_split(corpus, data, split)
    classifier = posthue.load(bundle, threads=threads)
    with progress_bar("encoding") as advance:
        posts = ((example.post, example.labels) for example in examples)
        count = index_posts(posts, output, classifier, progress=lambda done: advance(done, len(examples)))
    typer.echo(f"{count:,} posts: {output}")


def _write_heat(explanation: Explanation, path: Path) -> None:
    from posthue.files import write_file
    from posthue.insight.explain.parts import heat_png

    content = heat_png(explanation)
    if content is None:
        raise InputError("--heat: the post has no picture")
    write_file(path, content)
