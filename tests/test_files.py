from __future__ import annotations

import json
from pathlib import Path

import pytest

from posthue.errors import InputError
from posthue.files import require_writable, write_csv, write_file, write_json


def test_files_appear_whole_in_new_folders(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a" / "b" / "x.json", {"mood": "😀", "n": [1, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"mood": "😀", "n": [1, None]}
    write_csv(tmp_path / "x.csv", ("id", "n"), [("a,b", None), ("c", 1.5)])
    assert (tmp_path / "x.csv").read_text() == 'id,n\n"a,b",\nc,1.5\n'
    write_file(tmp_path / "x.txt", "lone \ud800")
    assert (tmp_path / "x.txt").read_bytes() == b"lone \\ud800"
    assert [p.name for p in tmp_path.rglob(".posthue-*")] == []


def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    require_writable(None)
    require_writable(tmp_path / "new" / "x.json")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("")
    for bad in (tmp_path / "file" / "x.json", tmp_path / "new"):
        for attempt in (require_writable, lambda path: write_file(path, "x")):
            with pytest.raises(InputError, match=r"cannot be written|is a folder; name a file"):
                attempt(bad)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = write_file(tmp_path / "x.txt", "before")
    with pytest.raises(TypeError):
        write_json(path, object())
    assert path.read_text() == "before"
