from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from command_line import run
from photos import photo

pytest.importorskip("matplotlib")
pytest.importorskip("cleanlab")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Sixty posts with pictures: one is in train and, hardly changed, in dev; one picture is broken."""
    rng = np.random.default_rng(2)
    lines = ["id,text,image,label,split"]
    telling = {"good": "happy lovely great", "bad": "awful sad terrible"}
    for i in range(60):
        label = ("good", "bad")[i % 2]
        (tmp_path / f"{i}.png").write_bytes(photo(i))
        words = " ".join(rng.permutation([*telling[label].split(), f"a{i}", f"b{i}", f"c{i}", f"d{i}"]))
        lines.append(f"p{i},{words},{i}.png,{label},{'dev' if i >= 50 else 'train'}")
    (tmp_path / "7.png").write_bytes(b"no picture")
    first = lines[1].split(",")[1]
    lines[56] = f"p55,{first} http://t.co/x,55.png,bad,dev"
    path = tmp_path / "posts.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_check_a_table_and_fix_it(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = table.parent / "new" / "out"
    figures = table.parent / "figures" / "f.json"
    assert run("data", "check", table, "-o", out, "--fix", "--report", figures, "--vectors", "words") == 0
    shown = capsys.readouterr().out
    assert "60 posts: train 50, dev 10" in shown
    assert "1 posts of dev (10.0%) have a near-duplicate in train" in shown
    assert "unreadable pictures: 1" in shown
    assert {row["id"] for row in rows_of(out / "duplicates.csv")} == {"p0", "p55"}
    assert {(row["id"], row["label"]) for row in rows_of(out / "conflicts.csv")} == {
        ("p0", "good"),
        ("p55", "bad"),
    }
    assert [row["id"] for row in rows_of(out / "unreadable.csv")] == ["p7"]
    assert {row["id"]: row["suggested"] for row in rows_of(out / "suspicious.csv")}["p55"] == "good"
    assert len(rows_of(out / "classes.csv")) == 4
    for name in ("classes", "repeats"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({name}.svg)" in (out / "report.md").read_text(encoding="utf-8")
    report = (out / "report.md").read_text(encoding="utf-8")
    assert "# posts.csv: data check" in report
    assert "## Near-duplicates with different labels" in report
    found = json.loads(figures.read_text())
    assert found["duplicates"]["text"]["agreement"] == 0.0
    splits = {row["id"]: row["split"] for row in rows_of(out / "splits.csv")}
    assert splits["p0"] == splits["p55"]
    assert sorted(splits.values()).count("dev") == 10
    assert found["moved"] == sum(splits[f"p{i}"] != ("dev" if i >= 50 else "train") for i in range(60)) <= 2


def test_a_table_without_labels_or_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text\n" + "".join(f"words number {i} of <b>many</b> | posts\n" for i in range(20)))
    assert run("data", "check", path, "-o", tmp_path / "out", "--fix", "--vectors", "none") == 0
    assert "no column of labels" in capsys.readouterr().out
    assert "\\<b\\>many" in (tmp_path / "out" / "report.md").read_text() or not rows_of(
        tmp_path / "out" / "duplicates.csv"
    )
    assert len(rows_of(tmp_path / "out" / "splits.csv")) == 20


def test_mistakes_are_one_line(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (table.parent / "file").write_text("")
    out = table.parent / "out"
    for args, why in (
        (("nowhere.csv", "-o", out), "neither a file nor a corpus"),
        ((table, "-o", table.parent / "file"), "cannot be written"),
        ((table, "-o", out, "--label-column", "mood"), "no column 'mood' (--label-column)"),
        ((table, "-o", out, "--fix", "--id-column", "label", "--label-column", "split"), "an id of its own"),
    ):
        assert run("data", "check", *args, "--vectors", "none") == 2
        shown = capsys.readouterr().err
        assert why in shown
        assert shown.count("\n") == 1


def test_a_post_without_a_split_is_not_split_among_others(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = table.read_text(encoding="utf-8").replace(",train\n", ",\n", 1)
    table.write_text(text, encoding="utf-8")
    assert run("data", "check", table, "-o", table.parent / "out", "--fix", "--vectors", "none") == 2
    assert "has no split, and others have one" in capsys.readouterr().err
    assert not (table.parent / "out" / "splits.csv").exists()
