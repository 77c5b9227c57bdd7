from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthue.data.tables.table import read_table
from posthue.data.tables.writer import TableWriter
from posthue.errors import TableError

ENDINGS = ["csv", "tsv", "jsonl", "ndjson", "parquet"]
TABLE = pa.table({"id": ["a", "b"], "p": pa.array([0.1, None], pa.float32()), "mixed": [True, False]})


def write(path: Path, *tables: pa.Table, overwrite: bool = False) -> None:
    with TableWriter(path, overwrite=overwrite) as writer:
        for table in tables:
            writer.write(table)


@pytest.mark.parametrize("ending", ENDINGS)
def test_round_trip(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "new" / f"out.{ending}"
    write(path, TABLE, TABLE.slice(1))
    table = pa.Table.from_batches(read_table(path))
    assert table["id"].to_pylist() == ["a", "b", "b"]
    assert [float(p) if p not in (None, "") else None for p in table["p"].to_pylist()] == pytest.approx(
        [0.1, None, None]
    )
    assert [str(m).lower() for m in table["mixed"].to_pylist()] == ["true", "false", "false"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_exact_text(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", TABLE)
    assert (tmp_path / "a.csv").read_text() == "id,p,mixed\na,0.1,true\nb,,false\n"
    write(tmp_path / "a.jsonl", TABLE)
    first = '{"id": "a", "p": 0.1, "mixed": true}\n'
    assert (tmp_path / "a.jsonl").read_text() == first + '{"id": "b", "p": null, "mixed": false}\n'


def test_types_that_text_formats_do_not_have(tmp_path: Path) -> None:
    table = pa.table(
        {
            "bytes": [b"\0\1"],
            "nested": [{"x": [1.5, float("nan")], "y": b"\0"}],
            "when": [datetime(2024, 5, 6, tzinfo=UTC)],
            "nan": [float("inf")],
            "kind": pa.array(["k"]).dictionary_encode(),
            "none": pa.nulls(1),
        }
    )
    write(tmp_path / "a.jsonl", table)
    row = json.loads((tmp_path / "a.jsonl").read_text())
    assert row["bytes"] == "AAE="
    assert row["nested"] == {"x": [1.5, None], "y": "AA=="}
    assert (row["nan"], row["kind"], row["none"]) == (None, "k", None)
    assert row["when"].startswith("2024-05-06")
    write(tmp_path / "a.csv", table)
    (batch,) = read_table(tmp_path / "a.csv")
    assert batch.to_pydict()["nested"] == ['{"x": [1.5, null], "y": "AA=="}']
    assert batch.to_pydict()["kind"] == ["k"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=8), st.text('",;\t\r\n ab', max_size=8)), min_size=1, max_size=8))
@pytest.mark.parametrize("ending", ENDINGS)
def test_any_text_comes_back(
    ending: str, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("x") / f"a.{ending}"
    table = pa.table({"one": [row[0] for row in rows], "two": [row[1] for row in rows]})
    write(path, table)
    assert pa.Table.from_batches(read_table(path)).to_pydict() == table.to_pydict()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_single_column_with_empty_cells(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, pa.table({"text": ["", "a", ""]}))
    assert pa.Table.from_batches(read_table(path))["text"].to_pylist() == ["", "a", ""]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_rows_still_have_a_header(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, TABLE.slice(0, 0))
    if ending in ("jsonl", "ndjson"):
        assert path.read_bytes() == b""
    else:
        assert list(read_table(path)) == []
    write(tmp_path / f"b.{ending}")
    assert (tmp_path / f"b.{ending}").exists()


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("precious")
    with pytest.raises(TableError, match="exists already; choose another name or pass --overwrite"):
        TableWriter(path, overwrite=False)
    write(path, TABLE, overwrite=True)
    assert path.read_text() != "precious"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(TableError, match="exists already"), TableWriter(path, overwrite=False) as writer:
        writer.write(TABLE)
        path.write_text("precious")
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_after_an_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    with pytest.raises(KeyboardInterrupt), TableWriter(path, overwrite=False) as writer:
        writer.write(TABLE)
        assert not path.exists()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk(tmp_path: Path, ending: str) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    numbers = pa.table({"n": [str(hash((n, "x"))) for n in range(30_000)]})
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(TableError, match="the disk is full; nothing was left behind"):
            write(tmp_path / f"a.{ending}", numbers, numbers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_parquet_schema_is_that_of_the_first_batch(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, pa.table({"a": pa.nulls(1), "b": [1.5]}), pa.table({"a": ["x"], "b": [2]}))
    assert pq.read_table(path).to_pydict() == {"a": [None, "x"], "b": [1.5, 2.0]}
    with pytest.raises(TableError, match="cannot be written"):
        write(tmp_path / "b.parquet", pa.table({"a": [1]}), pa.table({"a": ["no number"]}))
    assert list(tmp_path.iterdir()) == [path]


def test_other_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="a batch has the columns"):
        write(tmp_path / "a.csv", TABLE, pa.table({"x": [1]}))


def test_wrong_places(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="the ending says which"):
        TableWriter(tmp_path / "a.xlsx", overwrite=False)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(TableError, match="is a folder"):
        TableWriter(tmp_path / "folder.csv", overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(TableError):
        write(tmp_path / "file" / "a.csv", TABLE)


def test_small_batches_make_large_row_groups(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", *([TABLE] * 50))
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 1
