"""The command line: ``posthue predict``, ``score``, ``info``, and the commands of the train extra.

Thin: every command parses its arguments, calls the library, and prints. Whatever a command needs is imported
when it is called, so that ``posthue predict`` answers quickly. Exit code 2: the user can mend it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import posthue
from posthue.apps.cli.options import BundleFolder, Model, Threads
from posthue.errors import InputError, PosthueError

if TYPE_CHECKING:
    from posthue.runtime.scoring.one_file import ScoreSummary

#: Commands in a module of their own, imported when called: its function of that name is the command.
LAZY_COMMANDS = {
    "demo": "posthue.apps.cli.demo",
    "train": "posthue.apps.cli.train",
    "evaluate": "posthue.apps.cli.train",
    "compare": "posthue.apps.cli.research",
    "crossval": "posthue.apps.cli.research",
    "tune": "posthue.apps.cli.research",
    "explore": "posthue.apps.cli.insight",
    "crowd": "posthue.apps.cli.insight",
    "curves": "posthue.apps.cli.insight",
    "explain": "posthue.apps.cli.explain",
    "analyze": "posthue.apps.cli.explain",
    "index": "posthue.apps.cli.explain",
    "serve": "posthue.apps.cli.serve",
    "bot": "posthue.apps.cli.bot",
    "stream": "posthue.apps.cli.stream",
    "distill": "posthue.apps.cli.distill",
    "benchmark": "posthue.apps.cli.benchmark",
}

#: Groups of commands, imported when called: the module's ``app`` is the group.
LAZY_GROUPS: dict[str, str] = {"data": "posthue.apps.cli.data", "bundle": "posthue.apps.cli.bundle"}


class LazyGroup(TyperGroup):
    """The commands of this module, and the lazy ones whose module is there."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        modules = LAZY_COMMANDS | LAZY_GROUPS
        lazy = [name for name, module in modules.items() if find_spec(module) is not None]
        return [*super().list_commands(ctx), *lazy]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command or group, importing its module if it is a lazy one."""
        if cmd_name in LAZY_GROUPS and find_spec(LAZY_GROUPS[cmd_name]) is not None:
            return typer.main.get_command(import_module(LAZY_GROUPS[cmd_name]).app)
        module = LAZY_COMMANDS.get(cmd_name)
        if module is None or find_spec(module) is None:
            return super().get_command(ctx, cmd_name)
        single = typer.Typer(add_completion=False, rich_markup_mode=self.rich_markup_mode)
        single.command(cmd_name)(getattr(import_module(module), cmd_name))
        return typer.main.get_command(single)


app = typer.Typer(
    cls=LazyGroup,
    name="posthue",
    help="The emotional colouring of social-media posts, from their text, their image, or both.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class BadImage(StrEnum):
    """What becomes of a post with a text whose image cannot be read."""

    ERROR = "error"
    TEXT = "text"


class ScoreEngine(StrEnum):
    """What runs a scoring job."""

    LOCAL = "local"
    RAY = "ray"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
OnBadImage = Annotated[
    BadImage,
    typer.Option(
        help="A post with text whose image is broken: a row with an error, or predicted from its text."
    ),
]


def _show_version(value: bool) -> None:  # noqa: FBT001  (typer calls it so)
    if value:
        typer.echo(f"posthue {posthue.__version__}")
        raise typer.Exit


@app.callback()
def start(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The emotional colouring of social-media posts, from their text, their image, or both."""


@app.command()
def predict(
    text: Annotated[str | None, typer.Argument(help="The text of the post; - reads standard input.")] = None,
    *,
    image: Annotated[Path | None, typer.Option("--image", "-i", help="The picture of the post.")] = None,
    model: Model = None,
    threads: Threads = None,
    as_json: AsJson = False,
    on_bad_image: OnBadImage = BadImage.ERROR,
) -> None:
    """Predict one post: a text, a picture, or both."""
    if text is None and image is None:
        raise InputError('give a text, a picture, or both: posthue predict "what a day" --image photo.jpg')
    post = posthue.Post(text=_read_stdin() if text == "-" else text, image=image)
    classifier = posthue.load(model, threads=threads, on_bad_image=on_bad_image.value)
    prediction = classifier.predict(post)
    if as_json:
        _echo_json(prediction.to_dict())
        raise typer.Exit(0 if prediction.ok else 2)
    if prediction.error is not None:
        raise posthue.RowError(prediction.error)
    from posthue.apps.cli.printing import print_prediction  # noqa: PLC0415

    print_prediction(prediction)


