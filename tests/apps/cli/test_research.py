from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import command_line
from posthue.evaluation.runs import read_run
from posthue.training.research.crossval import own_folds
from research_corpus import flags, write_research

pytestmark = pytest.mark.torch

MODELS = "lexicon,text,image,late:tuned,joint"


def run(*args: str | Path) -> int:
    """Run the command line, with one worker where no number is named, and return its exit code."""
    return command_line.run(*args, *(() if "--workers" in args else ("--workers", "1")))


@pytest.fixture(scope="module")
def compared(place: Path) -> Path:
    out = place / "compared"
    assert run("compare", "mvsa-single", *flags(place), "--candidate", MODELS, "--seeds", "2", "-o", out) == 0
    return out


def table(out: Path) -> list[dict[str, str]]:
    with (out / "table.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_compare_writes_the_table(compared: Path) -> None:
    rows = table(compared)
    assert list(rows[0]) == ["model", "condition", "metric", "mean", "std", "low", "high", "n", "seeds"]
    assert {row["model"] for row in rows} == set(MODELS.split(","))
    assert {row["condition"] for row in rows} == {"both", "text", "image", "corrupted"}
    assert {row["metric"] for row in rows} == {
        "accuracy",
        "weighted_f1",
        "macro_f1",
        "macro_recall",
        "ece",
    }
    assert len(rows) == 5 * 4 * 5
    assert {(row["n"], row["seeds"]) for row in rows} == {("12", "2")}
    assert all(float(row["low"]) <= float(row["high"]) for row in rows)


def test_a_model_without_its_modality_gives_the_prior(compared: Path) -> None:
    found = {(r["model"], r["condition"], r["metric"]): float(r["mean"]) for r in table(compared)}
    assert found["text", "image", "accuracy"] == pytest.approx(1 / 3)
    assert found["image", "text", "accuracy"] == pytest.approx(1 / 3)
    assert found["text", "corrupted", "accuracy"] == found["text", "both", "accuracy"]
    assert found["lexicon", "both", "accuracy"] == found["lexicon", "text", "accuracy"] > 0.4


def test_compare_writes_everything_else(compared: Path) -> None:
    for name in ("table", "reliability", "coverage", "confusion"):
        assert (compared / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (compared / f"{name}.svg").read_text(encoding="utf-8")
    assert "corrupted image" in (compared / "table.md").read_text(encoding="utf-8")
    report = (compared / "reports" / "joint.md").read_text(encoding="utf-8")
    assert "precision" in report
    assert "true ↓ predicted →" in report
    with (compared / "significance.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["baseline"] for row in rows} == {"lexicon"}
    assert all(0 < float(row["p"]) <= float(row["p_holm"]) <= 1 for row in rows)
    assert len(list((compared / "predictions").glob("*.parquet"))) == 10


def test_a_finished_run_is_not_repeated(place: Path, compared: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    shutil.copytree(compared, out)
    before = {path: path.stat().st_mtime_ns for path in (out / "predictions").iterdir()}
    gone = next(iter(sorted(before)))
    gone.unlink()
    assert run("compare", "mvsa-single", *flags(place), "--candidate", MODELS, "--seeds", "2", "-o", out) == 0
    after = {path: path.stat().st_mtime_ns for path in (out / "predictions").iterdir()}
    assert {path for path in before if after[path] != before[path]} == {gone}
    assert (out / "table.csv").read_bytes() == (compared / "table.csv").read_bytes()


def test_counted_words_stand_alone_and_beside_a_fusion(place: Path, tmp_path: Path) -> None:
    names = ("words", "words+lexicon", "text+words", "joint+lexicon+words")
    asked = ("compare", "mvsa-single", *flags(place), "--seeds", "2", "--workers", "1")
    assert run(*asked, "--candidate", ",".join(names), "-o", tmp_path / "all") == 0
    found = {(r["model"], r["condition"], r["metric"]): float(r["mean"]) for r in table(tmp_path / "all")}
    assert {model for model, _, _ in found} == set(names)
    assert all(found[name, "both", "accuracy"] > 0.6 for name in ("words", "words+lexicon"))
    assert found["words", "image", "accuracy"] == pytest.approx(1 / 3)  # nothing to count
    assert run(*asked, "--candidate", "text+words", "-o", tmp_path / "one") == 0
    runs = sorted((tmp_path / "one" / "predictions").iterdir())
    for path in runs:  # the same, whoever asked for the counted words first
        again = read_run(tmp_path / "all" / "predictions" / path.name)
        for name, answers in read_run(path).conditions.items():
            np.testing.assert_array_equal(answers.probabilities, again.conditions[name].probabilities)
    assert len(runs) == 2


def test_a_word_list_stands_alone_and_beside_a_fusion(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "own.tsv"
    words.write_text("lovely\t2\nawful\t-2\n", encoding="utf-8")
    asked = ("compare", "mvsa-single", *flags(place), "--word-list", f"own={words}", "--seeds", "1")
    names = "own,words+own+lexicon,joint+own"
    assert run(*asked, "--candidate", names, "--workers", "2", "-o", tmp_path / "out") == 0
    found = {(r["model"], r["condition"], r["metric"]): float(r["mean"]) for r in table(tmp_path / "out")}
    assert {model for model, _, _ in found} == set(names.split(","))
    assert found["words+own+lexicon", "both", "accuracy"] > 0.6
    words.write_text("lovely\t2\nawful\t-1\n", encoding="utf-8")
    capsys.readouterr()
    assert run(*asked, "--candidate", names, "-o", tmp_path / "out") != 0  # another list is another model
    assert "candidate.lexicons.own differ" in capsys.readouterr().err
    words.write_text("nowhere\t2\nnever\t-1\n", encoding="utf-8")
    wrong = (*asked, "--candidate", "own", "-o", tmp_path / "other")
    assert run(*wrong) != 0
    assert run(*wrong, "--word-list", f"own={words}") != 0
    assert run(*wrong, "--word-list", "more") != 0
    said = capsys.readouterr().err
    assert "none of 72 texts has a word of it" in " ".join(said.split())
    assert "names 'own' twice" in said
    assert "write NAME=FILE" in said


def test_counting_needs_no_encoder(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["compare", "mvsa-single", *map(str, flags(place)), "--seeds", "1"]
    asked[asked.index("--text-encoder") + 1] = "/nowhere"
    assert run(*asked, "--candidate", "lexicon,words", "-o", "run:1") == 0  # nor is the folder a URI
    assert (tmp_path / "run:1" / "significance.csv").exists()
    assert run(*asked, "--candidate", "words", "-o", "run:1") == 0
    left = {path.name for path in (tmp_path / "run:1").rglob("*") if path.suffix in (".csv", ".md")}
    assert left == {"table.csv", "table.md", "timing.csv", "words.md"}
    capsys.readouterr()
    assert run("compare", "mvsa-single", *flags(place), "--candidate", "text", "-o", "run:1") != 0
    assert "(encoders.text, posts differ)" in " ".join(capsys.readouterr().err.split())


def test_other_pictures_want_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = write_research(tmp_path / "research")
    asked = ("compare", "mvsa-single", *flags(place), "--candidate", "image,text", "-o", tmp_path / "out")
    assert run(*asked, "--seeds", "1") == 0
    pictures = sorted((place / "data").rglob("*.jpg"))
    assert pictures
    pictures[0].write_bytes(pictures[1].read_bytes())
    capsys.readouterr()
    assert run(*asked, "--seeds", "2") != 0
    assert "(posts differ)" in " ".join(capsys.readouterr().err.split())


def test_no_post_is_learned_from_and_asked_about(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (*flags(place), "--candidate", "words", "-o", tmp_path / "out")
    assert run("compare", "mvsa-single", *asked, "--train-split", "train", "--eval-split", "train") != 0
    assert run("crossval", "mvsa-single", *asked, "--split", "train", "--split", "train") != 0
    assert capsys.readouterr().err.count("the same split is named twice") == 2


def test_two_workers_give_the_same_table(place: Path, compared: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    args = ("compare", "mvsa-single", *flags(place), "--candidate", MODELS, "--seeds", "2", "--workers", "2")
    assert run(*args, "-o", out) == 0
    for name in ("table.csv", "significance.csv", "mcnemar.csv", "table.md"):
        assert (out / name).read_bytes() == (compared / name).read_bytes()


@pytest.mark.slow
def test_two_workers_give_the_same_folds(place: Path, tmp_path: Path) -> None:
    args = ("crossval", "mvsa-single", *flags(place), "--candidate", "lexicon,text", "--folds", "2")
    for workers in ("1", "2"):
        assert run(*args, "--workers", workers, "-o", tmp_path / workers) == 0
    for name in ("table.csv", "folds_table.csv", "per_class.csv"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_models_and_seeds_can_be_added(place: Path, compared: Path, tmp_path: Path) -> None:
    out = tmp_path / "more"
    shutil.copytree(compared, out)
    more = ("--candidate", "text,early", "--seeds", "3", "--baseline", "early")
    assert run("compare", "mvsa-single", *flags(place), *more, "-o", out) == 0
    assert {(row["model"], row["seeds"]) for row in table(out)} == {("text", "3"), ("early", "3")}


def killed(command: list[str], out: Path, *, files: int) -> None:
    """Start a command, and kill it when so many predictions are there."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while len(list(out.glob("predictions/*.parquet"))) < files:
                assert process.poll() is None, "it ended before it could be killed"
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_twice_the_table_is_the_same(place: Path, compared: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    args = ["compare", "mvsa-single", *flags(place), "--candidate", MODELS, "--seeds", "2", "-o", str(out)]
    command = [sys.executable, "-m", "posthue", *args, "--workers", "2"]
    for files in (1, 4):
        killed(command, out, files=files)
    assert not (out / "table.csv").exists()
    assert run(*args) == 0
    assert (out / "table.csv").read_bytes() == (compared / "table.csv").read_bytes()
    assert (out / "significance.csv").read_bytes() == (compared / "significance.csv").read_bytes()


def test_crossval(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "folds"
    args = ("crossval", "mvsa-single", *flags(place), "--candidate", "text,text+lexicon,late", "--folds", "3")
    assert run(*args, "-o", out) == 0
    shown = capsys.readouterr().out
    assert "3 folds" in shown
    rows = table(out)
    assert {(row["n"], row["folds"]) for row in rows} == {("72", "3")}
    with (out / "folds.csv").open(newline="", encoding="utf-8") as file:
        folds = list(csv.DictReader(file))
    assert sorted(int(row["id"]) for row in folds) == list(range(1, 73))
    with (out / "per_class.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 9
    before = (out / "table.csv").read_bytes()
    for path in sorted((out / "predictions").iterdir())[::2]:
        path.unlink()
    (out / "table.csv").unlink()
    assert run(*args, "-o", out) == 0
    assert (out / "table.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--candidate", "text,glue"), "no model is called 'glue'; there are text, image, late"),
        (("--candidate", "text,text"), "--candidate names 'text' twice"),
        (("--candidate", "joint:pooling=median"), "pooling: 'median' is not one of"),
        (("--candidate", "text:max"), "write text:OPTION=VALUE"),
        (("--candidate", ","), "no models: give --candidate"),
        (
            ("--candidate", "text", "--baseline", "image"),
            "the baseline 'image' is not among the models: text",
        ),
        (("--eval-split", "test"), "has no split 'test' here; it has train, dev"),
        (("--scheme", "emotion"), "has no labels of 'emotion'; it has sentiment"),
        (("--text-encoder", "no/such/net"), "cannot load 'no/such/net'"),
    ],
)
def test_a_mistake_in_compare_is_one_line(
    place: Path, tmp_path: Path, args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--candidate", "text", *args) if "--candidate" not in args else args
    assert run("compare", "mvsa-single", *flags(place), *given, "-o", tmp_path / "out") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("posthue: ")
    assert message in last
    assert not list(tmp_path.glob("out/predictions/*"))


@pytest.mark.parametrize(
    ("made", "models", "message"),
    [
        ({"train": {"positive": 12}}, "text", "every post is 'positive'; a classifier wants two classes"),
        (
            {"train": {"positive": 9, "negative": 9, "neutral": 1}},
            "text",
            "only 1 post is 'neutral', and at least 2",
        ),
        ({"pictures": False}, "text,image", "none of its 72 images can be read"),
    ],
)
def test_a_corpus_that_cannot_work_is_one_line(
    tmp_path: Path, made: dict[str, object], models: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_research(tmp_path / "made", **made)  # type: ignore[arg-type]
    out = tmp_path / "out"
    assert run("compare", "mvsa-single", *flags(folder), "--candidate", models, "-o", out) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (out / "predictions").exists()


def test_a_label_outside_the_scheme_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_research(tmp_path / "made", train=dict.fromkeys(("negative", "positive"), 4), dev=2)
    labels = folder / "data" / "mvsa-single" / "labelResultAll.txt"
    labels.write_text(labels.read_text().replace("3\tnegative,negative", "3\tnegative,grumpy"))
    assert run("compare", "mvsa-single", *flags(folder), "--candidate", "text", "-o", tmp_path / "out") == 2
    assert "'grumpy' is not one of negative, neutral, positive" in capsys.readouterr().err


def test_another_configuration_wants_another_folder(
    place: Path, compared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "other"
    shutil.copytree(compared, out)
    swapped = ("--train-split", "dev", "--eval-split", "train")
    assert run("compare", "mvsa-single", *flags(place), *swapped, "--candidate", MODELS, "-o", out) == 2
    assert "was begun with another configuration (evaluate, " in capsys.readouterr().err
    assert run("crossval", "mvsa-single", *flags(place), "--candidate", "text", "-o", out) == 2
    assert "was begun with another configuration" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    args = (*flags(place), "--candidate", "text", "-o", tmp_path / "full")
    assert run("compare", "mvsa-single", *args) == 2
    assert "holds other files: use a new or an empty folder" in capsys.readouterr().err


def test_settings_are_written_before_any_run(compared: Path) -> None:
    settings = json.loads((compared / "settings.json").read_text())
    assert (settings["command"], settings["train"], settings["evaluate"]) == ("compare", "train", "dev")
    assert set(settings["encoders"]) == {"text", "image"}


def test_folds_without_a_part_to_ask_about_are_none() -> None:
    parts = ["split_1/train", "split_1/val", "split_2/train", "split_2/test", "fold3/test"]
    assert own_folds(parts) == {2: ("split_2/train", "split_2/test")}
