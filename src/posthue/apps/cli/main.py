"""The command line: the table of its commands, and the entry point.

A command is a function in a module of its own, imported when it is called: it parses its arguments, calls the
library, and prints. Exit code 2: the user can mend it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import posthue
from posthue.apps.cli.streams import discard_output
from posthue.errors import PosthueError, nearest


@dataclass(frozen=True, slots=True)
class Command:
    """Panel of the help, module, and an example. Without an example, the module's ``app`` is a group."""

    panel: str
    module: str
    example: str = ""


#: Every command, in the order of the help.
COMMANDS = {
    "predict": Command("Predict", "predict", 'posthue predict "what a day" --image photo.jpg'),
    "score": Command("Predict", "score", "posthue score posts.csv -o scored.csv"),
    "demo": Command("Predict", "demo", "posthue demo -o demo"),
    "explain": Command("Look", "explain", 'posthue explain "what a day" -i photo.jpg -o why.html'),
    "crowd": Command("Look", "insight", "posthue crowd scored.csv --by place -o crowd.html"),
    "explore": Command("Look", "insight", "posthue explore posts.csv --label-column mood"),
    "analyze": Command("Look", "explain", "posthue analyze default mvsa-single -d DIR -o report.html"),
    "index": Command("Look", "explain", "posthue index default mvsa-single -d DIR -o index"),
    "train": Command("Train", "train", "posthue train recipes/default.yaml -d DIR -o run"),
    "evaluate": Command("Train", "evaluate", "posthue evaluate run/bundle mvsa-single -d DIR --split dev"),
    "curves": Command("Train", "insight", "posthue curves run"),
    "distill": Command("Train", "distill", "posthue distill recipes/distill-small.yaml -d DIR -o run"),
    "data": Command("Train", "data"),
    "compare": Command(
        "Research", "research", "posthue compare mvsa-single -d DIR --candidate text,gated -o out"
    ),
    "crossval": Command("Research", "research", "posthue crossval mvsa-single -d DIR --folds 5 -o out"),
    "tune": Command("Research", "research", "posthue tune mvsa-single -d DIR --candidate gated -o out"),
    "benchmark": Command("Research", "benchmark", "posthue benchmark default twitter-5agree -d DIR"),
    "serve": Command("Serve", "serve", "posthue serve --port 8000"),
    "bot": Command("Serve", "bot", "POSTHUE_BOT_TOKEN=... posthue bot --feedback feedback.csv"),
    "stream": Command("Serve", "stream", "posthue stream < posts.jsonl > predictions.jsonl"),
    "info": Command("Bundles", "info", "posthue info run/bundle"),
    "bundle": Command("Bundles", "bundle"),
}


class LazyGroup(TyperGroup):
    """The commands of COMMANDS; a module is imported when its command is called, or its help is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command or group of that name; None if there is none."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"posthue.apps.cli.{entry.module}")
        if not entry.example:
            made = typer.main.get_command(module.app)
            made.name = cmd_name
        else:
            single = typer.Typer(add_completion=False)
            single.command(cmd_name, epilog=f"Example: {entry.example}")(getattr(module, cmd_name))
            made = typer.main.get_command(single)
        made.rich_help_panel = entry.panel  # type: ignore[attr-defined]
        return made

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of the arguments; an unknown one is an error that names the nearest."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}{nearest(args[0], COMMANDS) or '.'}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=LazyGroup,
    name="posthue",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="posthue COMMAND --help shows the options of a command, and an example.",
)


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


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; a mistake that the user can mend is one line on stderr and exit code 2.

    So is what the system refuses: a folder that may not be searched, a full disk. A closed pipe ends quietly.
    """
    try:
        _run(args)
    except BrokenPipeError:
        discard_output()
        raise SystemExit(1) from None
    except OSError as error:
        discard_output()
        _end(": ".join(str(part) for part in (error.filename, error.strerror or error) if part is not None))
    except PosthueError as error:
        _end(str(error))


def _run(args: Sequence[str] | None) -> None:
    try:
        app(args=args)
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk is said here, and not by the interpreter when it ends


def _end(message: str) -> NoReturn:
    typer.echo(f"posthue: {' '.join(message.splitlines())}", err=True)
    raise SystemExit(2) from None


if __name__ == "__main__":
    main()