@app.command()
def score(
    source: Annotated[
        Path, typer.Argument(help="A csv, tsv, jsonl or parquet file, or a folder or zip of images.")
    ],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The file to write (its ending is its format), or a folder."),
    ],
    model: Model = None,
    text_column: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    image_column: Annotated[
        str | None, typer.Option(help="Column of the image path or bytes; '' if there is none.")
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="Column of the id.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of a text file; found out if left out.")
    ] = None,
    batch_rows: Annotated[int, typer.Option(min=1, help="Rows in memory at a time.")] = 512,
    threads: Threads = None,
    shard_rows: Annotated[
        int | None,
        typer.Option(min=1, help="Write shards of so many rows into a folder; a killed job goes on."),
    ] = None,
    shard_format: Annotated[
        str, typer.Option(help="Format of the shards: parquet, csv, tsv or jsonl.")
    ] = "parquet",
    workers: Annotated[int, typer.Option(min=1, help="Processes, with one thread each if above 1.")] = 1,
    engine: Annotated[
        ScoreEngine, typer.Option(help="local, or ray: a Ray cluster, into a folder of parquet files.")
    ] = ScoreEngine.LOCAL,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    on_bad_image: OnBadImage = BadImage.ERROR,
    progress: Annotated[
        bool | None, typer.Option(help="Show a progress bar; by default on a terminal only.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Predict every post of a table, and write one row per row. A row that cannot be predicted says why."""
    from posthue.apps.cli.printing import print_summary, progress_bar  # noqa: PLC0415
    from posthue.apps.cli.scoring import Scoring  # noqa: PLC0415

    scoring = Scoring(
        source=source,
        output=output,
        model=model,
        columns=(id_column, text_column, image_column),
        encoding=encoding,
        batch_rows=batch_rows,
        threads=threads,
        shard_rows=shard_rows,
        shard_format=shard_format,
        workers=workers,
        engine=engine.value,
        overwrite=overwrite,
        on_bad_image=on_bad_image.value,
    )
    shown = sys.stderr.isatty() if progress is None else progress
    with progress_bar(shown=shown) as advance:
        summary: ScoreSummary = scoring.run(advance)
    if as_json:
        _echo_json(summary.to_dict())
    else:
        print_summary(summary)


@app.command()
def info(
    bundle: BundleFolder = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what a model is: its schemes, sizes, calibration, and where it comes from."""
    from posthue.runtime.bundle.facts import bundle_facts  # noqa: PLC0415
    from posthue.runtime.bundle.folder import Bundle  # noqa: PLC0415

    facts = bundle_facts(Bundle.open(bundle))
    if as_json:
        _echo_json(facts)
        return
    from posthue.apps.cli.printing import print_facts  # noqa: PLC0415

    print_facts(facts)


def _read_stdin() -> str:
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")


def _echo_json(value: object) -> None:
    import json  # noqa: PLC0415

    any_text = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not any_text, indent=2, allow_nan=False)
    typer.echo(text.encode("utf-8", "backslashreplace").decode())  # a lone surrogate stays a JSON escape


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; a mistake that the user can mend is one line on stderr and exit code 2.

    So is what the system refuses: a folder that may not be searched, a full disk. A closed pipe ends quietly.
    """
    try:
        _run(args)
    except BrokenPipeError:
        _give_up_output()
        raise SystemExit(1) from None
    except OSError as error:
        _give_up_output()
        _end(": ".join(str(part) for part in (error.filename, error.strerror or error) if part is not None))
    except PosthueError as error:
        _end(str(error))


def _run(args: Sequence[str] | None) -> None:
    try:
        app(args=args)
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk is said here, and not by the interpreter when it ends


def _give_up_output() -> None:
    """Throw away what standard output has not taken: the interpreter would try once more when it ends."""
    import os  # noqa: PLC0415

    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(message: str) -> NoReturn:
    typer.echo(f"posthue: {' '.join(message.splitlines())}", err=True)
    raise SystemExit(2) from None


if __name__ == "__main__":
    main()
