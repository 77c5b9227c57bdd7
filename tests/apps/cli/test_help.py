"""The whole help: every command, group, option and example."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from posthue.apps.cli.main import COMMANDS, app, main

PANELS = {"Predict", "Look", "Train", "Research", "Serve", "Bundles"}
#: What is not said that way.
WORDS = re.compile(
    r"gone on with|found out|left out|\bjudge|\btold\b|\btell|\bgiven\b|\bmade\b|\bsurest\b|\bverdict", re.I
)


def walk(command: Any, context: Any) -> Iterator[tuple[str, Any]]:
    """Yield the path of every command and group with it, the root first."""
    yield context.command_path, command
    for name in getattr(command, "list_commands", lambda _: [])(context):
        child = command.get_command(context, name)
        yield from walk(child, type(context)(child, info_name=name, parent=context))


def every() -> dict[str, Any]:
    root = typer.main.get_command(app)
    return dict(walk(root, root.make_context("posthue", ["--help"], resilient_parsing=True)))


ALL = every()
LEAVES = {path: command for path, command in ALL.items() if not hasattr(command, "list_commands")}


def help_of(path: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*path.split()[1:], "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def example_of(command: Any) -> str:
    start, _, example = (command.epilog or "").partition("Example: ")
    assert not start
    return example


@pytest.mark.parametrize("path", ALL)
def test_help_is_plain_and_fits(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = help_of(path, capsys)
    assert max(map(len, shown.splitlines())) <= 80
    assert not WORDS.search(shown), WORDS.search(shown)


@pytest.mark.parametrize("path", ALL)
def test_every_option_and_argument_says_what_it_is(path: str) -> None:
    command = ALL[path]
    assert command.help
    for parameter in command.params:
        assert parameter.help, parameter.name
        assert (
            parameter.help[0] == parameter.help[0].upper()
            or not parameter.help[0].isalpha()
            or (parameter.name in ("engine", "model", "teacher", "name"))
        ), parameter.help


def test_the_list_names_every_command_in_its_panel(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = help_of("posthue", capsys)
    assert {entry.panel for entry in COMMANDS.values()} == PANELS
    for panel in PANELS:
        assert f"─ {panel} ─" in shown
    for name in COMMANDS:
        line = next(line for line in shown.splitlines() if re.match(rf"\W+{name}\s", line))
        assert line.split()[2:-1], "one line that says what it does"
    assert ALL["posthue data"].name == "data"


@pytest.mark.parametrize("path", LEAVES)
def test_every_example_is_a_command_that_parses(path: str) -> None:
    words = shlex.split(example_of(LEAVES[path]).partition(" < ")[0])
    words = [word for word in words if not re.fullmatch(r"[A-Z_]+=.*", word)]
    depth = len(path.split())
    assert words[:depth] == path.split()
    command = LEAVES[path]
    with command.make_context(path, words[depth:]) as context:
        assert not context.args


def test_options_mean_one_thing() -> None:
    flags = {
        (flag, parameter.is_flag)
        for c in LEAVES.values()
        for parameter in c.params
        for flag in parameter.opts
        if hasattr(parameter, "is_flag")
    }
    assert {is_flag for flag, is_flag in flags if flag == "--json"} == {True}
    for flag in ("--encoders", "--report", "--data", "--model", "--output", "--threads"):
        assert {is_flag for name, is_flag in flags if name == flag} == {False}
    names = {flag for flag, _ in flags}
    assert "--models" not in names
    workers = {path for path, c in LEAVES.items() if any("--workers" in p.opts for p in c.params)}
    assert workers == {"posthue score", "posthue compare", "posthue crossval"}


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["scor"], "Did you mean 'score'?"),
        (["bundle", "optimise"], "Did you mean 'optimize'?"),
        (["predict", "--modle", "x"], "--model"),
    ],
)
def test_a_typo_gets_the_nearest(words: list[str], nearest: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert nearest in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "completions"), [("posthue cr", ["crossval", "crowd"]), ("posthue score --work", ["--workers"])]
)
def test_the_shell_completes(words: str, completions: list[str]) -> None:
    environment = {
        "_POSTHUE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    code = "from posthue.apps.cli.main import app; app(prog_name='posthue')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted(done.stdout.split()) == completions, done.stderr
