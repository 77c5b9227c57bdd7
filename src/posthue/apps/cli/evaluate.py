"""``posthue evaluate``: a bundle on a split of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.options import Corpus, Data, NamedBundle, Report, Split, Threads, load_split
from posthue.errors import InputError
from posthue.files import require_writable, write_json
from posthue.posts import State
from posthue.wording import metric_name

if TYPE_CHECKING:
    from posthue.evaluation.evaluate import Evaluation


def evaluate(
    bundle: NamedBundle,
    corpus: Corpus,
    *,
    data: Data = None,
    split: Split = "dev",
    states: Annotated[
        list[State] | None,
        typer.Option("--state", help="What is read of each post; repeatable. Default: all three."),
    ] = None,
    report: Report = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Also write every prediction to this csv file.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Measure a model on a corpus: whole posts, and each modality."""
    import posthue
    from posthue.evaluation import evaluate as predicting

    require_writable(report)
    require_writable(predictions)
    examples = load_split(corpus, data, split)
    classifier = posthue.load(bundle, threads=threads)
    chosen = [s for s in (states or list(State)) if s in classifier.info.states]
    predicted = list(predicting.predict_corpus(classifier, examples, chosen))
    evaluations = predicting.evaluate(predicted)
    if not evaluations:
        raise InputError(f"{corpus}, split {split}, has no posts and labels that this model can answer")
    _print(f"{corpus}, {split}", evaluations)
    if report is not None:
        head = {"bundle": classifier.info.name, "corpus": corpus, "split": split}
        write_json(report, head | {"results": [e.to_dict() for e in evaluations]})
    if predictions is not None:
        predicting.write_predictions(predicted, predictions)


def _print(title: str, evaluations: Sequence[Evaluation]) -> None:
    """Print per scheme a row per state: metrics ± half of their 95 % interval, ECE, majority baseline."""
    from rich.console import Console

    from posthue.apps.cli.printing import table

    console = Console()
    for scheme in dict.fromkeys(item.scheme for item in evaluations):
        rows = [item for item in evaluations if item.scheme == scheme]
        metrics = map(metric_name, rows[0].metrics)
        made = table(f"{title}: {scheme}", ("state", "n", *metrics, "ECE", "majority"))
        for item in rows:
            values = [f"{100 * m.value:.1f} ±{50 * (m.high - m.low):.1f}" for m in item.metrics.values()]
            made.add_row(item.state, f"{item.n:,}", *values, f"{item.ece:.3f}", f"{100 * item.majority:.1f}")
        console.print(made)
        for item in rows:
            labels = ", ".join(f"{label} {100 * value:.1f}" for label, value in item.f1.items())
            failed = f"; {item.failed:,} failed" if item.failed else ""
            typer.echo(f"F1, {scheme}, {item.state}: {labels}{failed}")
