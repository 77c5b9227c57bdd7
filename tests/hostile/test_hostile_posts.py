"""Every hostile post gets its one row, in its place, from every kind of table."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_inputs import PICTURES, Case, make_cases

import posthue
from posthue import Post, PostClassifier
from posthue.data.tables.table import read_table
from posthue.labels import SENTIMENT
from posthue.runtime.scoring.rows.one_file import score_file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def cases(folder: Path) -> list[Case]:
    return make_cases(folder)


def write_csv(path: Path, cases: Sequence[Case]) -> None:
    rows = [("id", "text", "image"), *((str(n), case.text, case.image) for n, case in enumerate(cases))]
    lines = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogatepass"))


def write_jsonl(path: Path, cases: Sequence[Case]) -> None:
    rows = ({"id": n, "text": case.text, "image": case.image} for n, case in enumerate(cases))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="ascii")


def write_parquet(path: Path, cases: Sequence[Case]) -> None:
    """Strings of any bytes, as careless programs write them."""
    table = pa.table(
        {
            "id": range(len(cases)),
            "text": unchecked([case.text for case in cases]),
            "image": unchecked([case.image for case in cases]),
        }
    )
    pq.write_table(table, path)


def write_embedded(path: Path, cases: Sequence[Case]) -> None:
    """Pictures as bytes inside the table, in the Hugging Face way, where they are files; else their paths."""
    images = [{"bytes": file_bytes(path.parent, case), "path": case.image or None} for case in cases]
    texts = pa.array([as_bytes(case.text) for case in cases], pa.binary())
    pq.write_table(pa.table({"id": range(len(cases)), "text": texts, "image": images}), path)


def file_bytes(folder: Path, case: Case) -> bytes | None:
    return (folder / case.image).read_bytes() if case.image in PICTURES else None


def unchecked(values: Sequence[str]) -> pa.Array:
    """An Arrow string array that may hold what UTF-8 does not allow."""
    array = pa.array([as_bytes(value) for value in values], pa.binary())
    return pa.Array.from_buffers(pa.string(), len(array), array.buffers())


Writer = Callable[[Path, Sequence[Case]], None]


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def score(source: Path, output: Path, classifier: PostClassifier) -> list[dict[str, object]]:
    score_file(source, output, classifier, batch_rows=16)
    if output.suffix == ".parquet":
        return list(pq.read_table(output).to_pylist())
    return [json.loads(line) for line in output.read_text(encoding="utf-8").split("\n") if line]


def check(cases: Sequence[Case], rows: Sequence[dict[str, object]]) -> None:
    assert [str(row["id"]) for row in rows] == [str(number) for number in range(len(cases))]
    wrong = [(case.name, row["error"]) for case, row in zip(cases, rows, strict=True) if not fits(case, row)]
    assert not wrong


def fits(case: Case, row: dict[str, object]) -> bool:
    error = row["error"]
    if (error is None) != (row["sentiment"] in SENTIMENT.labels):
        return False
    if not case.error:
        return error is None or case.error is None
    return isinstance(error, str) and re.search(case.error, error) is not None


def test_there_are_many(cases: list[Case]) -> None:
    assert len(cases) >= 45
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize(
    ("write", "ending", "output"),
    [
        (write_csv, "csv", "out.jsonl"),
        (write_jsonl, "jsonl", "out.parquet"),
        (write_parquet, "parquet", "out.jsonl"),
    ],
)
def test_one_row_each_in_order(
    folder: Path,
    cases: list[Case],
    tmp_path: Path,
    tiny_classifier: PostClassifier,
    write: Writer,
    ending: str,
    output: str,
) -> None:
    source = folder / f"posts.{ending}"
    write(source, cases)
    rows = score(source, tmp_path / output, tiny_classifier)
    check(cases, rows)
    for case, row in zip(cases, rows, strict=True):  # what came in goes out
        if "\ud83d" not in case.text:
            assert (row["text"] or "") == case.text, case.name


def test_embedded_pictures(folder: Path, cases: list[Case], tmp_path: Path, tiny_bundle: Path) -> None:
    source = folder / "embedded.parquet"
    held = [case for case in cases if case.image in PICTURES or not case.image]
    write_embedded(source, held)
    classifier = posthue.load(tiny_bundle, threads=2)
    check(held, score(source, tmp_path / "out.jsonl", classifier))


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_what_is_written_can_be_read_again(
    folder: Path, cases: list[Case], tmp_path: Path, tiny_classifier: PostClassifier, ending: str
) -> None:
    write_jsonl(folder / "again.jsonl", cases)
    score_file(folder / "again.jsonl", tmp_path / f"out.{ending}", tiny_classifier)
    rows = [row for batch in read_table(tmp_path / f"out.{ending}") for row in batch.to_pylist()]
    assert [row["id"] for row in rows] == [str(number) for number in range(len(cases))]


def test_a_broken_picture_beside_a_text_may_be_left_out(
    folder: Path, cases: list[Case], tmp_path: Path, tiny_bundle: Path
) -> None:
    pictures = [replace(case, text="happy day") for case in cases if case.image and case.image.strip()]
    write_jsonl(folder / "both.jsonl", pictures)
    lenient = posthue.load(tiny_bundle, threads=1, on_bad_image="text")
    rows = score(folder / "both.jsonl", tmp_path / "out.jsonl", lenient)
    assert len(rows) == len(pictures)
    assert [row["error"] for row in rows] == [None] * len(rows)


def test_one_by_one_it_is_the_same(folder: Path, cases: list[Case], tiny_classifier: PostClassifier) -> None:
    image = {case.name: str(folder / case.image) if case.image.strip() else None for case in cases}
    posts = [Post(text=case.text, image=image[case.name]) for case in cases]
    together = list(tiny_classifier.predict_many(posts))
    for case, post, other in zip(cases, posts, together, strict=True):
        alone = tiny_classifier.predict(post)
        assert alone.error == other.error, case.name
        json.dumps(alone.to_dict(), allow_nan=False)
        if alone.ok:
            assert alone["sentiment"].probabilities == pytest.approx(
                other["sentiment"].probabilities, abs=1e-5
            )
