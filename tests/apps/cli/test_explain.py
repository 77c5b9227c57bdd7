from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import run

PICTURE = Path(__file__).parents[3] / "src/posthue/examples/pictures/smile.jpg"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Tweets in the layout of TweetEval sentiment."""
    folder = tmp_path / "data" / "tweeteval" / "sentiment"
    folder.mkdir(parents=True)
    rows = [("what a happy day", 2), ("the sad day", 0), ("day", 1), ("a sad day", 2)] * 3
    for split in ("train", "val"):
        (folder / f"{split}_text.txt").write_text("\n".join(text for text, _ in rows) + "\n")
        (folder / f"{split}_labels.txt").write_text("\n".join(str(label) for _, label in rows) + "\n")
    return tmp_path / "data"


def test_explain_prints_and_writes(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, heat = tmp_path / "why.html", tmp_path / "heat.png"
    post = ("what a happy day", "--image", PICTURE, "-m", tiny_bundle, "--threads", "1")
    assert run("explain", *post, "-o", page, "--heat", heat) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("positive ")
    assert "happy" in shown
    assert "without the text" in shown
    assert "Why positive?" in page.read_text(encoding="utf-8")
    assert heat.read_bytes().startswith(b"\x89PNG")


def test_explain_as_json(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run("explain", "happy day", "-m", tiny_bundle, "--scheme", "emotion", "--label", "joy", "--json") == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert (found["scheme"], found["label"], found["heat"]) == ("emotion", "joy", None)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "give a text, a picture, or both"),
        (("a", "--scheme", "mikels"), "no label scheme 'mikels'"),
        (("a", "--label", "bliss"), "'bliss' is not a label of sentiment"),
        ((" ",), "neither text nor image"),
        (("a", "--image", "none.jpg"), "none.jpg"),
        (("a", "--index", "none"), "is not an index"),
        (("a", "--heat", "heat.png"), "the post has no picture"),
    ],
)
def test_a_mistake_is_one_line(
    tiny_bundle: Path, args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("explain", *args, "-m", tiny_bundle) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert len(shown.splitlines()) == 1


def test_index_then_explain_with_neighbours(
    tiny_bundle: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index, page = tmp_path / "index", tmp_path / "why.html"
    assert run("index", tiny_bundle, "tweeteval-sentiment", "-d", data, "-o", index) == 0
    assert "12 posts" in capsys.readouterr().out
    assert run("explain", "happy", "-m", tiny_bundle, "--index", index, "-o", page) == 0
    assert "Nearest posts of the index" in page.read_text(encoding="utf-8")


def test_analyze_writes_a_report(
    tiny_bundle: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    page = tmp_path / "report.html"
    options = ("--split", "val", "-d", data, "-o", page, "--drop", "sad, happy", "--explained", "1")
    assert run("analyze", tiny_bundle, "tweeteval-sentiment", *options) == 0
    assert "12 posts, sentiment" in capsys.readouterr().out
    source = page.read_text(encoding="utf-8")
    assert "sad, happy" in source
    assert "Confused pictures" not in source
    assert (tmp_path / "report_files" / "confusion.csv").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("tweets",), "no corpus is called 'tweets'"),
        (("tweeteval-sentiment", "--split", "dev"), "has no split 'dev'"),
        (("tweeteval-sentiment", "--split", "val", "--scheme", "emotion"), "'emotion' is not in both"),
    ],
)
def test_a_mistake_in_analyze_is_one_line(
    tiny_bundle: Path,
    data: Path,
    tmp_path: Path,
    args: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("analyze", tiny_bundle, *args, "-d", data, "-o", tmp_path / "r.html") == 2
    assert message in capsys.readouterr().err
    assert run("analyze", tiny_bundle, "tweeteval-sentiment", "-d", data, "-o", tmp_path) == 2
    assert "is a folder" in capsys.readouterr().err
