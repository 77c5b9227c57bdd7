from __future__ import annotations

import csv
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("optuna")

from command_line import run
from posthue.training.recipes.reading import read_recipe
from research_corpus import flags

pytestmark = pytest.mark.torch


def arguments(place: Path, out: Path, trials: int) -> list[str]:
    options = ["--candidate", "joint", "--trials", str(trials), "--splits", "1", "-o", str(out)]
    return ["tune", "mvsa-single", *flags(place), *options]


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "trials.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tune_finds_and_goes_on(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, whole = tmp_path / "study", tmp_path / "whole"
    assert run(*arguments(place, out, 2)) == 0
    assert run(*arguments(place, out, 4)) == 0
    shown = capsys.readouterr().out
    assert "4 trials, " in shown
    assert run(*arguments(place, whole, 4)) == 0
    assert (out / "trials.csv").read_bytes() == (whole / "trials.csv").read_bytes()
    found = rows(out)
    assert [row["trial"] for row in found] == list("0123")
    best = json.loads((out / "best.json").read_text())
    assert best["weighted_f1"] == max(float(row["weighted_f1"]) for row in found if row["weighted_f1"])
    recipe = read_recipe(out / "recipe.yaml")
    (stage,) = recipe.stages
    assert (stage.fusion, stage.freeze, recipe.schemes) == ("joint", ("text", "image"), ("sentiment",))
    assert stage.fusion_options == best["options"]
    assert stage.head_learning_rate == best["settings"]["learning_rate"]
    for name in ("history", "importance"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_recipe_trains(place: Path, tmp_path: Path) -> None:
    assert run(*arguments(place, tmp_path / "study", 2)) == 0
    args = ("train", tmp_path / "study" / "recipe.yaml", "-o", tmp_path / "run", "-d", place / "data")
    assert run(*args) == 0
    assert (tmp_path / "run" / "bundle" / "head.onnx").exists()


def running(study: Path) -> int:
    """Count the trials that were begun, as the database has them."""
    try:
        with sqlite3.connect(f"file:{study}?mode=ro", uri=True) as database:
            return int(database.execute("select count(*) from trials").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_twice_the_trials_are_the_same(place: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "study", tmp_path / "whole"
    args = arguments(place, out, 5)
    for begun in (1, 3):
        command = [sys.executable, "-m", "posthue", *args]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                while running(out / "study.db") < begun:
                    assert process.poll() is None, "it ended before it could be killed"
                    time.sleep(0.01)
            finally:
                process.send_signal(signal.SIGKILL)
    assert run(*args) == 0
    assert run(*arguments(place, whole, 5)) == 0
    assert (out / "trials.csv").read_bytes() == (whole / "trials.csv").read_bytes()


@pytest.mark.slow
def test_two_processes_share_a_study(place: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "posthue", *arguments(place, tmp_path / "study", 6)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    ended = [(process.communicate()[1], process.returncode) for process in processes]
    assert [code for _, code in ended] == [0, 0], ended
    assert len(rows(tmp_path / "study")) == 6


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--candidate", "lexicon"), "model 'lexicon' has nothing to tune"),
        (("--candidate", "text+lexicon"), "a recipe cannot name the features"),
        (("--candidate", "glue"), "no model is called 'glue'"),
        (("--metric", "f1"), "--metric 'f1' is not one of accuracy"),
        (("--validate-split", "nope"), "no split 'nope' here"),
        (("--trials", "0"), "--trials and --splits are at least 1"),
    ],
)
def test_a_mistake_in_tune_is_one_line(
    place: Path, tmp_path: Path, args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("tune", "mvsa-single", *flags(place), *args, "-o", tmp_path / "out") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("posthue: ")
    assert message in last
