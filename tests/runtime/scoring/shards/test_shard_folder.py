"""What a job in shards does to its folder: foreign files stay, and nothing is lost before it is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from posthue import TableError
from posthue.runtime.scoring.shards import manifest
from posthue.runtime.scoring.shards.digests import input_digest
from posthue.runtime.scoring.shards.folder import LOCK, clear, locked, shard_name
from posthue.runtime.scoring.shards.ray import _put, score_on_ray
from posthue.runtime.scoring.shards.run import ShardJob, score_shards


@pytest.fixture
def job(tmp_path: Path, tiny_bundle: Path) -> ShardJob:
    source = tmp_path / "posts.csv"
    source.write_text("id,text\n" + "".join(f"{n},happy\n" for n in range(30)))
    return ShardJob(str(source), str(tmp_path / "out"), model=str(tiny_bundle), shard_rows=10, threads=1)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pics"
    folder.mkdir()
    for name in ("lime", "red"):
        Image.new("RGB", (50, 40), name).save(folder / f"{name}.png")
    return folder


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_overwriting_refuses_a_foreign_file_before_anything_is_lost(tmp_path: Path, job: ShardJob) -> None:
    score_shards(job)
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    before = held(tmp_path / "out")
    with pytest.raises(TableError, match=r"thesis\.txt is not of a job in shards"):
        score_shards(job, overwrite=True)
    assert held(tmp_path / "out") == before
    assert score_shards(job).rows == 30  # the finished job is still known


@pytest.mark.parametrize("foreign", ["part-a.csv", "part-00001.xlsx", "part-00001.parquet/inner", ".hidden"])
def test_names_that_are_nearly_ours_are_foreign(tmp_path: Path, job: ShardJob, foreign: str) -> None:
    path = tmp_path / "out" / foreign
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(TableError, match="not empty"):
        score_shards(job, overwrite=True)
    assert sorted(tmp_path.joinpath("out").rglob("*")) == sorted({path, path.parent} - {tmp_path / "out"})


def test_overwriting_in_another_format_leaves_only_that(tmp_path: Path, job: ShardJob) -> None:
    score_shards(job)
    assert score_shards(replace(job, ending=".csv"), overwrite=True).rows == 30
    assert sorted(held(tmp_path / "out")) == [
        LOCK,
        "manifest.json",
        *(shard_name(n, ".csv") for n in range(3)),
    ]


def test_overwriting_starts_anew_where_the_manifest_is_broken(tmp_path: Path, job: ShardJob) -> None:
    score_shards(job)
    (tmp_path / "out" / "manifest.json").write_text("{")
    with pytest.raises(TableError, match="pass --overwrite"):
        score_shards(job)
    assert score_shards(job, overwrite=True).rows == 30


def test_what_an_interrupted_beginning_leaves_is_no_obstacle(tmp_path: Path, job: ShardJob) -> None:
    (tmp_path / "out").mkdir()
    for name in (LOCK, ".posthue-01-23.part", ".posthue-00.part"):
        (tmp_path / "out" / name).touch()
    assert score_shards(job).rows == 30
    assert not list((tmp_path / "out").glob(".*.part"))


def test_shards_without_a_manifest_are_refused(tmp_path: Path, job: ShardJob) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-00000.parquet").touch()
    with pytest.raises(TableError, match="no manifest"):
        score_shards(job)


def test_a_source_inside_the_output_is_refused(tmp_path: Path, job: ShardJob) -> None:
    score_shards(replace(job, ending=".csv"))
    inside = replace(job, source=str(tmp_path / "out" / "part-00001.csv"))
    before = held(tmp_path / "out")
    for score in (score_shards, score_on_ray):
        with pytest.raises(TableError, match="lies inside"):
            score(inside, overwrite=True)
    assert held(tmp_path / "out") == before


def test_a_cluster_refuses_before_any_work(tmp_path: Path, job: ShardJob) -> None:
    score_shards(job)
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    before = held(tmp_path / "out")
    with pytest.raises(TableError, match=r"thesis\.txt is not of a job in shards"):
        score_on_ray(job, overwrite=True)
    with pytest.raises(TableError, match="is a file"):
        score_on_ray(replace(job, folder=str(tmp_path / "out" / "thesis.txt")), overwrite=True)
    assert held(tmp_path / "out") == before


def test_a_cluster_replaces_only_what_is_ours(tmp_path: Path, job: ShardJob) -> None:
    score_shards(replace(job, ending=".csv"))
    done, folder = tmp_path / "done", tmp_path / "out"
    done.mkdir()
    (done / "part-00000.parquet").write_bytes(b"new")
    (folder / "late.txt").write_text("came while the cluster was at work")
    with locked(folder):
        _put(done, folder)
    assert sorted(held(folder)) == ["late.txt", "part-00000.parquet"]


def test_clearing_keeps_the_lock_and_what_is_foreign(tmp_path: Path) -> None:
    for name in (LOCK, "manifest.json", "part-00000.tsv", ".posthue-0.part", "notes.txt"):
        (tmp_path / name).touch()
    clear(tmp_path)
    assert sorted(held(tmp_path)) == [LOCK, "notes.txt"]


def test_a_dangling_link_is_a_row_with_an_error(tmp_path: Path, job: ShardJob, pictures: Path) -> None:
    (pictures / "gone.png").symlink_to("nowhere.png")
    summary = score_shards(replace(job, source=str(pictures)))
    assert (summary.rows, summary.failed, summary.errors) == (3, 1, {"no such file": 1})


def test_shards_inside_the_pictures_they_are_of(job: ShardJob, pictures: Path) -> None:
    job = replace(job, source=str(pictures), folder=str(pictures / "out"), shard_rows=1)
    score_shards(job)
    times = [path.stat().st_mtime_ns for path in (pictures / "out").glob("part-*")]
    assert score_shards(job).rows == 2
    assert [path.stat().st_mtime_ns for path in (pictures / "out").glob("part-*")] == times
    assert pq.read_table(pictures / "out" / "part-00001.parquet")["id"].to_pylist() == ["red.png"]


def test_a_folder_is_known_by_its_pictures(pictures: Path) -> None:
    before = input_digest(pictures)
    (pictures / ".hidden.png").touch()
    (pictures / "notes.txt").write_text("not a picture")
    assert input_digest(pictures) == before
    os.utime(pictures / "red.png", (0, 0))
    assert input_digest(pictures) != before


def test_an_unreadable_source_is_said(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.csv: cannot be read"):
        input_digest(tmp_path / "none.csv")


def test_a_hidden_folder_gives_way_whatever_it_holds(tmp_path: Path) -> None:
    for text in ("{", '{"format": 0}', '{"format": 1, "job": {"input": "other"}}'):
        (tmp_path / "manifest.json").write_text(text)
        (tmp_path / "part-00000.csv").touch()
        found = manifest.open_own_manifest(tmp_path, {"input": "a"}, ending=".parquet", overwrite=False)
        assert (found.shards, sorted(held(tmp_path))) == ({}, ["manifest.json"])
