from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from posthue.errors import TableError
from posthue.processes import DoPiece, WorkerDiedError, WorkerProcess, WorkSpec, do_all


def prepare(arguments: Mapping[str, str]) -> DoPiece:
    """What the tests have done in other processes."""
    folder = Path(arguments["folder"])

    def do(number: int, progress: object) -> object:
        assert callable(progress)
        progress(number)
        sys.stdout.write("what a library prints is no answer\n")
        if number == 7:
            raise TableError("seven")
        if number == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 11:
            (folder / "pid").write_text(str(os.getpid()))
            time.sleep(60)
        (folder / str(number)).write_text(os.environ.get("HUE", ""))
        return {"number": number}

    return do


def work(folder: Path) -> WorkSpec:
    tests = str(Path(__file__).parent)
    path = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    return WorkSpec("test_processes", "prepare", {"folder": folder}, {"HUE": "red", "PYTHONPATH": path})


def unused(number: int) -> object:
    raise AssertionError(number)


def test_one_worker_is_this_process(tmp_path: Path) -> None:
    numbers: list[int] = []
    assert list(do_all(work(tmp_path), [4, 5], 1, here=numbers.append)) == numbers == [4, 5]


def test_a_worker_answers_and_carries_errors(tmp_path: Path) -> None:
    counts: list[int] = []
    with WorkerProcess(work(tmp_path)) as worker:
        assert worker.do(3, counts.append) == {"number": 3}
        with pytest.raises(TableError, match="seven"):
            worker.do(7, counts.append)
        assert worker.do(4, counts.append) == {"number": 4}
    assert counts == [3, 7, -7, 4]
    assert (tmp_path / "3").read_text() == "red"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_the_death_of_a_worker_is_noticed(tmp_path: Path) -> None:
    counts: list[int] = []
    with WorkerProcess(work(tmp_path)) as worker, pytest.raises(WorkerDiedError, match="exit code -9"):
        worker.do(9, counts.append)
    assert sum(counts) == 0


def test_pieces_are_dealt_and_the_first_error_ends_all(tmp_path: Path) -> None:
    assert sorted(do_all(work(tmp_path), range(6), 2, here=unused)) == list(range(6))
    started = time.monotonic()
    with pytest.raises(TableError, match="seven"):
        list(do_all(work(tmp_path), [7, 11], 2, here=unused))
    assert time.monotonic() - started < 45  # the piece that takes a minute is not waited for


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        f"from test_processes import *\nlist(do_all(work(Path({str(tmp_path)!r})), [11, 11], 2, here=unused))"
    )
    environment = {**os.environ, **work(tmp_path).environment}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as parent:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert parent.poll() is None
            time.sleep(0.05)
        parent.kill()
    pid = int((tmp_path / "pid").read_text())
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or _is_zombie(pid):
            return
        time.sleep(0.05)
    pytest.fail("the worker lives on")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"
    except (OSError, IndexError):
        return True
