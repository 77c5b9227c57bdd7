"""JSON lines, Parquet, folders and zip archives."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from reading import Write, errors_of, posts_of, texts_of

from posthue.data.tables.table import open_table
from posthue.errors import TableError
from posthue.posts import Post


def test_jsonl(write: Write) -> None:
    lines = [
        '{"id": 1, "text": "a", "n": {"x": [1]}, "f": 1, "b": true, "big": 1}',
        "broken",
        "",
        "[1]",
        '{"text": "\\ud83d \\ud83d\\ude00", "f": 2.5, "late": "x", "big": 123456789012345678901234567890}',
        '{"text": 5, "f": NaN, "n": null, "image": "p.png"}',
        "[" * 100_000,
        '{"text": "nul \0 raw"}',
        "9" * 10_000,
    ]
    path = write("a.jsonl", "\n".join(lines))
    (batch,) = table = open_table(path)
    assert [post.text for post in batch.posts] == [
        "a",
        None,
        None,
        "\ufffd 😀",
        "5",
        None,
        "nul \0 raw",
        None,
    ]
    assert [error is None for error in batch.errors] == [True, False, False, True, True, False, True, False]
    assert "line 2: not JSON" in str(batch.errors[1])
    assert batch.posts[4].image == str(path.parent / "p.png")
    columns = batch.passthrough.to_pydict()
    assert columns["n"][0] == '{"x": [1]}'
    assert columns["f"][:4] == [1.0, None, None, 2.5]
    assert columns["b"][0] is True
    assert columns["big"][3] == "123456789012345678901234567890"
    assert table.count_rows() == 8


LONG = 1234567890123456789


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"{LONG}", "NaN"], [LONG, None]),
        (["NaN", f"{LONG}", "null", "-Infinity", "1e400"], [None, LONG, None, None, None]),
        ([f"{LONG}", "2.0"], [f"{LONG}", "2.0"]),
        (["2.0", "1", f"-{LONG}"], ["2.0", "1", f"-{LONG}"]),
        ([f"{2**53}", "2.5"], [float(2**53), 2.5]),
        ([f"{2**53 + 1}", "2.5"], [f"{2**53 + 1}", "2.5"]),
        (["1", f"{LONG}"], [1, LONG]),
        (["1", "NaN"], [1, None]),
        (["true", "NaN"], [True, None]),
        (["NaN", "null"], [None, None]),
    ],
)
def test_jsonl_whole_numbers_keep_their_digits(
    write: Write, values: list[str], expected: list[object]
) -> None:
    lines = [f'{{"text": "hi", "id": {value}, "reply_to": {value}}}' for value in values]
    (batch,) = open_table(write("a.jsonl", "\n".join(lines)))
    found = batch.passthrough.to_pydict()["reply_to"]
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]
    if LONG in expected:
        assert str(LONG) in [post.id for post in batch.posts]


def test_jsonl_with_endless_new_keys(write: Write) -> None:
    path = write("a.jsonl", "".join(json.dumps({f"k{n}": 1}) + "\n" for n in range(3000)))
    with pytest.raises(TableError, match="different keys"):
        open_table(path)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv.gz", "a.jsonl.gz"])
def test_gzip(write: Write, name: str) -> None:
    content = '{"text": "é"}\n' if "jsonl" in name else "id\ttext\n1\té\n"
    table = open_table(write(name, gzip.compress(content.encode())))
    assert [post.text for post in posts_of(table)] == ["é"]


def test_cut_off_gzip_is_told(write: Write) -> None:
    rng = np.random.default_rng(0)
    rows = "".join(f"{n},{rng.integers(1 << 60)}\n" for n in range(60_000))
    table = open_table(write("a.csv.gz", gzip.compress(f"id,text\n{rows}".encode())[:-5000]))
    with pytest.raises(TableError, match="gzip data is damaged or cut off"):
        posts_of(table)


def test_parquet_image_columns(tmp_path: Path) -> None:
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kinds = {
        "paths": pa.array(["a.jpg", "", None]),
        "bytes": pa.array([b"abc", b"", None]),
        "hf": pa.array([{"bytes": b"abc", "path": "a.jpg"}, {"bytes": None, "path": "a.jpg"}, None], struct),
        "dictionary": pa.array(["a.jpg", "", None]).dictionary_encode(),
    }
    found = {}
    for name, images in kinds.items():
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({"image": images, "text": ["x", None, "z"], "id": [17.0, None, 3.0]}), path)
        posts = posts_of(open_table(path))
        assert [post.id for post in posts] == ["17", None, "3"]
        found[name] = [post.image for post in posts]
    file = str(tmp_path / "a.jpg")
    assert found == {
        "paths": [file, None, None],
        "bytes": [b"abc", None, None],
        "hf": [b"abc", file, None],
        "dictionary": [file, None, None],
    }


def test_parquet_keeps_types_and_streams(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": list(range(100)), "x": [[n] for n in range(100)], "y": [float("nan")] * 100})
    pq.write_table(table, path, row_group_size=30)
    opened = open_table(path, batch_rows=25)
    batches = list(opened)
    assert max(len(batch.posts) for batch in batches) <= 25
    assert posts_of(opened)[99].text == "99"
    assert batches[0].passthrough.schema.field("x").type == pa.list_(pa.int64())
    assert opened.count_rows() == 100


def test_parquet_strings_that_are_not_utf8(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"caf\xe9", b"ok"]).buffers())
    pq.write_table(pa.table({"text": broken}), tmp_path / "a.parquet")
    assert texts_of(tmp_path / "a.parquet") == ["café", "ok"]


def test_parquet_with_large_rows_comes_in_small_batches(tmp_path: Path) -> None:
    images = [np.random.default_rng(n).bytes(1 << 20) for n in range(40)]
    pq.write_table(
        pa.table({"image": images}), tmp_path / "a.parquet", use_dictionary=False, compression="none"
    )
    assert max(len(batch.posts) for batch in open_table(tmp_path / "a.parquet")) <= 32


def test_damaged_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [str(n) * 9 for n in range(5000)]}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[40:4000] = b"\xff" * 3960
    path.write_bytes(content)
    with pytest.raises(TableError, match="damaged"):
        posts_of(open_table(path))


def test_folder(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/z.jpg", "a/y/1.webp", "a.jpg", "notes.txt", ".hidden.jpg", ".git/x.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    Image.new("RGB", (3, 3)).save(tmp_path / "nameless", "PNG")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    table = open_table(tmp_path, batch_rows=2)
    posts = posts_of(table)
    assert [post.id for post in posts] == ["a.jpg", "a/y/1.webp", "a/z.jpg", "b.PNG", "nameless"]
    assert posts[1].image == str(tmp_path / "a/y/1.webp")
    assert table.count_rows() == 5


def test_folder_names_that_are_not_utf8(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system wants UTF-8")
    (post,) = posts_of(open_table(tmp_path))
    assert post.id == "caf\ufffd.jpg"
    assert Path(str(post.image)).read_bytes() == b"x"


def test_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no pictures"):
        open_table(tmp_path)


def test_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("z/2.jpg", b"two")
        archive.writestr("1.png", b"one")
        archive.writestr("empty.png", b"")
        archive.writestr("__MACOSX/1.png", b"x")
        archive.writestr("notes.txt", b"x")
        archive.writestr("nameless", b"\xff\xd8\xff")
    table = open_table(path, batch_rows=2)
    found = {post.id: post.image for post in posts_of(table)}
    assert found == {"1.png": b"one", "empty.png": None, "nameless": b"\xff\xd8\xff", "z/2.jpg": b"two"}
    assert [error is None for error in errors_of(table)] == [True, False, True, True]
    assert table.count_rows() == 4


def test_zip_bombs_and_damaged_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthue.data.tables.readers.pictures.MAX_MEMBER", 1 << 16)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\0" * (1 << 20))
        archive.writestr("crc.png", bytes(range(256)), zipfile.ZIP_STORED)
        archive.writestr("fine.png", b"fine")
    path.write_bytes(path.read_bytes().replace(bytes(range(256)), bytes(256)))
    (batch,) = open_table(path)
    assert "1,048,576 bytes are more than" in str(batch.errors[0])
    assert "cannot be unpacked" in str(batch.errors[1])
    assert batch.posts[2] == Post(None, b"fine", "fine.png")


def test_zip_without_pictures(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("posts.csv", "text\na\n")
    with pytest.raises(TableError, match="no pictures in this zip"):
        open_table(tmp_path / "a.zip")
