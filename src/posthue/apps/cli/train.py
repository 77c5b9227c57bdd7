"""The commands of the train extra: ``posthue train`` and ``posthue evaluate``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from posthue.errors import InputError, MissingExtraError
from posthue.posts import State

app = typer.Typer()

Data = Annotated[
    Path | None,
    typer.Option("--data", "-d", help="Folder of the corpora; else the environment's POSTHUE_DATA."),
]
Models = Annotated[
    Path | None,
    typer.Option(
        "--models", help="Folder of local copies of encoders; else the environment's POSTHUE_MODELS."
    ),
]


@app.command()
def train(
    recipe: Annotated[
        Path | None, typer.Argument(help="A recipe in YAML (see recipes/); or use the flags.")
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder; a begun run is gone on with.")],
    data: Data = None,
    models: Models = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the recipe's if left out.")] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option("--corpus", "-c", help="CORPUS or CORPUS:SPLIT to train on; repeatable."),
    ] = None,
    validate: Annotated[
        list[str] | None, typer.Option("--validate", help="CORPUS:SPLIT to choose the epoch on; repeatable.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Text encoder: Hub id, folder, or glove:FILE.")] = None,
    image: Annotated[str | None, typer.Option(help="Image encoder: Hub id or folder.")] = None,
    fusion: Annotated[str | None, typer.Option(help="How both are fused; joint if there are both.")] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(help="text, image, embeddings or batchnorm; repeatable.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1)] = 3,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    learning_rate: Annotated[float, typer.Option(help="Of the encoders.")] = 1e-4,
    metric: Annotated[
        str, typer.Option(help="Chooses the epoch: accuracy, weighted_f1, macro_f1 …")
    ] = "macro_f1",
    splits: Annotated[
        list[str] | None,
        typer.Option(help="FILE or CORPUS=FILE of posthue data check --fix, instead of the corpus's splits."),
    ] = None,
) -> None:
    """Train a model from a recipe, or from flags, and export it as a bundle into the run folder."""
    _need("torch")
    from posthue.training.recipes.folders import Folders  # noqa: PLC0415
    from posthue.training.recipes.reading import read_recipe, recipe_from_dict  # noqa: PLC0415
    from posthue.training.run import run_recipe  # noqa: PLC0415

    if recipe is not None:
        chosen = read_recipe(recipe)
    else:
        stage: dict[str, Any] = {"text": text, "image": image, "freeze": freeze or [], "epochs": epochs}
        stage |= {"batch_size": batch_size, "learning_rate": learning_rate}
        stage |= {"fusion": fusion} if fusion else {}
        chosen = recipe_from_dict(_flags(output.name, stage, corpus, validate, metric))
    if splits:
        from posthue.training.recipes.splits import use_splits  # noqa: PLC0415

        chosen = use_splits(chosen, splits)
    folders = Folders(output, data_folder(data), models)
    bundle = run_recipe(chosen, folders, seed=seed)
    typer.echo(f"bundle: {bundle}")


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="Folder of the bundle; 'default' for the shipped model.")],
    corpus: Annotated[str, typer.Argument(help="Name of the corpus.")],
    *,
    data: Data = None,
    split: Annotated[str, typer.Option(help="Split of the corpus.")] = "dev",
    states: Annotated[
        list[State] | None,
        typer.Option("--state", help="both, text or image: what is shown of each post; all by default."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures as JSON.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Write every prediction as csv.")] = None,
    threads: Annotated[int | None, typer.Option(min=1)] = None,
) -> None:
    """Measure a bundle on a split of a corpus: whole posts, and each modality alone."""
    import posthue  # noqa: PLC0415
    from posthue.apps.cli.printing import print_evaluations  # noqa: PLC0415
    from posthue.data.corpora import load_corpus  # noqa: PLC0415
    from posthue.evaluation import evaluate as predicting  # noqa: PLC0415
    from posthue.files import require_writable, write_json  # noqa: PLC0415

    require_writable(json_file)
    require_writable(predictions)
    examples = load_corpus(corpus, data_folder(data)).examples(split)
    classifier = posthue.load(None if str(bundle) == "default" else bundle, threads=threads)
    chosen = [s for s in (states or list(State)) if s in classifier.info.states]
    predicted = list(predicting.predict_corpus(classifier, examples, chosen))
    found = predicting.evaluate(predicted)
    if not found:
        raise InputError(f"{corpus}, split {split}, has no posts and labels that this model can answer")
    print_evaluations(f"{corpus}, {split}", found)
    if json_file is not None:
        head = {"bundle": classifier.info.name, "corpus": corpus, "split": split}
        write_json(json_file, head | {"results": [e.to_dict() for e in found]})
    if predictions is not None:
        predicting.write_predictions(predicted, predictions)


def data_folder(given: Path | None) -> Path:
    """Return the folder of the corpora: what is given, or POSTHUE_DATA; raise InputError without either."""
    folder = given or os.environ.get("POSTHUE_DATA")
    if not folder:
        raise InputError(
            "where are the corpora? Give --data DIR, or set POSTHUE_DATA (docs/data.md says where from)"
        )
    return Path(folder)


def _flags(
    name: str, stage: dict[str, Any], corpus: list[str] | None, validate: list[str] | None, metric: str
) -> dict[str, Any]:
    """Return the one-stage recipe that the flags describe."""
    if not corpus or not validate:
        raise InputError("give a recipe, or at least --corpus, --validate and --text or --image")
    both = stage["text"] and stage["image"]
    stage = {"name": "model", "fusion": "joint" if both else "single"} | stage
    stage["train"] = [_named(item, "train") for item in corpus]
    stage["validate"] = [_named(item, "dev") | {"metric": metric} for item in validate]
    return {"name": name, "schemes": _schemes([*corpus, *validate]), "stages": [stage]}


def _named(item: str, split: str) -> dict[str, str]:
    corpus, _, named = item.partition(":")
    return {"corpus": corpus, "split": named or split}


def _schemes(items: list[str]) -> list[str]:
    """Return the schemes of the named corpora."""
    from posthue.data.corpora import corpus_info  # noqa: PLC0415

    corpora = [corpus_info(item.partition(":")[0]) for item in items]
    return list(dict.fromkeys(scheme for info in corpora for scheme in info.schemes))


def _need(package: str) -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    if find_spec(package) is None:
        raise MissingExtraError(package, "train")
