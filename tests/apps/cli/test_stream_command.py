"""The commands that scale, from the command line: shards, workers, tuning, streams."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from posthue.apps.cli import main as cli


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "posts.csv"
    path.write_text("id,text\n" + "".join(f"{n},{'happy' if n % 2 else 'sad'} day\n" for n in range(40)))
    return path


def said(args: list[str], capsys: pytest.CaptureFixture[str], *, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(args)
    assert ended.value.code == code
    found = capsys.readouterr()
    return found.out, found.err


def test_shards_from_the_command_line(
    tmp_path: Path, source: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["score", str(source), "-o", str(tmp_path / "out"), "-m", str(tiny_bundle), "--json"]
    out, _ = said([*args, "--shard-rows", "16", "--shard-format", "jsonl"], capsys)
    assert json.loads(out)["rows"] == 40
    names = sorted(path.name for path in (tmp_path / "out").glob("part-*"))
    assert names == ["part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl"]
    _, err = said([*args, "--shard-rows", "17", "--shard-format", "jsonl"], capsys, code=2)
    assert "another job (shard_rows changed" in err
    _, err = said(args, capsys, code=2)
    assert "give --shard-rows" in err
    _, err = said([*args, "--shard-rows", "9", "--shard-format", "docx"], capsys, code=2)
    assert "--shard-format is one of" in err


def test_a_bundle_is_tuned_with_posts_of_a_table(
    tmp_path: Path, source: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned = tmp_path / "tuned"
    args = [
        "bundle",
        "optimize",
        str(tiny_bundle),
        "-o",
        str(tuned),
        "--posts",
        str(source),
        "--threads",
        "1",
    ]
    out, _ = said(args, capsys)
    assert "onnxruntime fp32" in out
    runtime = json.loads((tuned / "config.json").read_text())["runtime"]
    assert {one["part"] for one in runtime["measured"]["candidates"]} == {"text"}
    _, err = said(args, capsys, code=2)
    assert "exists already" in err


def test_a_bundle_goes_to_fp16(
    tmp_path: Path, source: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = tmp_path / "half"
    args = ["bundle", "fp16", str(tiny_bundle), "-o", str(half), "--posts", str(source), "--n", "8"]
    out, _ = said(args, capsys)
    assert "fp16 against the bundle as it was: 100.00% of 16 labels are the same" in out
    assert json.loads((half / "config.json").read_text())["text"]["precision"] == "fp16"
    _, err = said(args, capsys, code=2)
    assert "exists already" in err


def test_kafka_wants_both_topics(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = said(["stream", "-m", str(tiny_bundle), "--kafka", "nowhere:1", "--topic", "t"], capsys, code=2)
    assert "--kafka needs --topic and --output-topic" in err


@pytest.mark.parametrize("name", ["stdin", "stdout"])
def test_a_stream_that_was_closed_is_told(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(f"sys.{name}", None)  # as Python has it after ``posthue stream <&-``
    _, err = said(["stream", "-m", str(tiny_bundle)], capsys, code=2)
    assert err.splitlines() == [
        "posthue: stream reads standard input and writes standard output, and one is closed"
    ]
