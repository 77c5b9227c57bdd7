"""The researcher's commands: ``posthue compare``, ``posthue crossval`` and ``posthue tune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.apps.cli.options import Corpus, Data, Encoders, Scheme, data_folder, require_extra
from posthue.errors import RecipeError
from posthue.wording import metric_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from posthue.baselines.word_list import WordList
    from posthue.evaluation.significance import Cell
    from posthue.training.research.corpus import CorpusSource

_EVERY = ["text", "image", "late", "early", "joint", "common-space", "attention", "gated"]
_FEW = ["lexicon", "text", "image", "late", "gated"]

Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder of the results; resumes an unfinished run.")
]
Candidates = Annotated[
    list[str],
    typer.Option(
        "--candidate",
        metavar="NAME",
        help="Models to compare, e.g. lexicon, text, late:product, text+lexicon; with commas, or repeated.",
    ),
]
WordLists = Annotated[
    list[str] | None,
    typer.Option(
        "--word-list",
        metavar="NAME=FILE",
        help="Words and their scores, e.g. AFINN-en-165.txt, or the folder of the opinion lexicon. In "
        "--candidate, NAME stands alone or after +; repeatable.",
    ),
]
TextEncoder = Annotated[
    str | None,
    typer.Option(
        help="Text encoder: Hub id, folder, glove:FILE, or the folder of a trained model. Default: MiniLM."
    ),
]
ImageEncoder = Annotated[
    str | None,
    typer.Option(
        help="Image encoder: Hub id, folder, or the folder of a trained model. Default: MobileNetV2."
    ),
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder of the feature cache. Default: .posthue-features beside OUTPUT.")
]
Workers = Annotated[
    int, typer.Option(min=0, help="Number of processes, with one thread each; 0: one per core.")
]


def compare(
    corpus: Corpus,
    *,
    output: Output,
    candidates: Candidates = _EVERY,
    data: Data = None,
    encoders: Encoders = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each model, with different seeds.")] = 5,
    baseline: Annotated[
        str | None, typer.Option(help="Model that the others are tested against. Default: the first.")
    ] = None,
    train_split: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    eval_split: Annotated[str, typer.Option(help="Split to evaluate on; nothing is chosen by it.")] = "dev",
    text_encoder: TextEncoder = None,
    image_encoder: ImageEncoder = None,
    scheme: Scheme = None,
    cache: Cache = None,
    word_list: WordLists = None,
    workers: Workers = 0,
) -> None:
    """Compare models on a corpus over several seeds.

    Conditions: whole posts, text only, image only, corrupted image.
    """
    require_extra("train", torch="torch")
    from posthue.insight.compare.report import write_comparison
    from posthue.runtime.backends.devices import available_cores
    from posthue.training.research.candidates import parse_models
    from posthue.training.research.compare import Comparison
    from posthue.training.research.compare import compare as run

    source = _source(
        corpus,
        output,
        data=data,
        encoders=encoders,
        text=text_encoder,
        image=image_encoder,
        scheme=scheme,
        cache=cache,
        word_list=word_list,
    )
    models = parse_models(candidates, source.list_digests())
    comparison = Comparison(source, models, seeds, train_split, eval_split, baseline)
    result = run(comparison, output, workers=workers or available_cores())
    table = write_comparison(output, result)
    _print_skipped(result.skipped)
    _print(result.cells, f"{corpus}, {train_split} → {eval_split}, n = {result.n:,}, {seeds} seeds")
    _print_seconds(result.seconds)
    typer.echo(f"table: {table}")


def crossval(
    corpus: Corpus,
    *,
    output: Output,
    candidates: Candidates = _FEW,
    data: Data = None,
    encoders: Encoders = None,
    folds: Annotated[int, typer.Option(help="Number of folds, where the corpus has none of its own.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the folds and the runs.")] = 42,
    split: Annotated[list[str] | None, typer.Option(help="Split to use; repeatable. Default: all.")] = None,
    text_encoder: TextEncoder = None,
    image_encoder: ImageEncoder = None,
    scheme: Scheme = None,
    cache: Cache = None,
    word_list: WordLists = None,
    workers: Workers = 0,
) -> None:
    """Cross-validate models on a corpus.

    In the corpus's own folds, or in new ones that keep near-duplicates together.
    """
    require_extra("train", torch="torch")
    from posthue.insight.compare.report import write_cross_validation
    from posthue.insight.compare.tables import per_class_rows
    from posthue.runtime.backends.devices import available_cores
    from posthue.training.research.candidates import parse_models
    from posthue.training.research.crossval import CrossValidation, require_folds
    from posthue.training.research.crossval import crossval as run

    require_folds(folds)
    source = _source(
        corpus,
        output,
        data=data,
        encoders=encoders,
        text=text_encoder,
        image=image_encoder,
        scheme=scheme,
        cache=cache,
        word_list=word_list,
    )
    models = parse_models(candidates, source.list_digests())
    task = CrossValidation(source, models, folds, seed, split)
    result = run(task, output, workers=workers or available_cores())
    table = write_cross_validation(output, result)
    whose = "the corpus's own folds" if result.own_folds else f"{result.folds} folds"
    _print_skipped(result.skipped)
    _print(result.cells, f"{corpus}, {whose}, n = {result.n:,}")
    for model, label, mean, std in per_class_rows(result.runs, "both"):
        typer.echo(f"F1 {label:<12} {model:<16} {mean:.3f} ± {std:.3f}")
    _print_seconds(result.seconds)
    typer.echo(f"table: {table}")


def tune(
    corpus: Corpus,
    *,
    output: Output,
    model: Annotated[
        str, typer.Option("--candidate", metavar="NAME", help="Model to tune, e.g. gated or joint:max.")
    ] = "gated",
    trials: Annotated[int, typer.Option(help="Number of finished trials, over all processes.")] = 50,
    data: Data = None,
    encoders: Encoders = None,
    metric: Annotated[
        str, typer.Option(help="Metric to maximize on inner validation: accuracy, weighted_f1, macro_f1 …")
    ] = "weighted_f1",
    splits: Annotated[int, typer.Option(help="Number of inner validation splits, which are averaged.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    train_split: Annotated[str, typer.Option(help="Split to search on; no other is read.")] = "train",
    validate_split: Annotated[
        str, typer.Option(help="Split on which the recipe to write chooses its epoch.")
    ] = "dev",
    text_encoder: TextEncoder = None,
    image_encoder: ImageEncoder = None,
    scheme: Scheme = None,
    cache: Cache = None,
) -> None:
    """Search the settings of a model and write a recipe.

    Several processes may share one OUTPUT.
    """
    require_extra("train", torch="torch")
    from posthue.insight.compare.report import write_tuning
    from posthue.training.research.candidates import candidate
    from posthue.training.research.tune import Search
    from posthue.training.research.tune import tune as run

    source = _source(
        corpus,
        output,
        data=data,
        encoders=encoders,
        text=text_encoder,
        image=image_encoder,
        scheme=scheme,
        cache=cache,
    )
    chosen = candidate(model)
    search = Search(source, chosen, trials, train_split, validate_split, metric, splits, seed)
    result = run(search, output)
    path = write_tuning(output, result)
    trials, pruned, best = len(result.trials), result.pruned, 100 * result.value
    typer.echo(f"{trials} trials, {pruned} of them pruned; best {metric} {best:.1f} %")
    for name, value in result.parameters.items():
        typer.echo(f"  {name:<20} {value:.4g}" if isinstance(value, float) else f"  {name:<20} {value}")
    typer.echo(f"recipe: {path}")


def _source(
    corpus: str,
    output: Path,
    *,
    data: Path | None,
    encoders: Path | None,
    text: str | None,
    image: str | None,
    scheme: str | None,
    cache: Path | None,
    word_list: Sequence[str] | None = None,
) -> CorpusSource:
    from posthue.training.research.corpus import CACHE, IMAGE_ENCODER, TEXT_ENCODER, CorpusSource

    return CorpusSource(
        corpus,
        data_folder(data),
        scheme,
        text=text or TEXT_ENCODER,
        image=image or IMAGE_ENCODER,
        models=encoders,
        cache=cache or output.absolute().parent / CACHE,
        word_lists=_word_lists(word_list or ()),
    )


def _word_lists(given: Sequence[str]) -> dict[str, WordList]:
    from posthue.baselines.word_list import read_word_list
    from posthue.training.research.candidates import check_list_name

    found: dict[str, WordList] = {}
    for item in given:
        name, equals, file = item.partition("=")
        if not equals or not file:
            raise RecipeError(f"--word-list {item}: write NAME=FILE")
        if name in found:
            raise RecipeError(f"--word-list names {name!r} twice")
        found[check_list_name(name)] = read_word_list(Path(file))
    return found


def _print(cells: Sequence[Cell], title: str) -> None:
    from rich.console import Console

    from posthue.apps.cli.printing import table

    conditions = list(dict.fromkeys(cell.condition for cell in cells))
    known = {(c.model, c.condition, c.metric): c for c in cells}
    for metric in ("accuracy", "macro_f1"):
        made = table(f"{title}: {metric_name(metric)}, %", ("model", *conditions))
        for model in dict.fromkeys(cell.model for cell in cells):
            values = [known.get((model, condition, metric)) for condition in conditions]
            made.add_row(model, *(f"{100 * v.mean:.1f} ± {100 * v.std:.1f}" if v else "" for v in values))
        Console().print(made)


def _print_skipped(count: int) -> None:
    if count:
        typer.echo(f"{count:,} posts without exactly one label are left out")


def _print_seconds(seconds: Mapping[str, float]) -> None:
    for model, value in seconds.items():
        typer.echo(f"{model:<16} {value:7.1f} s of CPU time")
    typer.echo(f"{'all models':<16} {sum(seconds.values()):7.1f} s of CPU time")
