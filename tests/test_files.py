from __future__ import annotations

import ast
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthue.errors import InputError
from posthue.files import csv_lines, require_writable, write_csv, write_file, write_json


def test_files_appear_whole_in_new_folders(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a" / "b" / "x.json", {"mood": "😀", "n": [1, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"mood": "😀", "n": [1, None]}
    write_csv(tmp_path / "x.csv", ("id", "n"), [("a,b", None), ("c", 1.5)], for_people=False)
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


#: Ids as people have them, and as a spreadsheet would take them.
IDS = ["=1+1", "-5", "@me", "+1", "-x", "\tx", "'quoted", "-1.5e-3", "a,b", 'say "so"', " "]
IDS += ["0017", "two\nlines"]


def test_a_spreadsheet_computes_nothing_and_numbers_stay_numbers() -> None:
    cells = [*IDS, "\rx", "plain", None, -5, -0.123456789, True, 1e-9]
    lines = csv_lines([[cell] for cell in cells], for_people=True)
    shown = [row[0] for row in csv.reader(io.StringIO(lines, newline=""))]
    assert not [cell for cell in shown if cell[:1] in ("=", "+", "@", "\t", "\r")]
    assert [cell for cell in shown if cell[:1] == "-"] == ["-5", "-1.5e-3", "-5", "-0.123457"]
    assert shown[:3] == ["'=1+1", "-5", "'@me"]
    assert shown[-5:] == ["", "-5", "-0.123457", "True", "1e-09"]
    assert csv_lines([["=head"]], for_people=True) == "'=head\n"


def test_what_is_read_again_is_as_it_was(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ("id", "n"), [(each, 0.1 + 0.2) for each in IDS], for_people=False)
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["id"], row["n"]) for row in csv.DictReader(file)]
    assert rows == [(each, str(0.1 + 0.2)) for each in IDS]


@pytest.mark.parametrize("for_people", [True, False])
def test_half_an_emoji_is_its_escape_in_every_csv(tmp_path: Path, for_people: bool) -> None:
    path = write_csv(tmp_path / "x.csv", ("a",), [("lone \ud83d",)], for_people=for_people)
    assert path.read_bytes() == b"a\nlone \\ud83d\n"


SOURCE = Path(__file__).parent.parent / "src" / "posthue"


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield file and call of every call of functions of these names in the package."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node


def test_every_csv_says_whether_it_is_for_people() -> None:
    written = list(calls("write_csv", "csv_lines"))
    silent = [place for place, call in written if "for_people" not in [each.arg for each in call.keywords]]
    assert len(written) > 15
    assert silent == []


def test_nobody_else_writes_csv() -> None:
    assert [place.partition(":")[0] for place, _ in calls("writer", "DictWriter")] == ["files.py"]
