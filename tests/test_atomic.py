from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pyarrow as pa
import pytest
from filelock import lock_descriptor

from posthue.atomic import atomic_file, atomic_folder
from posthue.data.tables.writer import TableWriter
from posthue.locks import is_locked, lock

pytest.importorskip("fcntl")

_WRITING = """
import sys, time
from posthue.data.tables.writer import TableWriter
with TableWriter(sys.argv[1], overwrite=True):
    print("writing", flush=True)
    time.sleep(60)
"""


def started(code: str, path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def writing(path: Path) -> subprocess.Popen[str]:
    return started(_WRITING, path)


def held(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def write(path: Path) -> None:
    with TableWriter(path, overwrite=True) as writer:
        writer.write(pa.table({"n": [1]}))


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_the_next_writer_of_a_table_sweeps_what_a_kill_left(tmp_path: Path, by: signal.Signals) -> None:
    with writing(tmp_path / "out.csv") as process:
        process.send_signal(by)
    assert len(list(tmp_path.glob(".posthue-*.part"))) == 1
    write(tmp_path / "other.csv")
    assert len(list(tmp_path.glob(".posthue-*.part"))) == 1  # of another output
    write(tmp_path / "out.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.csv", "out.csv"]


def test_what_a_process_still_writes_is_left_alone(tmp_path: Path) -> None:
    with writing(tmp_path / "out.csv") as process:
        held = list(tmp_path.glob(".posthue-*.part"))
        write(tmp_path / "out.csv")
        assert list(tmp_path.glob(".posthue-*.part")) == held
        process.kill()


def test_a_part_that_was_swept_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = list[Path]()

    def late(handle: int, **options: bool) -> bool:
        if not swept:
            swept.extend(tmp_path.glob("*.part"))
            swept[0].unlink()
        return lock_descriptor(handle, **options)

    monkeypatch.setattr(filelock, "lock_descriptor", late)
    with atomic_file(tmp_path / "out.csv") as file:
        (part,) = tmp_path.glob("*.part")
        assert part != swept[0]
        file.write(b"x")
    assert (tmp_path / "out.csv").read_bytes() == b"x"


def test_without_locks_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(tmp_path / "out.csv") as process:
        process.kill()
    (part,) = tmp_path.glob(".posthue-*.part")

    def none(handle: int, **options: bool) -> bool:
        raise OSError

    monkeypatch.setattr(filelock, "lock_descriptor", none)
    write(tmp_path / "out.csv")
    assert part.is_file()
    with lock(tmp_path / "lock"), lock(tmp_path / "lock", wait=True):
        assert not is_locked(tmp_path / "lock")


_MAKING = """
import sys, time
from pathlib import Path
from posthue.atomic import atomic_folder
with atomic_folder(Path(sys.argv[1])) as part:
    (part / "half").touch()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_folder_appears_whole_in_place_of_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with atomic_folder(out) as part:
        (part / "a").write_text("1")
        assert not out.exists()
    with pytest.raises(ZeroDivisionError), atomic_folder(out) as part:
        (part / "b").write_text("2")
        raise ZeroDivisionError
    assert held(out.parent) == ["out", "out/a"]
    with atomic_folder(out) as part:
        (part / "b").write_text("2")
    assert held(out.parent) == ["out", "out/b"]
    (tmp_path / "usual").mkdir()
    assert out.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_the_next_maker_of_a_folder_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with started(_MAKING, out) as process:
        with atomic_folder(out):
            pass
        assert len(list(tmp_path.glob(".posthue-*.part/half"))) == 1  # still at work
        process.kill()
    with atomic_folder(out):
        pass
    assert held(tmp_path) == ["out"]


def test_a_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "ours", sync=True) as file:
        file.write(b"x")
    (tmp_path / "usual").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
    with atomic_file(tmp_path / "ours", mode=0o600):
        pass
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o600


_LOCKING = """
import sys, time
from pathlib import Path
from posthue.locks import lock
with lock(Path(sys.argv[1])):
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_lock_goes_with_the_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    assert not is_locked(path)
    with started(_LOCKING, path) as process:
        assert is_locked(path)
        with pytest.raises(BlockingIOError), lock(path):
            pass
        process.kill()
    with lock(path):
        assert is_locked(path)
    assert not is_locked(path)


def test_who_waits_gets_the_lock(tmp_path: Path) -> None:
    with started(_LOCKING, tmp_path / "lock") as process:
        threading.Timer(0.1, process.kill).start()
        with lock(tmp_path / "lock", wait=True):
            assert process.wait() == -signal.SIGKILL
