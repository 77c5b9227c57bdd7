from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import posthue
from command_line import run


def test_predict_shows_a_table(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (50, 40), "red").save(tmp_path / "red.png")
    assert run("predict", "happy day", "--image", tmp_path / "red.png", "--model", tiny_bundle) == 0
    shown = capsys.readouterr().out
    assert "sentiment: negative" in shown
    assert "mixed: the text says positive, the image says negative" in shown
    assert "decided by text" in shown


def test_predict_json_is_the_prediction(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", "happy day", "--model", tiny_bundle, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    expected = posthue.load(tiny_bundle).predict("happy day").to_dict()
    assert found["sentiment"]["label"] == "positive"
    assert found["emotion"] == expected["emotion"]
    assert list(found) == ["id", "sentiment", "emotion", "warnings", "error"]


def test_predict_warns_of_what_it_leaves_out(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ("predict", "happy", "-i", "[none].jpg", "-m", tiny_bundle, "--on-bad-image", "text")
    assert run(*args) == 0
    assert "warning: image not used: [none].jpg: no such file" in capsys.readouterr().out


def test_predict_reads_standard_input(tiny_bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "posthue", "predict", "-", "--json", "--model", str(tiny_bundle)],
        input=b"happy \xff",
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["sentiment"]["label"] == "positive"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("predict",), "give a text, a picture, or both"),
        (("predict", "happy", "--model", "no/where"), "there is no bundle at no/where"),
        (("info", "no/where"), "there is no bundle at no/where"),
        (("score", "no.csv", "-o", "out.csv", "--model", "no/where"), "there is no bundle at no/where"),
    ],
)
def test_a_mistake_is_one_line(
    args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*args) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("posthue: ")
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""


@pytest.mark.parametrize("more", [(), ("--workers", "2"), ("--shard-rows", "9"), ("--engine", "ray")])
def test_what_the_system_refuses_is_one_line(
    more: tuple[str, ...], tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "posts.csv").write_text("text\nhappy\n")
    output = tmp_path / f"{'a' * 300}.csv"
    assert run("score", tmp_path / "posts.csv", "-o", output, "-m", tiny_bundle, *more) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"posthue: {output}")
    assert shown.err.endswith(": File name too long\n")
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["predict", "predict --json", "stream", "--version"])
def test_a_full_standard_output_is_one_line(command: str, tiny_bundle: Path) -> None:
    done = output_into("/dev/full", command, tiny_bundle)
    assert (done.returncode, done.stderr) == (2, "posthue: No space left on device\n")


@pytest.mark.parametrize("command", ["predict", "predict --json", "stream", "--version"])
def test_a_closed_pipe_ends_quietly(command: str, tiny_bundle: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = output_into(writing, command, tiny_bundle)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def output_into(output: str | int, command: str, bundle: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with the standard output ``output``, a path or an open file."""
    name, *options = command.split()
    args = [*options, *(["happy"] if name == "predict" else [])]
    model = [] if name.startswith("-") else ["--model", str(bundle)]
    with open(output, "wb", closefd=isinstance(output, str)) as file:
        return subprocess.run(
            [sys.executable, "-m", "posthue", name, *args, *model],
            input='{"text": "happy"}\n',
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


def test_a_bad_post_is_a_mistake_too(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", "-i", "none.jpg", "-m", tiny_bundle) == 2
    assert capsys.readouterr().err == "posthue: none.jpg: no such file\n"
    assert run("predict", " ", "-m", tiny_bundle, "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"] == "the post has neither text nor image"


def test_score_writes_and_sums_up(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "posts.csv", tmp_path / "out.jsonl"
    source.write_text("text,image\nhappy,\nsad,\n,none.jpg\n", encoding="utf-8")
    assert run("score", source, "-o", output, "-m", tiny_bundle) == 0
    shown = capsys.readouterr()
    assert "3 rows" in shown.out
    assert "1 failed" in shown.out
    assert "sentiment: negative 1, neutral 0, positive 1" in shown.out
    assert "failed 1: no such file" in shown.out
    assert shown.err == ""  # no bar where there is no terminal
    assert len(output.read_text(encoding="utf-8").splitlines()) == 3

    assert run("score", source, "-o", output, "-m", tiny_bundle) == 2
    assert "exists already" in capsys.readouterr().err

    again = ("score", source, "-o", output, "-m", tiny_bundle, "--overwrite", "--json", "--progress")
    assert run(*again) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["failed"] == 1
    assert "3/3" in shown.err


def test_info_tells_what_a_bundle_is(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", tiny_bundle) == 0
    shown = capsys.readouterr().out
    for fact in (
        "tiny",
        "negative, neutral, positive",
        "text.onnx",
        "CPUExecutionProvider",
        "max_difference",
    ):
        assert fact in shown
    assert run("info", tiny_bundle, "--json") == 0
    assert json.loads(capsys.readouterr().out)["temperatures"]["sentiment"]["image"] == 2.0


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"posthue {posthue.__version__}\n"
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("predict", "score", "info"))


def test_the_command_line_starts_light() -> None:
    heavy = ("torch", "numpy", "pyarrow", "onnxruntime", "PIL", "transformers", "posthue.apps.cli.train")
    code = f"import sys, posthue.apps.cli.main; assert not set({heavy!r}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_help_imports_every_command_and_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "pyarrow", "onnxruntime", "PIL", "tokenizers", "rich.table")
    code = f"""
import sys
from importlib import import_module
from posthue.apps.cli.main import COMMANDS
for entry in COMMANDS.values():
    import_module(f"posthue.apps.cli.{{entry.module}}")
assert not set({heavy!r}) & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
