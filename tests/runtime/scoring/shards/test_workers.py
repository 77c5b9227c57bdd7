"""One file by several processes: its hidden folder never stands in the way, whatever was killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from posthue import TableError
from posthue.processes import Progress
from posthue.runtime.scoring.shards import run as shards
from posthue.runtime.scoring.shards.job import ShardDone
from posthue.runtime.scoring.shards.run import ShardJob, score_with_workers
from posthue.runtime.scoring.shards.scorer import ShardScorer

HIDDEN = ".out.parquet.posthue-shards"


@pytest.fixture
def job(tmp_path: Path, tiny_bundle: Path) -> ShardJob:
    write_posts(tmp_path / "posts.csv", "happy")
    return ShardJob(str(tmp_path / "posts.csv"), "", model=str(tiny_bundle), shard_rows=10, threads=1)


def write_posts(path: Path, text: str) -> None:
    path.write_text("id,text\n" + "".join(f"{n},{text}\n" for n in range(30)))


class Killed(Exception):
    pass


def killed_in_work(job: ShardJob, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what a kill -9 leaves after one whole shard."""
    score = ShardScorer.score

    def stop(self: ShardScorer, index: int, progress: Progress) -> ShardDone:
        if index == 1:
            (Path(self._job.folder) / ".posthue-0123.part").write_bytes(b"half")
            raise Killed
        return score(self, index, progress)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(ShardScorer, "score", stop)
        score_with_workers(job, output, workers=1)
    assert (output.parent / HIDDEN / "part-00000.parquet").is_file()


def assert_done(output: Path, text: str) -> None:
    assert pq.read_table(output)["text"].to_pylist() == [text] * 30
    assert sorted(path.name for path in output.parent.iterdir()) == ["out.parquet", "posts.csv"]


def test_a_worker_killed_with_a_half_written_shard_leaves_nothing(
    tmp_path: Path, job: ShardJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []

    class Fragile(shards.WorkerProcess):
        def do(self, number: int, progress: Progress) -> object:
            if not killed:
                killed.append(self.pid)
                (tmp_path / HIDDEN / ".posthue-0123.part").write_bytes(b"half")
                os.kill(self.pid, signal.SIGKILL)
            return super().do(number, progress)

    monkeypatch.setattr(shards, "WorkerProcess", Fragile)
    assert score_with_workers(job, tmp_path / "out.parquet", workers=2).rows == 30
    assert_done(tmp_path / "out.parquet", "happy")


def test_leftovers_without_a_manifest_are_no_obstacle(tmp_path: Path, job: ShardJob) -> None:
    (tmp_path / HIDDEN).mkdir()
    for name in (".posthue-0123.part", "part-00007.parquet"):
        (tmp_path / HIDDEN / name).write_bytes(b"half")
    assert score_with_workers(job, tmp_path / "out.parquet", workers=1).rows == 30
    assert_done(tmp_path / "out.parquet", "happy")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_killed_job_gives_way_to_another(
    tmp_path: Path, job: ShardJob, overwrite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.parquet"
    killed_in_work(job, output, monkeypatch)
    write_posts(tmp_path / "posts.csv", "sad")
    assert score_with_workers(job, output, workers=1, overwrite=overwrite).rows == 30
    assert_done(output, "sad")


@pytest.mark.parametrize(("overwrite", "first"), [(False, 1), (True, 0)])
def test_the_same_job_goes_on_unless_it_is_to_overwrite(
    tmp_path: Path, job: ShardJob, overwrite: bool, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.parquet"
    killed_in_work(job, output, monkeypatch)
    made: list[int] = []
    score = ShardScorer.score
    monkeypatch.setattr(ShardScorer, "score", lambda self, i, p: made.append(i) or score(self, i, p))
    score_with_workers(job, output, workers=1, overwrite=overwrite)
    assert made[0] == first
    assert_done(output, "happy")


def test_a_foreign_file_in_the_hidden_folder_stays(tmp_path: Path, job: ShardJob) -> None:
    (tmp_path / HIDDEN).mkdir()
    (tmp_path / HIDDEN / "thesis.txt").write_text("precious")
    assert score_with_workers(job, tmp_path / "out.parquet", workers=1).rows == 30
    assert [path.name for path in (tmp_path / HIDDEN).iterdir()] == ["thesis.txt"]


def test_an_output_that_exists_is_refused_before_any_work(tmp_path: Path, job: ShardJob) -> None:
    (tmp_path / "out.parquet").touch()
    with pytest.raises(TableError, match="exists already"):
        score_with_workers(job, tmp_path / "out.parquet", workers=1)
    assert not (tmp_path / HIDDEN).exists()
