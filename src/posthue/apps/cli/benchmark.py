"""``posthue benchmark``: an image model on the public sentiment benchmarks, beside what was published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthue.apps.cli.options import Data, Report, Threads, data_folder, require_extra
from posthue.errors import CorpusError, InputError, first_line
from posthue.files import require_writable, write_json

if TYPE_CHECKING:
    from posthue.data.corpora import Example
    from posthue.evaluation.benchmarks import BenchmarkResult


def benchmark(
    model: Annotated[
        Path,
        typer.Argument(help="A bundle, 'default' (the shipped model), or a run folder of distill or train."),
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            help="twitter-5agree, twitter-4agree, twitter-3agree, twitter-2, fi, emotion-roi, or all."
        ),
    ] = None,
    *,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Your own list path,class instead of a name.")
    ] = None,
    data: Data = None,
    crossval: Annotated[int | None, typer.Option(min=2, help="Number of folds for cross-validation.")] = None,
    fine_tune: Annotated[
        bool, typer.Option("--fine-tune", help="Train on the splits of the benchmark and report all of them.")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Epochs of training. Default: 12 for --crossval, 5 for --fine-tune."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of folds and training.")] = 42,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the predictions, one csv per benchmark.")
    ] = Path("benchmark-predictions"),
    report: Report = None,
    threads: Threads = None,
) -> None:
    """Measure an image model on public two-class benchmarks.

    As it is (neutral dropped), or trained on them first: --crossval, --fine-tune.
    """
    if (name is None) == (csv_file is None):
        raise InputError("name a benchmark (twitter-5agree, …, all), or give a list with --csv FILE")
    require_writable(report)
    if crossval is not None and fine_tune:
        raise InputError("choose either --crossval or --fine-tune")
    if crossval is not None or fine_tune:
        chosen = _examples(name, csv_file, data) if csv_file is not None or crossval is not None else {}
        found = _tuned(
            model, name, chosen, data=data, folds=crossval, epochs=epochs, seed=seed, output=output
        )
    else:
        found = _as_it_is(model, _examples(name, csv_file, data), output, threads)
    if report is not None:
        write_json(report, {"model": str(model), "results": found})
    typer.echo(f"predictions: {output}")


def _examples(name: str | None, csv_file: Path | None, data: Path | None) -> dict[str, Sequence[Example]]:
    """Return the benchmarks asked for; of ``all`` those that are here, with a word on the others."""
    from posthue.evaluation.benchmarks import BENCHMARKS, load_benchmark, load_csv

    if csv_file is not None:
        return {csv_file.stem: load_csv(csv_file, data)}
    folder = data_folder(data)
    if name != "all":
        return {str(name): load_benchmark(str(name), folder)}
    found: dict[str, Sequence[Example]] = {}
    for each in BENCHMARKS:
        try:
            found[each] = load_benchmark(each, folder)
        except CorpusError as error:
            typer.echo(f"{each}: {first_line(error)}", err=True)
    if not found:
        raise InputError(f"none of the benchmarks is in {folder}: docs/data.md says where each comes from")
    return found


def _as_it_is(
    model: Path, examples: dict[str, Sequence[Example]], output: Path, threads: int | None
) -> list[dict[str, object]]:
    import posthue
    from posthue.apps.cli.benchmark_printing import print_benchmarks
    from posthue.evaluation.benchmarks import (
        measure_benchmark,
        predict_pictures,
        write_rows,
    )

    inside = model / "bundle"
    folder = inside if inside.is_dir() else model
    classifier = posthue.load(str(folder), threads=threads)
    results: list[BenchmarkResult] = []
    for each, pictures in examples.items():
        rows = list(predict_pictures(classifier, pictures))
        write_rows(rows, output / f"{each}.csv")
        results.append(measure_benchmark(each, rows))
    print_benchmarks(classifier.info.name, results)
    return [result.to_dict() for result in results]


def _tuned(
    model: Path,
    name: str | None,
    examples: dict[str, Sequence[Example]],
    *,
    data: Path | None,
    folds: int | None,
    epochs: int | None,
    seed: int,
    output: Path,
) -> list[dict[str, object]]:
    require_extra("train", torch="torch")
    from posthue.apps.cli.benchmark_printing import print_spreads
    from posthue.training.benchmark.fine_tune import Tuning, student_folder, tune
    from posthue.training.benchmark.folds import tuning_parts

    if folds is None and (examples or name == "all"):
        raise InputError("--fine-tune wants one benchmark with splits of its own: fi or emotion-roi")
    student = student_folder(model)
    tuning = Tuning(epochs=epochs or (5 if folds is None else 12), seed=seed)
    spreads: list[Any] = []
    for each in examples or (str(name),):
        given = examples.get(each)
        folder = Path() if given is not None else data_folder(data)
        parts = tuning_parts(each, folder, folds=folds, seed=seed, examples=given)
        spreads.append(tune(each, parts, student, output, tuning))
    print_spreads(f"{'fine-tuned' if folds is None else f'{folds}-fold'}, {tuning.epochs} epochs", spreads)
    return [spread.to_dict() for spread in spreads]
