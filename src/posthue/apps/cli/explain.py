"""Looking into a model: ``posthue explain``, ``posthue analyze`` and ``posthue index``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.options import Model, Threads
from posthue.apps.cli.train import Data, data_folder
from posthue.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthue.data.corpora import Example
    from posthue.runtime.classifier import PostClassifier
    from posthue.runtime.explain import Explanation

Bundle = Annotated[Path, typer.Argument(help="Folder of the bundle; 'default' for the shipped model.")]
Corpus = Annotated[str, typer.Argument(help="Name of the corpus.")]


def explain(
    text: Annotated[str | None, typer.Argument(help="The text of the post; - reads standard input.")] = None,
    *,
    image: Annotated[Path | None, typer.Option("--image", "-i", help="The picture of the post.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The page to write (html).")] = None,
    heat: Annotated[Path | None, typer.Option(help="Also write the heat map (png).")] = None,
    model: Model = None,
    scheme: Annotated[str, typer.Option(help="The label scheme to explain.")] = "sentiment",
    label: Annotated[
        str | None, typer.Option(help="The label to explain; the model's own if left out.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="A feature index (posthue index): show the nearest posts.")
    ] = None,
    threads: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
) -> None:
    """Tell why a post has its label: its words, the regions of its picture, and what if one were missing."""
    import posthue  # noqa: PLC0415
    from posthue.runtime.neighbours.index import nearest_posts  # noqa: PLC0415

    if text is None and image is None:
        raise InputError('give a text, a picture, or both: posthue explain "what a day" --image photo.jpg')
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    classifier = posthue.load(model, threads=threads)
    explanation = classifier.explain(posthue.Post(text, image), scheme=scheme, label=label)
    near = nearest_posts(classifier, explanation, index) if index is not None else []
    if output is not None:
        from posthue.insight.explain.page import write_explain_page  # noqa: PLC0415

        write_explain_page(explanation, output, near)
    if heat is not None:
        _write_heat(explanation, heat)
    if as_json:
        typer.echo(json.dumps(explanation.to_dict(), indent=2))
        return
    from posthue.apps.cli.explain_printing import print_explanation  # noqa: PLC0415

    print_explanation(explanation)
    for path in filter(None, (output, heat)):
        typer.echo(f"written: {path}")


def analyze(
    bundle: Bundle,
    corpus: Corpus,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write (html).")],
    data: Data = None,
    split: Annotated[str, typer.Option(help="Split of the corpus.")] = "dev",
    scheme: Annotated[
        str | None, typer.Option(help="Label scheme; the first that corpus and model share if left out.")
    ] = None,
    drop: Annotated[
        str | None,
        typer.Option(help="Words to drop and predict again, with commas; found automatically if left out."),
    ] = None,
    explained: Annotated[int, typer.Option(min=0, help="How many of the surest mistakes to explain.")] = 12,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many posts, drawn at random (seed 0).")
    ] = None,
    threads: Threads = None,
) -> None:
    """Analyse what a model does on a corpus: where it fails, how sure it is, and what makes it so."""
    from posthue.apps.cli.explain_printing import job_bar  # noqa: PLC0415
    from posthue.insight.analyze import analysis as predicted  # noqa: PLC0415
    from posthue.insight.analyze.ablation import ablate  # noqa: PLC0415
    from posthue.insight.analyze.page import explain_mistakes, write_analysis  # noqa: PLC0415

    _check_output(output)
    examples = predicted.sample(_examples(corpus, data_folder(data), split), limit)
    classifier = _load(bundle, threads)
    chosen = predicted.choose_scheme(classifier, examples, scheme)
    with job_bar("predicting") as advance:
        found = predicted.analyze(classifier, examples, chosen, progress=advance)
    ablation = ablate(found, classifier, (drop or "").split(","))
    with job_bar("explaining mistakes") as advance:
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
    bundle: Bundle,
    corpus: Corpus,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the index.")],
    data: Data = None,
    split: Annotated[str, typer.Option(help="Split of the corpus.")] = "train",
    threads: Threads = None,
) -> None:
    """Make a feature index of a corpus, with which posthue explain shows the nearest posts."""
    from posthue.apps.cli.explain_printing import job_bar  # noqa: PLC0415
    from posthue.runtime.neighbours.building import index_posts  # noqa: PLC0415

    examples = _examples(corpus, data_folder(data), split)
    classifier = _load(bundle, threads)
    with job_bar("encoding") as advance:
        posts = ((example.post, example.labels) for example in examples)
        count = index_posts(posts, output, classifier, progress=lambda done: advance(done, len(examples)))
    typer.echo(f"{count:,} posts: {output}")


def _examples(corpus: str, folder: Path, split: str) -> Sequence[Example]:
    from posthue.data.corpora import load_corpus  # noqa: PLC0415

    return load_corpus(corpus, folder).examples(split)


def _load(bundle: Path, threads: int | None) -> PostClassifier:
    import posthue  # noqa: PLC0415

    return posthue.load(None if str(bundle) == "default" else bundle, threads=threads)


def _check_output(output: Path) -> None:
    """Say before a long job, not after it, that the page cannot be written."""
    if output.is_dir():
        raise InputError(f"{output} is a folder: give the name of a file, such as report.html")


def _write_heat(explanation: Explanation, path: Path) -> None:
    from posthue.files import write_file  # noqa: PLC0415
    from posthue.insight.explain.parts import heat_png  # noqa: PLC0415

    content = heat_png(explanation)
    if content is None:
        raise InputError("--heat: the post has no picture")
    write_file(path, content)
