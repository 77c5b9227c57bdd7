"""Tables that are broken as files: one row for each row, or one clear line that says what is wrong."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_inputs import PICTURES, encoded

from command_line import run
from posthue import PostClassifier
from posthue.labels import SENTIMENT
from posthue.runtime.scoring.rows.one_file import score_file

Rows = list[dict[str, object]]


def score(source: Path, classifier: PostClassifier, encoding: str | None = None) -> Rows:
    output = source.with_name("scored.jsonl")
    score_file(source, output, classifier, encoding=encoding, overwrite=True, batch_rows=3)
    return [json.loads(line) for line in output.read_text(encoding="utf-8").split("\n") if line]


LINES: list[tuple[bytes, str | None]] = [  # a line of a csv with the columns id,text,image; its error
    (b"0,happy,", None),
    (b"1,happy", "2 cells"),
    (b"2,happy,,,", None),  # a spreadsheet's empty cells
    (b"3,happy,,more", "4 cells"),
    ("4,café happy,".encode(), None),
    ("5,café happy,".encode("cp1252"), None),
    (b"6,happy \x81\x8d\xff day,", None),
    (b"7,happy \xed\xa0\xbd day,", None),  # half an emoji, in the way of CESU-8
    (b'8,"two\nlines, happy",', None),
    (b'9,"a ""quoted"" day",', None),
    (b'10,"happy" day,', "text follows a closing quote"),
    (b'11,say "happy",', None),
    (b"12,happy\0day,", None),
    (b"13,happy\rday,", None),
    (b'14,"never closed,', "a quote is never closed"),
    (b"15,happy,", None),
    (b",,", "neither text nor image"),
    (b"17,'single, quotes,", "quotes: no such file"),
    (b"18,\xef\xbb\xbfhappy,", None),
    (b"19", "1 cells"),
    (b'20,"",""', "neither text nor image"),
    (b"21," + b"happy " * 200_000 + b",", None),
    (b"22,happy" + b"," * 50_000 + b"x", "50002 cells"),
    (b"23,sad,", None),
]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last_end", [True, False])
def test_broken_lines(
    tmp_path: Path, tiny_classifier: PostClassifier, line_end: bytes, *, last_end: bool
) -> None:
    content = line_end.join([b"id,text,image", *(line for line, _ in LINES)]) + line_end * last_end
    (tmp_path / "posts.csv").write_bytes(content)
    rows = score(tmp_path / "posts.csv", tiny_classifier)
    assert [row["id"] or "16" for row in rows] == [str(number) for number in range(len(LINES))]
    for (line, expected), row in zip(LINES, rows, strict=True):
        error = row["error"]
        assert (error is None) == (expected is None), (line[:80], error)
        assert expected is None or expected in str(error)
        assert (row["sentiment"] in SENTIMENT.labels) == (error is None)


JSON_LINES: list[tuple[bytes, str | None]] = [
    (b'{"text": "happy"}', None),
    (b'{"text": "happy"', "not JSON"),
    (b"happy", "not JSON"),
    (b"[1, 2]", "not a JSON object"),
    (b"null", "not a JSON object"),
    (b"{}", "neither text nor image"),
    (b'{"text": null}', "neither text nor image"),
    (b'{"text": 17}', None),
    (b'{"text": ["happy", {"a": NaN}]}', None),
    (b'{"text": "\\ud83d happy"}', None),
    (b'{"text": "happy\tday\x01"}', None),
    (b'{"text": "caf\xe9 happy"}', None),
    (b'{"text": "happy", "text": "sad"}', None),
    (b'{"text": "happy", "n": 99999999999999999999999999}', None),
    (b'{"text": "happy", "n": 1e400}', None),
    (b'{"text": "happy", "n": ' + b"9" * 5000 + b"}", "not JSON"),
    (b'{"text": ' + b"[" * 100_000 + b"}", "not JSON"),
    (b'{"text": "happy", "n": true, "\\udcff": 1, "": 2}', None),
    (b'{"text": "happy", "likes": {"a": [1]}}', None),
    (b'{"text": "sad", "image": {"bytes": "abc"}}', "no such file"),
]


def test_broken_json_lines(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    (tmp_path / "posts.jsonl").write_bytes(b"\n".join(line for line, _ in JSON_LINES))
    rows = score(tmp_path / "posts.jsonl", tiny_classifier)
    assert [row["id"] for row in rows] == [str(number) for number in range(len(JSON_LINES))]
    for (line, expected), row in zip(JSON_LINES, rows, strict=True):
        assert (row["error"] is None) == (expected is None), (line[:80], row["error"])
        assert expected is None or expected in str(row["error"])


TABLE = 'id,text,image\n1,"häppy, day",\n1,sad,\n,happy,\n'


@pytest.mark.parametrize(
    ("name", "content", "encoding"),
    [
        ("plain.csv", TABLE.encode(), None),
        ("mark.csv", TABLE.encode("utf-8-sig"), None),
        ("wide.csv", TABLE.encode("utf-16"), None),
        ("wide_be.csv", b"\xfe\xff" + TABLE.encode("utf-16-be"), None),
        ("widest.csv", TABLE.encode("utf-32"), None),
        ("windows.csv", TABLE.encode("cp1252"), None),
        ("named.csv", TABLE.encode("gb18030"), "gb18030"),
        ("dos.csv", TABLE.replace("\n", "\r\n").encode(), None),
        ("mac.csv", TABLE.replace("\n", "\r").encode(), None),
        ("blank_lines.csv", TABLE.replace("\n", "\n\n\n").encode(), None),
        ("no_last_end.csv", TABLE.strip().encode(), None),
        ("semicolons.csv", TABLE.replace(", ", " ").replace(",", ";").encode(), None),
        ("packed.csv.gz", gzip.compress(TABLE.encode()), None),
        ("shouting.CSV", TABLE.replace("id,text", "ID, TEXT ").encode(), None),
    ],
)
def test_forms_of_one_table(
    tmp_path: Path, tiny_classifier: PostClassifier, name: str, content: bytes, encoding: str | None
) -> None:
    """The ids repeat and one is missing: no row is merged or lost for that."""
    (tmp_path / name).write_bytes(content)
    rows = score(tmp_path / name, tiny_classifier, encoding)
    assert [row["id"] for row in rows] == ["1", "1", None]
    assert [row["sentiment"] for row in rows][1:] == ["negative", "positive"]
    assert [row["error"] for row in rows] == [None] * 3


@pytest.mark.parametrize("name", ["x", ""])
def test_very_many_columns(tmp_path: Path, tiny_classifier: PostClassifier, name: str) -> None:
    """All of one name: giving each its own must not take a minute."""
    count = 8_000
    lines = ["text" + f",{name}" * count, "happy" + ",1" * count, "sad"]
    (tmp_path / "posts.csv").write_text("\n".join(lines), encoding="utf-8")
    rows = score(tmp_path / "posts.csv", tiny_classifier)
    assert [row["sentiment"] for row in rows] == ["positive", None]
    assert len(rows[0]) > count
    assert rows[1]["error"] == "line 3: 1 cells where the header has 8001"


def test_columns_that_are_called_as_the_results(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    header = "text,sentiment,error,mixed,text_share,error_input,sentiment"
    (tmp_path / "posts.csv").write_text(f"{header}\nhappy,a,b,c,d,e,f\n", encoding="utf-8")
    (row,) = score(tmp_path / "posts.csv", tiny_classifier)
    assert row["sentiment"] == "positive"
    assert {"a", "b", "c", "d", "e", "f"} <= set(map(str, row.values()))


def test_odd_parquet(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    broken = pa.array([b"ok", b"\xff\xfe", None], pa.binary())
    table = pa.table(
        {
            "text": pa.array(["happy", None, "sad"]).dictionary_encode(),
            "likes": pa.Array.from_buffers(pa.string(), 3, broken.buffers()),
            "when": pa.array([1, 2, None], pa.timestamp("ns", "UTC")),
            "how_long": pa.array([1, 2, None], pa.duration("ns")),
            "day": pa.array([0, 2**31 - 1, None], pa.date32()),
            "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
            "half": pa.array([1.5, float("nan"), None], pa.float16()),
            "nothing": pa.nulls(3),
        }
    )
    pq.write_table(table, tmp_path / "posts.parquet")
    for ending in ("jsonl", "csv", "parquet"):
        summary = score_file(tmp_path / "posts.parquet", tmp_path / f"out.{ending}", tiny_classifier)
        assert (summary.rows, summary.failed) == (3, 1)


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.int64(), pa.float64(), pa.binary(), pa.date64()])
def test_ids_of_any_type(tmp_path: Path, tiny_classifier: PostClassifier, kind: pa.DataType) -> None:
    ids = pa.array([b"\xff", b"", None], kind) if kind == pa.binary() else pa.array([1, 2, None]).cast(kind)
    pq.write_table(pa.table({"id": ids, "text": ["happy", "sad", "day"]}), tmp_path / "posts.parquet")
    rows = score(tmp_path / "posts.parquet", tiny_classifier)
    assert [row["error"] for row in rows] == [None] * 3
    assert rows[2]["id"] is None


def test_a_folder_and_a_zip_of_hostile_pictures(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, (make, _) in PICTURES.items():
            content = make()
            (folder / name).write_bytes(content)
            archive.writestr(name, content)
        archive.writestr("../../above.png", encoded("PNG"))
        archive.writestr("zeros.png", bytes(129 << 20))
    (folder / os.fsdecode(b"not utf-8 \xff.png")).write_bytes(encoded("PNG"))
    shown = {name for name, (_, error) in PICTURES.items() if error == ""}
    for source in (folder, tmp_path / "pictures.zip"):
        rows = score(source, tiny_classifier)
        assert len({str(row["id"]) for row in rows}) == len(rows)
        assert shown <= {str(row["id"]) for row in rows if row["error"] is None}
        assert all(row["error"] is not None or row["sentiment"] is not None for row in rows)
    assert next(str(row["error"]) for row in rows if row["id"] == "zeros.png").endswith("134,217,728")


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_few_rows(tmp_path: Path, tiny_bundle: Path, count: int, output: str) -> None:
    (tmp_path / "posts.csv").write_text("text,likes\n" + "happy,1\n" * count, encoding="utf-8")
    assert run("score", tmp_path / "posts.csv", "-o", tmp_path / output, "-m", tiny_bundle) == 0
    if output == "out.parquet":
        table = pq.read_table(tmp_path / output)
        assert table.num_rows == count
        assert {"id", "text", "likes", "sentiment", "emotion_joy", "error"} <= set(table.column_names)
    else:
        lines = (tmp_path / output).read_text(encoding="utf-8").splitlines()
        assert len(lines) == count + (output == "out.csv")


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", "is empty: it needs a header line"),
    "empty.jsonl": (b"", "is empty"),
    "empty.parquet": (b"", "is empty"),
    "empty.zip": (b"", "is empty"),
    "blank.csv": (b"\n \n\r\n\t\n", "is empty"),
    "only_a_mark.csv": (b"\xef\xbb\xbf", "empty"),
    "other_columns.csv": (b"a,b\n1,2\n", "no column looks like a text or an image"),
    "picture.csv": (encoded("PNG"), ""),
    "workbook.csv": (b"PK\x03\x04" + bytes(50), "a zip archive or Excel workbook"),
    "table.csv": (b"PAR1" + bytes(50), "is a Parquet file"),
    "workbook.xlsx": (b"PK\x03\x04" + bytes(50), "tables of this kind are not read"),
    "table.txt": (b"text\nhappy\n", "tables of this kind are not read"),
    "no_ending": (b"text\nhappy\n", "tables of this kind are not read"),
    "cut.csv.gz": (gzip.compress(b"text\n" + os.urandom(9000))[:2000], "damaged or cut off"),
    "not_packed.csv.gz": (b"text\nhappy\n", "gzip"),
    "cut.parquet": (b"PAR1" + bytes(100), "not a readable Parquet file"),
    "cut.zip": (b"PK\x03\x04" + bytes(100), "not a readable zip archive"),
    "no_pictures.zip": (b"PK\x05\x06" + bytes(18), "no pictures in this zip archive"),
    "list.json": (b'[\n{"text": "happy"},\n{"text": "sad"}\n]', "is one JSON array"),
    "list_in_a_line.json": (b'[ {"text": "happy"}, {"text": "sad"} ]', "is one JSON array"),
    "words.jsonl": (b"happy\nsad\n", "no line is a JSON object"),
    "no_post.jsonl": (b'{"a": 1}\n', "no column looks like a text or an image"),
    "header.csv": (b'"text,id\nhappy,1\n', "the header line cannot be read"),
    "zeros.csv": (bytes(1000), ""),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_table_is_one_clear_line(
    tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    content, message = UNREADABLE[name]
    (tmp_path / name).write_bytes(content)
    assert run("score", tmp_path / name, "-o", tmp_path / "out.csv", "-m", tiny_bundle) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("posthue: ")
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]  # and no output, nor a part of one


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.csv", "no such file"),
        (".", "no pictures in this folder"),
        ("/dev/null", "not a regular file"),
        ("x" * 5000 + ".csv", ""),
    ],
)
def test_paths_that_lead_nowhere(
    tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str], source: str, message: str
) -> None:
    assert run("score", tmp_path / source, "-o", tmp_path / "out.csv", "-m", tiny_bundle) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("option", [("--text-column", "words"), ("--encoding", "klingon")])
def test_options_that_do_not_fit(
    tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    (tmp_path / "posts.csv").write_text("text\nhappy\n", encoding="utf-8")
    args = ("score", tmp_path / "posts.csv", "-o", tmp_path / "out.csv", "-m", tiny_bundle)
    assert run(*args, *option) == 2
    assert option[1] in capsys.readouterr().err
