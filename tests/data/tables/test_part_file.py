from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from posthue.data.tables import part_file
from posthue.data.tables.writer import TableWriter

pytest.importorskip("fcntl")

_WRITING = """
import sys, time
from posthue.data.tables.writer import TableWriter
with TableWriter(sys.argv[1], overwrite=True):
    print("writing", flush=True)
    time.sleep(60)
"""


def writing(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _WRITING, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


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
    lock, swept = part_file._lock, list[Path]()

    def late(file: object) -> bool | None:
        if not swept:
            swept.extend(tmp_path.glob("*.part"))
            swept[0].unlink()
        return lock(file)  # type: ignore[arg-type]

    monkeypatch.setattr(part_file, "_lock", late)
    part, file = part_file.open_part(tmp_path / "out.csv")
    with file:
        assert part.is_file()
        assert part != swept[0]


def test_without_locks_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, file = part_file.open_part(tmp_path / "out.csv")
    file.close()
    monkeypatch.setattr(part_file, "fcntl", None)
    write(tmp_path / "out.csv")
    assert part.is_file()
