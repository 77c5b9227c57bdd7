from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from page_checks import check_page

pytest.importorskip("matplotlib")

from posthue.errors import InputError
from posthue.insight.runs.curves import curve_rows, read_run, write_curves

TEXT = """loss,epoch,step,eval_set/dev/f1,eval_score,train_loss
2.0,0.5,5,,,
1.0,1.0,10,,,
,1.0,10,0.5,0.5,
0.6,2.0,20,,,
,2.0,20,0.4,0.4,
,2.0,20,,,1.2
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for stage, text in {"b-first": TEXT, "a-second": TEXT.replace("set/dev", "other/dev")}.items():
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "curves.csv").write_text(text)
    stages = [{"name": "b-first"}, {"name": "a-second"}, {"name": "not begun"}]
    (tmp_path / "recipe.json").write_text(json.dumps({"stages": stages}))
    return tmp_path


def test_a_run_is_read_in_its_order(run: Path) -> None:
    stages = read_run(run)
    assert [stage.name for stage in stages] == ["b-first", "a-second"]
    assert [epoch.loss for epoch in stages[0].epochs] == [1.5, 0.6]
    assert stages[0].checks == ["set/dev/f1", "score"]
    assert stages[0].best == stages[0].epochs[0]
    names, rows = curve_rows(stages)
    assert names == ["stage", "epoch", "training loss", "set/dev/f1", "score", "other/dev/f1"]
    assert rows[0] == ["b-first", 1.0, 1.5, 0.5, 0.5, None]


def test_curves_are_drawn_and_written(run: Path, tmp_path: Path) -> None:
    folder = write_curves(run, tmp_path / "out" / "c.html", read_run(run))
    page = check_page((tmp_path / "out" / "c.html").read_text(encoding="utf-8"))
    assert "b-first: training loss" in page.text
    assert "Epoch 1 has the highest score and was kept." in page.text
    assert (folder / "1-b-first-checks.svg").exists()
    with (folder / "curves.csv").open() as file:
        assert len(list(csv.reader(file))) == 5


def test_a_stage_folder_is_a_run_of_one(run: Path) -> None:
    assert [stage.name for stage in read_run(run / "b-first")] == ["b-first"]


def test_odd_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no"):
        read_run(tmp_path)
    (tmp_path / "curves.csv").write_text("loss,epoch\nnan-ish,x\n")
    (tmp_path / "recipe.json").write_text("{")
    stages = read_run(tmp_path)
    assert stages[0].best is None
    write_curves(tmp_path, tmp_path / "c.html", stages)
