"""csv and tsv, and the encodings of text files."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import Write, errors_of, posts_of, texts_of

from posthue.data.tables.columns import Columns
from posthue.data.tables.readers.delimited import MAX_RECORD, DelimitedRow, records, unique_names
from posthue.data.tables.readers.lines import MAX_LINE, Line
from posthue.data.tables.table import open_table
from posthue.errors import TableError
from posthue.posts import Post


def test_csv(write: Write) -> None:
    path = write("posts.csv", 'n,ID,Tweet,image_path,m\n1,a,"x, ""y""\nz",p/1.jpg,2\n3,b,,,4\n')
    table = open_table(path)
    (batch,) = table
    assert table.columns == Columns("ID", "Tweet", "image_path")
    assert batch.posts == [
        Post('x, "y"\nz', str(path.parent / "p/1.jpg"), "a"),
        Post(None, None, "b"),
    ]
    assert batch.passthrough.to_pydict() == {"n": ["1", "3"], "m": ["2", "4"]}
    assert batch.errors == [None, None]
    assert table.passthrough_schema == batch.passthrough.schema
    assert table.column_names == ["n", "ID", "Tweet", "image_path", "m"]


def test_a_table_can_be_read_again(write: Write) -> None:
    table = open_table(write("a.csv", "text\na\nb\n"))
    assert posts_of(table) == posts_of(table) == [Post("a", id="0"), Post("b", id="1")]


def test_an_empty_id_is_none_and_numbers_go_on_over_batches(write: Write) -> None:
    assert [p.id for p in posts_of(open_table(write("a.csv", "id,text\n7,a\n,b\n")))] == ["7", None]
    table = open_table(write("b.csv", "text\na\nb\nc\n"), batch_rows=2)
    assert [p.id for p in posts_of(table)] == ["0", "1", "2"]
    assert [batch.passthrough.num_rows for batch in table] == [2, 1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('2,"never closed,x', "a quote is never closed|text follows"),
        ('2,"said "hi"",x', "text follows a closing quote"),
        ("2,too,many,cells", "4 cells where the header has 3"),
        ("2,few", "2 cells where the header has 3"),
        ('2,"', "text follows|never closed|cells"),
        ("2,\x00,x,\x00", "4 cells"),
    ],
)
@pytest.mark.parametrize(
    "after", ["3,fine,x\n4,fine,x\n", '3,"fine",x\n4,"fine, too",x\n', '3,"fi\nne",x\n4,ok,"x"\n']
)
def test_a_broken_row_is_one_row(write: Write, line: str, reason: str, after: str) -> None:
    table = open_table(write("a.csv", f"id,text,other\n1,fine,x\n{line}\n{after}"))
    posts, errors = posts_of(table), errors_of(table)
    assert [post.id for post in posts] == ["1", "2", "3", "4"]
    assert [error is None for error in errors] == [True, False, True, True]
    assert re.search(f"line 3: .*({reason})", str(errors[1]))
    assert posts[1].text is None
    assert posts[3].text is not None


def test_an_unclosed_quote_does_not_swallow_a_long_file(write: Write) -> None:
    rows = "".join(f"{n},text number {n} of many\n" for n in range(2, 180_000))
    table = open_table(write("a.csv", f'id,text\n1,"open\n{rows}'))
    assert len(rows) > MAX_RECORD
    errors = errors_of(table)
    assert len(errors) == 179_999
    assert sum(error is not None for error in errors) == 1


def test_quotes_that_open_anew_on_every_line_stay_fast() -> None:
    lines = [Line('a","x\n')] * 20_000
    assert sum(1 for _ in records(iter(lines), ",", 3)) == 20_000


def test_a_long_text_is_legal(write: Write) -> None:
    text = 'wow, "so" long\n' * 80_000
    quoted = text.replace('"', '""')
    assert texts_of(write("a.csv", f'id,text\n1,"{quoted}"\n2,b\n')) == [text, "b"]


def test_an_endless_line_is_one_row_with_an_error(write: Write) -> None:
    table = open_table(write("a.csv", "id,text\n1," + "x" * (MAX_LINE + 10) + "\n2,b\n"))
    assert [post.id for post in posts_of(table)] == ["1", "2"]
    assert [error and "longer than" in error for error in errors_of(table)] == [True, None]


def test_empty_cells_at_the_end_and_blank_lines(write: Write) -> None:
    table = open_table(write("a.csv", "id,text\n\n1,a,,,\n\r\n2,b\n\n"))
    assert posts_of(table) == [Post("a", id="1"), Post("b", id="2")]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators(write: Write, separator: str) -> None:
    assert texts_of(write("a.csv", "id;text\n1;a, b\n".replace(";", separator))) == ["a, b"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(write: Write, end: str, last: bool) -> None:
    assert texts_of(write("a.csv", f"id,text{end}1,a{end}2,b{end if last else ''}")) == ["a", "b"]


def test_tsv_with_and_without_quoting(write: Write) -> None:
    path = write("a.tsv", 'id\ttext\n1\t"a\tb"\n2\t"no end\n3\t5" disk\n')
    assert texts_of(path) == ["a\tb", '"no end', '5" disk']


def test_repeated_and_blank_column_names(write: Write) -> None:
    (batch,) = open_table(write("a.csv", "text,text,,x,x\n1,2,3,4,5\n"))
    assert batch.posts[0].text == "1"
    assert batch.passthrough.schema.names == ["text_2", "column_3", "x", "x_2"]


def test_unique_names_stay_unique() -> None:
    names = unique_names(["a_2", "a", "a", "a_2"])
    assert len(set(names)) == 4


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.text(), max_size=6), st.integers(1, 4))
def test_records_never_fail_and_never_lose_a_line(lines: list[str], width: int) -> None:
    cleaned = [line.replace("\n", "").replace("\r", "") for line in lines]
    given_lines = [Line(line + "\n") for line in cleaned if line]
    found: list[DelimitedRow] = list(records(iter(given_lines), ",", width))
    assert len(found) <= len(given_lines)
    assert not given_lines or found
    assert all(record.error or len(record.cells) == width for record in found)
    starts = [record.line for record in found]
    assert starts == sorted(set(starts))


@settings(deadline=None)
@given(st.lists(st.tuples(st.text('ab,"\n;\t '), st.text('x"\n,')), min_size=1))
def test_well_formed_rows_come_back(rows: list[tuple[str, str]]) -> None:
    content = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    lines = (Line(line) for line in content.splitlines(keepends=True))
    assert [tuple(record.cells) for record in records(lines, ",", 2)] == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"])
def test_encodings_are_found(write: Write, encoding: str) -> None:
    text = "café für Zoë"
    for name, content in (
        ("a.csv", f"id,text\n1,{text}\n"),
        ("a.jsonl", json.dumps({"text": text}, ensure_ascii=False)),
    ):
        assert texts_of(write(name, content.encode(encoding))) == [text]


def test_every_byte_of_mixed_encodings_survives(write: Write) -> None:
    path = write(
        "a.csv",
        b"id,text\n1,caf\xc3\xa9 \xf0\x9f\x98\x80\n2,caf\xe9 \x80\x81\xff\n3,\xed\xa0\x80 lone\n4,n\x00l\n",
    )
    assert texts_of(path) == ["café 😀", "café €\x81ÿ", "\ufffd lone", "n\0l"]


def test_a_given_encoding(write: Write) -> None:
    path = write("a.csv", "id,text\n1,你好\n".encode("gb18030") + b"2,\xff\xff\n")
    table = open_table(path, encoding="gb18030")
    assert posts_of(table)[0].text == "你好"
    assert "the bytes are not gb18030" in str(errors_of(table)[1])
    assert texts_of(write("b.csv", "id,text\n1,ä\n".encode("utf-16-le")), "utf-16-le") == ["ä"]


@pytest.mark.parametrize("encoding", ["klingon", "zip", "\0"])
def test_an_unknown_encoding(write: Write, encoding: str) -> None:
    with pytest.raises(TableError, match="no encoding is called"):
        open_table(write("a.csv", "text\na\n"), encoding=encoding)
