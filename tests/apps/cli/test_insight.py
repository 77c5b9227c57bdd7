from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from command_line import run
from posthue.data.corpora.labelled import LabelledPosts
from posthue.errors import InputError


def test_score_then_crowd_then_explore(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, scored = tmp_path / "posts.csv", tmp_path / "scored.csv"
    source.write_text("text,place\nhappy day,Rome\nsad day,Oslo\n", encoding="utf-8")
    assert run("score", source, "-o", scored, "-m", tiny_bundle) == 0
    assert run("crowd", scored, "-o", tmp_path / "crowd.html", "--by", "place") == 0
    assert "2 posts" in capsys.readouterr().out
    assert "Rome" in (tmp_path / "crowd.html").read_text(encoding="utf-8")
    assert run("explore", scored, "-o", tmp_path / "e.html", "--label-column", "place") == 0
    assert "Oslo" in (tmp_path / "e.html").read_text(encoding="utf-8")


HEADERS = """
label,text  text,Emotion,split  text,target,class,fold  text,polarity,category  text,mood  text,ekman,set
Text,LABEL,label  id,text,labels,label,Subset  text,target,polarity  title,body,sentiment  label,class,tweet
text,class,partition,split  caption,category,ekman
"""


@pytest.mark.parametrize("header", HEADERS.split())
def test_data_check_and_explore_choose_the_same_columns(
    header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[LabelledPosts] = []

    def stop(posts: LabelledPosts, *_args: object, **_options: object) -> None:
        found.append(posts)
        raise InputError("far enough")

    monkeypatch.setattr("posthue.evaluation.audit.check.check_data", stop)
    monkeypatch.setattr("posthue.insight.explore.explore", stop)
    table = tmp_path / "t.csv"
    table.write_text(f"{header}\n{','.join(f'a|{name}' for name in header.split(','))}\n", encoding="utf-8")
    assert run("data", "check", table, "-o", tmp_path / "out", "--vectors", "none") == 2
    assert run("explore", table, "-o", tmp_path / "e.html") == 2
    assert len(found) == 2
    assert found[0] == found[1]
    assert (found[0].scheme is None) == (header == "text,mood")


def test_curves_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "curves.csv").write_text("loss,epoch,eval_score\n1.5,1,\n,1,0.25\n")
    assert run("curves", tmp_path) == 0
    shown = capsys.readouterr().out
    assert "only" in shown
    assert "0.25" in shown
    assert (tmp_path / "curves.html").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("explore", "nothing.csv"), "neither a file nor a corpus"),
        (("explore", ".", "-o", "report.pdf"), "end in .html"),
        (("crowd", "nothing.csv"), "nothing.csv"),
        (("curves", "no-run"), "curves.csv"),
    ],
)
def test_a_mistake_is_one_line(
    args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*args) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1


def test_times_that_cannot_be_read_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "text,when,sentiment,sentiment_negative,sentiment_neutral,sentiment_positive,error\n"
    rows = [f"hello,{when},positive,0.1,0.1,0.8,\n" for when in ("noon", "²³²³²³", "2024-05-16")]
    (tmp_path / "scored.csv").write_text(head + "".join(rows) + ",,,,,,broken\n", encoding="utf-8")
    command = ("crowd", tmp_path / "scored.csv", "-o", tmp_path / "crowd.html")
    assert run(*command, "--time-column", "when") == 0
    assert "warning: 2 of 3 times in the column 'when' cannot be read" in capsys.readouterr().err
    assert run(*command) == 0
    assert "warning" not in capsys.readouterr().err
