from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from command_line import run

pytest.importorskip("torch")

import posthue
from tiny_models import save_text_encoder, write_corpora

pytestmark = pytest.mark.torch

VAL = ("--split", "val")
TWEETS = ("-c", "tweeteval-sentiment", "--validate", "tweeteval-sentiment:val")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/ and the encoder models/some--words."""
    folder = tmp_path_factory.mktemp("commands")
    write_corpora(folder / "data")
    save_text_encoder(folder / "models" / "some--words")
    return folder


def test_train_from_flags_then_evaluate(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--text", "some/words", "--epochs", "3", "--batch-size", "8", "--learning-rate", "0.01"]
    flags += [
        "--corpus",
        "tweeteval-sentiment",
        "--validate",
        "tweeteval-sentiment:val",
        "--metric",
        "accuracy",
    ]
    folders = ["--data", place / "data", "--encoders", place / "models", "-o", place / "run"]
    assert run("train", *flags, *folders, "--seed", "3") == 0
    bundle = place / "run" / "bundle"
    assert f"bundle: {bundle}" in capsys.readouterr().out
    recipe = json.loads((place / "run" / "recipe.json").read_text())
    assert (recipe["seed"], recipe["name"], recipe["schemes"]) == (3, "run", ["sentiment"])
    assert recipe["stages"][0]["fusion"] == "single"
    assert posthue.load(bundle).predict("what a good happy day")["sentiment"].label == "positive"
    monkeypatch.setenv("POSTHUE_DATA", str(place / "data"))
    written = place / "figures.json"
    assert run("evaluate", bundle, "tweeteval-sentiment", *VAL, "--report", written) == 0
    figures = json.loads(written.read_text())["results"]
    metrics = json.loads((place / "run" / "model" / "metrics.json").read_text())
    assert figures[0]["accuracy"]["value"] == pytest.approx(metrics["score"], abs=1 / 24)


def test_evaluate_prints_and_writes(
    place: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, predictions = tmp_path / "new" / "figures.json", tmp_path / "other" / "predictions.csv"
    files = ("--report", figures, "--predictions", predictions, "--threads", "1")
    assert run("evaluate", tiny_bundle, "tweeteval-sentiment", *VAL, "-d", place / "data", *files) == 0
    shown = capsys.readouterr().out
    assert "tweeteval-sentiment, val" in shown
    assert "sentiment" in shown
    found = json.loads(figures.read_text())
    assert (found["corpus"], found["split"], found["bundle"]) == ("tweeteval-sentiment", "val", "tiny")
    (result,) = found["results"]
    assert (result["scheme"], result["state"], result["n"], result["failed"]) == ("sentiment", "text", 24, 0)
    assert result["accuracy"]["low"] <= result["accuracy"]["value"] <= result["accuracy"]["high"]
    with predictions.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert {row["state"] for row in rows} == {"text"}
    right = sum(row["true"] == row["predicted"] for row in rows)
    assert right / 24 == pytest.approx(result["accuracy"]["value"])
    assert sum(map(sum, result["confusion"])) == 24


def test_evaluate_shows_what_a_state_names(place: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    faces = ("fer2013", "--split", "public_test", "-d", place / "data", "--report", figures)
    assert run("evaluate", tiny_bundle, *faces) == 0
    (result,) = json.loads(figures.read_text())["results"]
    assert (result["scheme"], result["state"], result["n"]) == ("emotion", "image", 24)
    assert run("evaluate", tiny_bundle, *faces, "--state", "text") == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("tweets", "-d", "DATA"), "tweets"),
        (("tweeteval-sentiment", "-d", "DATA"), "has no split 'dev' here; it has train, val"),
        (("tweeteval-sentiment", *VAL), "where are the corpora? Give --data DIR, or set POSTHUE_DATA"),
        (("goemotions", "-d", "DATA"), "goemotions"),
        (("tweeteval-sentiment", *VAL, "-d", "no/where"), "no/where"),
        (
            ("fer2013", "--split", "train", "--state", "text", "-d", "DATA"),
            "no posts and labels that this model",
        ),
    ],
)
def test_a_mistake_in_evaluate_is_one_line(
    place: Path,
    tiny_bundle: Path,
    args: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [place / "data" if arg == "DATA" else arg for arg in args]
    assert run("evaluate", tiny_bundle, *given) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("posthue: ")
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "give a recipe, or at least --corpus, --validate and --text or --image"),
        (("none.yaml",), "cannot read the recipe none.yaml"),
        (TWEETS, "names neither a text nor an image encoder"),
        ((*TWEETS, "-c", "tweets", "--text", "x"), "no corpus is called 'tweets'"),
        ((*TWEETS, "--text", "x", "--metric", "f1"), "metric: 'f1' is not one of accuracy"),
        ((*TWEETS, "--text", "x", "--freeze", "all"), "freeze: 'all' is not one of text, image"),
        ((*TWEETS, "--text", "no/such/net"), "cannot load 'no/such/net': give a Hub id, a local folder"),
        ((*TWEETS, "--text", "glove:none.txt"), "no GloVe file none.txt"),
        ((*TWEETS, "--text", "some/words", "--fusion", "glue"), "fusion: 'glue' is not one of attention"),
        ((*TWEETS, "--text", "some/words", "--fusion", "joint"), "wants a text encoder and an image encoder"),
        (
            ("-c", "tweeteval-sentiment", "--validate", "tweeteval-sentiment", "--text", "some/words"),
            "no split 'dev'",
        ),
        (("-c", "fer2013", "--validate", "fer2013:public_test", "--text", "some/words"), "no post with text"),
    ],
)
def test_a_mistake_in_train_is_one_line(
    place: Path,
    tmp_path: Path,
    args: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders = ("-o", tmp_path / "run", "-d", place / "data", "--encoders", place / "models")
    assert run("train", *args, *folders) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("posthue: ")
    assert message in last


def test_train_asks_where_the_corpora_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", *TWEETS, "--text", "x", "-o", tmp_path / "run") == 2
    assert "where are the corpora?" in capsys.readouterr().err


def test_evaluate_says_at_once_that_it_cannot_write(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for flag in ("--report", "--predictions"):
        bad = tmp_path / "file" / "x"
        assert run("evaluate", tiny_bundle, "no-such-corpus", "-d", tmp_path, flag, bad) == 2
        assert "x: cannot be written (" in capsys.readouterr().err
