"""Scoring into shards: resumed after real kills, refused for another job, whole on a full disk."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posthue import InputError, TableError, load
from posthue.processes import Progress
from posthue.runtime.scoring.rows.one_file import score_file
from posthue.runtime.scoring.shards import run as shards
from posthue.runtime.scoring.shards import scorer
from posthue.runtime.scoring.shards.folder import locked
from posthue.runtime.scoring.shards.run import ShardJob, score_shards, score_with_workers

COMMAND = [sys.executable, "-m", "posthue"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_posts(tmp_path / "posts.csv", 1000)


def write_posts(path: Path, rows: int) -> Path:
    draw = random.Random(7)
    words = ["happy", "sad", "the", "day", "what", "is"]
    lines = [f"{n},{' '.join(draw.choices(words, k=1 + n % 9))},{n % 5}" for n in range(rows)]
    lines[3] = "3,,1"  # a post without text: a row with an error
    path.write_text("id,text,likes\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def job(tmp_path: Path, source: Path, tiny_bundle: Path) -> ShardJob:
    return ShardJob(
        str(source), str(tmp_path / "out"), model=str(tiny_bundle), shard_rows=300, batch_rows=64, threads=1
    )


def parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def assert_alike(one: pa.Table, other: pa.Table) -> None:
    """Equal but for the last digits of floats: sums depend on the padding of a batch."""
    assert one.schema == other.schema
    for name in one.column_names:
        if pa.types.is_floating(one[name].type):
            found, expected = (np.array(table[name].to_pylist(), dtype=float) for table in (one, other))
            np.testing.assert_allclose(found, expected, atol=1e-5)
        else:
            assert one[name].to_pylist() == other[name].to_pylist()


def test_shards_together_are_the_one_file(tmp_path: Path, job: ShardJob, tiny_bundle: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    summary = score_shards(job, progress=lambda *call: calls.append(call))
    names = list(parts(tmp_path / "out"))
    one = score_file(job.source, tmp_path / "one.parquet", load(tiny_bundle, threads=1))
    together = pa.concat_tables([pq.read_table(tmp_path / "out" / name) for name in names])
    assert names == [f"part-{n:05}.parquet" for n in range(4)]
    assert_alike(together, pq.read_table(tmp_path / "one.parquet"))
    assert (summary.rows, summary.failed, summary.labels) == (1000, 1, one.labels)
    assert summary.errors == one.errors
    assert calls[-1][0] == 1000


def test_a_whole_number_of_shards_has_no_empty_one(tmp_path: Path, job: ShardJob) -> None:
    score_shards(replace(job, shard_rows=500))
    assert len(parts(tmp_path / "out")) == 2
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["complete"] is True


def test_a_header_only_is_one_shard_without_rows(tmp_path: Path, job: ShardJob) -> None:
    (tmp_path / "none.csv").write_text("id,text\n")
    assert score_shards(replace(job, source=str(tmp_path / "none.csv"))).rows == 0
    assert pq.read_table(tmp_path / "out" / "part-00000.parquet").num_rows == 0


def test_a_stopped_job_goes_on_and_a_finished_one_is_left_alone(
    tmp_path: Path, job: ShardJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    def stop(rows: int, _: int | None) -> None:
        if rows > 400:
            raise Stopped

    with pytest.raises(Stopped):
        score_shards(job, progress=stop)
    assert list(parts(tmp_path / "out")) == ["part-00000.parquet"]
    made: list[int] = []
    score = scorer.ShardScorer.score
    monkeypatch.setattr(scorer.ShardScorer, "score", lambda self, i, p: made.append(i) or score(self, i, p))
    assert score_shards(job).rows == 1000
    assert made == [1, 2, 3]
    assert score_shards(job).rows == 1000
    assert made == [1, 2, 3]


def test_a_damaged_shard_is_made_again(tmp_path: Path, job: ShardJob) -> None:
    score_shards(job)
    before = parts(tmp_path / "out")
    (tmp_path / "out" / "part-00002.parquet").write_bytes(b"half")
    score_shards(job)
    assert parts(tmp_path / "out") == before


@pytest.mark.parametrize("changed", ["input", "bundle", "shard_rows"])
def test_another_job_is_refused(
    tmp_path: Path, job: ShardJob, source: Path, changed: str, sequence_bundle: Path
) -> None:
    score_shards(job)
    other = job
    if changed == "input":
        source.write_text(source.read_text() + "1000,happy,1\n")
    elif changed == "bundle":
        other = replace(job, model=str(sequence_bundle))
    else:
        other = replace(job, shard_rows=301)
    with pytest.raises(TableError, match=rf"another job \({changed} changed"):
        score_shards(other)
    assert score_shards(other, overwrite=True).rows >= 1000


def test_a_folder_of_something_else_is_refused(tmp_path: Path, job: ShardJob) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(TableError, match="not empty"):
        score_shards(job, overwrite=True)
    assert (tmp_path / "out" / "thesis.txt").read_text() == "precious"
    with pytest.raises(TableError, match="is a file"):
        score_shards(replace(job, folder=job.source))
    with pytest.raises(InputError, match="workers"):
        score_shards(job, workers=0)


def test_two_jobs_do_not_share_a_folder(tmp_path: Path, job: ShardJob) -> None:
    with locked(tmp_path / "out"), pytest.raises(TableError, match="another job is writing"):
        score_shards(job)


def test_a_full_disk_leaves_whole_shards(
    tmp_path: Path, job: ShardJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullWriter(scorer.TableWriter):
        def __enter__(self) -> FullWriter:
            super().__enter__()
            if "00002" in self.path.name:
                self._file = FullFile()
            return self

    class FullFile:
        closed = False

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def tell(self) -> int:
            return 0

        def flush(self) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr(scorer, "TableWriter", FullWriter)
    with pytest.raises(TableError, match=r"disk is full.*Whole shards are kept"):
        score_shards(job)
    assert list(parts(tmp_path / "out")) == ["part-00000.parquet", "part-00001.parquet"]
    monkeypatch.undo()
    assert score_shards(job).rows == 1000


def test_a_real_limit_on_file_size_ends_a_worker_with_a_clear_error(tmp_path: Path, job: ShardJob) -> None:
    done = subprocess.run(
        [*command(job), "--shard-rows", "900"],
        capture_output=True,
        check=False,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000)),
    )
    assert done.returncode == 2
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == [".lock", "manifest.json"]


def test_workers_give_the_same_and_one_may_be_killed(
    tmp_path: Path, job: ShardJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_shards(job)
    killed: list[int] = []

    class Fragile(shards.WorkerProcess):
        def do(self, number: int, progress: Progress) -> object:
            if not killed:
                killed.append(self.pid)
                os.kill(self.pid, signal.SIGKILL)
            return super().do(number, progress)

    monkeypatch.setattr(shards, "WorkerProcess", Fragile)
    again = replace(job, folder=str(tmp_path / "again"))
    assert score_shards(again, workers=2).rows == 1000
    assert len(killed) == 1
    assert parts(tmp_path / "again") == parts(tmp_path / "out")


def test_one_file_by_workers_keeps_the_order(tmp_path: Path, job: ShardJob, tiny_bundle: Path) -> None:
    summary = score_with_workers(job, tmp_path / "many.csv", workers=2)
    score_file(job.source, tmp_path / "one.csv", load(tiny_bundle, threads=1))
    lines, expected = ((tmp_path / name).read_text().splitlines() for name in ("many.csv", "one.csv"))
    assert [line.split(",")[:4] for line in lines] == [line.split(",")[:4] for line in expected]
    assert (summary.output, summary.rows) == (tmp_path / "many.csv", 1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.csv", "one.csv", "posts.csv"]


def test_what_a_worker_cannot_do_is_said(tmp_path: Path, job: ShardJob) -> None:
    with pytest.raises(TableError, match="no column"):
        score_shards(replace(job, text_column="nowhere"), workers=2)


def command(job: ShardJob) -> list[str]:
    return [
        *(*COMMAND, "score", job.source, "-o", job.folder, "-m", str(job.model)),
        *("--batch-rows", str(job.batch_rows), "--threads", "1", "--json"),
    ]


def whole_shards(folder: Path) -> int:
    try:
        return len(json.loads((folder / "manifest.json").read_text())["shards"])
    except FileNotFoundError:
        return 0


def kills(args: list[str], folder: Path, most: int) -> Iterator[int]:
    """Kill -9 at random moments, ``most`` times, then let it finish; yield the whole shards each time."""
    draw = random.Random(0)
    for _ in range(most):
        before = whole_shards(folder)
        process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and whole_shards(folder) <= before:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.02))
        process.kill()
        _, said = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said
        yield whole_shards(folder)
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("times", "rows"), [(3, 4_000), pytest.param(20, 100_000, marks=pytest.mark.slow, id="20-kills")]
)
def test_kills_at_random_moments_change_nothing(tmp_path: Path, job: ShardJob, times: int, rows: int) -> None:
    job = replace(job, source=str(write_posts(tmp_path / "many.csv", rows)), shard_rows=200, batch_rows=128)
    args = [*command(job), "--shard-rows", "200"]
    seen = list(kills(args, tmp_path / "out", times))
    assert 0 < seen[0] < rows // 200  # the first kill was in the middle
    undisturbed = replace(job, folder=str(tmp_path / "undisturbed"))
    assert score_shards(undisturbed).rows == rows
    assert parts(tmp_path / "out") == parts(tmp_path / "undisturbed")
    assert not list((tmp_path / "out").glob(".posthue-*"))


@pytest.mark.slow
def test_a_real_full_disk(tmp_path: Path, job: ShardJob) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        small = replace(job, folder=str(folder / "out"), shard_rows=100)
        with pytest.raises(TableError, match=r"disk is full"):
            score_shards(replace(small, source=str(write_posts(tmp_path / "many.csv", 5000))))
        kept = whole_shards(folder / "out")
        assert 0 < kept < 50
        subprocess.run(["mount", "-o", "remount,size=8m", str(folder)], check=True)
        assert score_shards(replace(small, source=str(tmp_path / "many.csv"))).rows == 5000
    finally:
        subprocess.run(["umount", str(folder)], check=True)
