from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from command_line import run

pytest.importorskip("pyarrow")

from bundle_factory import make_bundle
from crowd_factory import write_crowd


def test_distill_shows_and_writes_what_each_stage_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_crowd(tmp_path / "data")
    make_bundle(tmp_path / "tiny")
    recipe = {"name": "<tiny>", "least": 3, "posts": {"table": "posts.csv", "language_column": "lang"}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    args = ("distill", tmp_path / "recipe.yaml", "--data", tmp_path / "data", "-o", tmp_path / "run")
    assert (
        run(*args, "--until", "split", "--teacher", tmp_path / "tiny", "--keep", "positive=.5,negative=.5")
        == 0
    )
    shown = capsys.readouterr().out
    assert "dedup" in shown
    assert f"report: {tmp_path / 'run' / 'report.html'}" in shown
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "&lt;tiny&gt;" in page
    assert "near an earlier picture" in page
    assert "<script" not in page
    assert "Posts kept by each stage" in (tmp_path / "run" / "stages.svg").read_text(encoding="utf-8")
    assert (tmp_path / "run" / "stages.png").is_file()


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("distill", tmp_path / "no.yaml", "--data", tmp_path, "-o", tmp_path / "run") == 2
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "r.yaml").write_text("name: x\nposts: {table: a.csv}\n", encoding="utf-8")
    args = (tmp_path / "r.yaml", "--data", tmp_path, "-o", tmp_path / "run", "--until", "split")
    assert run("distill", *args) == 2
    assert "there is no table" in capsys.readouterr().err
    assert run("distill", *args, "--keep", "happy=.5") == 2
    assert "keep: 'happy'" in capsys.readouterr().err
