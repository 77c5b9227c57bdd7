"""The callable that a cluster runs, and a real Ray of several processes, one of which is killed."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posthue import TableError
from posthue.runtime.scoring.rows.batches import ROW, BatchScorer, staged
from posthue.runtime.scoring.rows.columns import input_columns
from posthue.runtime.scoring.shards.ray import score_on_ray
from posthue.runtime.scoring.shards.run import ShardJob, score_shards

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the ray extra")


def job_of(tmp_path: Path, bundle: Path, rows: int) -> ShardJob:
    draw = random.Random(3)
    lines = [
        f"{n},{' '.join(draw.choices(['happy', 'sad', 'day'], k=1 + n % 5))},{n % 4}" for n in range(rows)
    ]
    lines[1] = "1,,0"
    source = tmp_path / "posts.csv"
    source.write_text("id,text,likes\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return ShardJob(
        str(source), str(tmp_path / "local"), model=str(bundle), shard_rows=rows // 3 + 1, threads=1
    )


def together(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("part-*.parquet"))])


def assert_same(one: pa.Table, other: pa.Table) -> None:
    """Equal but for the last digits, which depend on the company that a post is predicted in."""
    assert one.column_names == other.column_names
    for name in one.column_names:
        if pa.types.is_floating(other[name].type):
            found, expected = (np.array(t[name].to_pylist(), dtype=float) for t in (one, other))
            np.testing.assert_allclose(found, expected, atol=1e-5)
        else:
            assert one[name].to_pylist() == other[name].to_pylist()


def test_plain_tables_get_their_results(tiny_bundle: Path) -> None:
    scorer = BatchScorer(model=str(tiny_bundle))
    found = scorer(pa.table({"id": [7, 8], "tweet": ["happy", None], "likes": [1, 2]}))
    assert found["id"].to_pylist() == ["7", "8"]
    assert found["sentiment"].to_pylist() == ["positive", None]
    assert found["likes"].to_pylist() == [1, 2]
    assert found["error"].to_pylist() == [None, "the post has neither text nor image"]
    with pytest.raises(TableError, match="no column looks like"):
        scorer(pa.table({"n": [1]}))


def test_staged_rows_come_out_as_a_local_job_writes_them(tmp_path: Path, tiny_bundle: Path) -> None:
    job = job_of(tmp_path, tiny_bundle, 60)
    score_shards(job)
    table, scorer = job.open_table(), BatchScorer(model=job.model)
    found = [
        scorer(pa.Table.from_batches([staged(batch, input_columns(table, batch), table, 0)]))
        for batch in table
    ]
    assert found[0][ROW].to_pylist() == list(range(60))
    assert_same(pa.concat_tables(found).drop_columns([ROW]), together(tmp_path / "local"))


def kill_one_actor(stop: threading.Event, killed: list[int]) -> None:
    """Kill -9 the first process that is an actor of ours and has begun to work."""
    import psutil

    while not stop.is_set() and not killed:
        for process in psutil.Process().children(recursive=True):
            try:
                title = " ".join(process.cmdline())
                ours = title.startswith("ray::") and "BatchScorer" in title and "__init__" not in title
                if ours and process.cpu_times().user > 0.5:
                    os.kill(process.pid, signal.SIGKILL)
                    killed.append(process.pid)
                    return
            except (psutil.Error, ProcessLookupError):
                continue
        time.sleep(0.01)


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_killed_actor_loses_nothing(tmp_path: Path, tiny_bundle: Path) -> None:
    job = replace(job_of(tmp_path, tiny_bundle, 3_000), batch_rows=128)
    score_shards(job)
    stop, killed = threading.Event(), list[int]()
    watcher = threading.Thread(target=kill_one_actor, args=(stop, killed))
    watcher.start()
    try:
        summary = score_on_ray(replace(job, folder=str(tmp_path / "ray")), workers=2)
    finally:
        stop.set()
        watcher.join()
    assert killed
    assert (summary.rows, summary.failed) == (3_000, 1)
    assert summary.errors == {"the post has neither text nor image": 1}
    assert_same(together(tmp_path / "ray"), together(tmp_path / "local"))
    assert [path.name for path in sorted((tmp_path / "ray").iterdir())] == [
        f"part-{n:05}.parquet" for n in range(3)
    ]
    with pytest.raises(TableError, match="exists already"):
        score_on_ray(replace(job, folder=str(tmp_path / "ray")))
