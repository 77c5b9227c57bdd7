"""The pure parts of the benchmarks; what they measure is measured by running them."""

from __future__ import annotations

import csv
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("_measuring")


def test_made_texts_are_different_and_of_a_tweets_length(measuring: ModuleType) -> None:
    texts = measuring.made_texts(2000)
    words = [len(text.split()) for text in texts]
    assert len(set(texts)) == 2000
    assert texts == measuring.made_texts(2000)
    assert (min(words), max(words)) == (4, 40)
    assert 17 < sum(words) / len(words) < 21


def test_made_pictures_are_jpegs(measuring: ModuleType, tmp_path: Path) -> None:
    for path in measuring.made_pictures(tmp_path, 2):
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert 400 <= min(image.size) <= max(image.size) <= 720


def test_every_contestant_runs_in_every_round(measuring: ModuleType) -> None:
    calls: list[tuple[str, int]] = []
    contestants = {name: lambda number, name=name: calls.append((name, number)) for name in "abc"}
    seconds = measuring.interleaved(contestants, 2)
    assert calls == [("a", 0), ("b", 0), ("c", 0), ("b", 1), ("c", 1), ("a", 1)]
    assert {name: len(found) for name, found in seconds.items()} == {"a": 2, "b": 2, "c": 2}


def test_ratios_are_of_rounds(measuring: ModuleType) -> None:
    assert measuring.ratios([1.0, 2.0, 4.0], [4.0, 4.0, 4.0]) == (2.0, 1.0, 4.0)


def test_rounds_share_no_post(measuring: ModuleType) -> None:
    assert measuring.rounds_of([0, 1, 2, 3, 4, 5, 6], 3) == [[0, 3], [1, 4], [2, 5]]


def test_a_published_command_names_no_place(measuring: ModuleType) -> None:
    command = [
        "some/where/benchmarks/speed.py",
        "--data",
        "some/where/data",
        "--n",
        "9",
        "--encoders=some/where/m",
    ]
    assert (
        measuring.shown_command(command) == "python benchmarks/speed.py --data DATA --n 9 --encoders=ENCODERS"
    )


def test_results_say_where_they_come_from(
    measuring: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring.write_results(tmp_path / "new" / "a.csv", [{"x": 1, "y": "z"}, {"x": 22, "y": ""}])
    with (tmp_path / "new" / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["x"] for row in rows] == ["1", "22"]
    assert {"date", "commit", "command", "cpu", "cores", "versions"} < set(rows[0])
    assert capsys.readouterr().out.startswith("x   y\n1   z\n22\n")


def test_units_and_agreement(measuring: ModuleType) -> None:
    memory, speed = import_module("memory"), import_module("speed")
    assert memory.mebibytes(2048, "linux") == 2.0
    assert memory.mebibytes(2**21, "darwin") == 2.0
    assert speed.agreement(["a", "b"], ["a", "c"]) == 0.5
    assert speed.read_texts(None, 3) == measuring.made_texts(3)


def test_a_process_is_measured_from_start_to_exit(
    measuring: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = import_module("memory")
    monkeypatch.setattr(memory, "posthue_command", lambda: [sys.executable, "-c"])
    spent = memory.run(["held = bytes(64 << 20)"])
    assert spent.mib > 64
    assert spent.seconds > 0
    with pytest.raises(SystemExit, match="oh no"):
        memory.run(["import sys; sys.exit('oh no')"])
