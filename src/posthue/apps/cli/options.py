"""Options and arguments that several commands have, each with one meaning, and the folders they stand for."""

from __future__ import annotations

import os
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posthue.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthue.data.corpora import Example


class BadImage(StrEnum):
    """What becomes of a post with a text whose image cannot be read."""

    ERROR = "error"
    TEXT = "text"


# Models
_SHIPPED = "Default: the shipped model."
Model = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="DIR", help=f"Folder of the bundle. {_SHIPPED}", show_default=False
    ),
]
BundleFolder = Annotated[
    str, typer.Argument(metavar="[BUNDLE]", help=f"Folder of the bundle. {_SHIPPED}", show_default=False)
]
NamedBundle = Annotated[
    str, typer.Argument(metavar="BUNDLE", help="Folder of the bundle; 'default' is the shipped model.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="Number of threads. Default: all cores.")]

# Posts
Text = Annotated[str | None, typer.Argument(help="Text of the post; - reads standard input.")]
Image = Annotated[Path | None, typer.Option("--image", "-i", help="Picture of the post.")]
OnBadImage = Annotated[
    BadImage,
    typer.Option(help="A post with text whose image is broken: report an error, or predict from the text."),
]

# Tables
TextColumn = Annotated[str | None, typer.Option(help="Column of the text. Default: found by its name.")]
ImageColumn = Annotated[
    str | None,
    typer.Option(help="Column of the image path or bytes, '' for none. Default: found by its name."),
]
IdColumn = Annotated[str | None, typer.Option(help="Column of the id. Default: found by its name.")]
LabelColumn = Annotated[str | None, typer.Option(help="Column of the label. Default: found by its name.")]
SplitColumn = Annotated[str | None, typer.Option(help="Column of the split. Default: found by its name.")]
Encoding = Annotated[str | None, typer.Option(help="Encoding of a text file. Default: detected.")]

# Corpora
Data = Annotated[
    Path | None, typer.Option("--data", "-d", help="Folder of the corpora. Default: $POSTHUE_DATA.")
]
Encoders = Annotated[
    Path | None,
    typer.Option("--encoders", help="Folder of local copies of encoders. Default: $POSTHUE_MODELS."),
]
Corpus = Annotated[str, typer.Argument(help="Name of the corpus.")]
Split = Annotated[str, typer.Option(help="Split of the corpus.")]
Scheme = Annotated[
    str | None,
    typer.Option(help="Label scheme of a corpus; name for the labels of a table. Default: the first."),
]

# Results
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Report = Annotated[Path | None, typer.Option("--report", help="Also write the figures to this JSON file.")]
Page = Annotated[
    Path, typer.Option("--output", "-o", help="Page to write (html); its files go into a folder beside it.")
]
RecipeSeed = Annotated[int | None, typer.Option("--seed", help="Seed. Default: that of the recipe.")]
RunFolder = Annotated[Path, typer.Option("--output", "-o", help="Run folder; resumes an unfinished run.")]
Bar = Annotated[
    bool | None, typer.Option("--progress/--no-progress", help="Show progress. Default: on a terminal only.")
]


def data_folder(folder: Path | None) -> Path:
    """Return the folder of the corpora: ``folder``, or POSTHUE_DATA; raise InputError without either."""
    chosen = folder or os.environ.get("POSTHUE_DATA")
    if not chosen:
        raise InputError(
            "where are the corpora? Give --data DIR, or set POSTHUE_DATA (docs/data.md says where from)"
        )
    return Path(chosen)


def load_split(corpus: str, data: Path | None, split: str) -> Sequence[Example]:
    """Return the posts of one split of a corpus; raise CorpusError where there is no such split."""
    from posthue.data.corpora import load_corpus

    return load_corpus(corpus, data_folder(data)).examples(split)


def require_page(output: Path) -> None:
    """Raise InputError before a long job, not after it, where the page cannot be written."""
    if output.is_dir():
        raise InputError(f"{output} is a folder: give the name of a file, such as report.html")
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{output}: the page is HTML; let its name end in .html")


def require_extra(extra: str, **packages: str) -> None:
    """Raise MissingExtraError where a module is not installed. packages: module=its package's name."""
    for module, package in packages.items():
        if find_spec(module) is None:
            raise MissingExtraError(package, extra)
