from __future__ import annotations

import copy
import csv
import io
import json
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from posthue import PostClassifier, TableError, load
from posthue.data.tables.cells import TablePath, image_of
from posthue.data.tables.columns import Columns
from posthue.labels import EMOTION, SENTIMENT
from posthue.posts import Prediction
from posthue.runtime.scoring.rows.batches import BatchScorer
from posthue.runtime.scoring.rows.columns import output_names, passthrough_names
from posthue.runtime.scoring.rows.one_file import score_file
from posthue.runtime.scoring.rows.summary import ScoreTally

RESULTS = [
    "sentiment",
    *(f"sentiment_{label}" for label in SENTIMENT.labels),
    "emotion",
    *(f"emotion_{label}" for label in EMOTION.labels),
    "text_share",
    "image_share",
    "mixed",
    "error",
]


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def png(colour: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (50, 40), colour).save(held, "PNG")
    return held.getvalue()


def test_one_row_per_row_in_order_with_every_column(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "red.png").write_bytes(png("red"))
    source = write(
        tmp_path / "posts.csv",
        "likes,tweet_id,text,image,error",
        "3,11,happy day,pics/red.png,mine",
        "4,12,,pics/none.jpg,",
        "5,13,,,",
        '6,14,"sad, sad",,',
    )
    summary = score_file(source, tmp_path / "out.csv", tiny_classifier)
    rows = rows_of(tmp_path / "out.csv")
    assert list(rows[0]) == ["id", "likes", "text", "image", "error_input", *RESULTS]
    assert [row["id"] for row in rows] == ["11", "12", "13", "14"]
    assert [row["image"] for row in rows] == ["pics/red.png", "pics/none.jpg", "", ""]
    assert [row["sentiment"] for row in rows] == ["negative", "", "", "negative"]
    assert [row["mixed"] for row in rows] == ["true", "", "", "false"]
    assert (rows[3]["text_share"], rows[3]["image_share"]) == ("1", "0")
    assert rows[1]["error"].endswith("none.jpg: no such file")
    assert rows[2]["error"] == "the post has neither text nor image"
    assert sum(float(rows[0][f"sentiment_{label}"]) for label in SENTIMENT.labels) == pytest.approx(1)
    assert (summary.rows, summary.failed, summary.mixed) == (4, 2, 1)
    assert summary.labels["sentiment"] == {"negative": 2, "neutral": 0, "positive": 0}
    assert summary.errors == {"no such file": 1, "the post has neither text nor image": 1}


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_batches_do_not_change_the_rows(tmp_path: Path, tiny_classifier: PostClassifier, ending: str) -> None:
    source = write(tmp_path / "posts.csv", "text", *(f"happy {'sad ' * (n % 7)}" for n in range(50)))
    one, many = tmp_path / f"one.{ending}", tmp_path / f"many.{ending}"
    calls: list[tuple[int, int | None]] = []
    score_file(source, one, tiny_classifier)
    score_file(source, many, tiny_classifier, batch_rows=7, progress=lambda *call: calls.append(call))
    assert (calls[0], calls[-1]) == ((0, 50), (50, 50))
    assert len(calls) == 9
    assert tiny_rows(one) == tiny_rows(many)


def tiny_rows(path: Path) -> list[object]:
    if path.suffix == ".parquet":
        table = pq.read_table(path).select(["id", "text", "sentiment", "error"])
        return list(table.to_pylist())
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [(row["id"], row["text"], row["sentiment"], row["error"]) for row in rows]
    return [line.split("\t" if path.suffix == ".tsv" else ",")[:3] for line in path.read_text().splitlines()]


def test_embedded_pictures_are_predicted_and_left_out(
    tmp_path: Path, tiny_classifier: PostClassifier
) -> None:
    table = pa.table(
        {"image": [{"bytes": png("lime"), "path": "a.png"}, None], "n": [1, 2], "caption": ["", "sad"]}
    )
    pq.write_table(table, tmp_path / "posts.parquet")
    score_file(tmp_path / "posts.parquet", tmp_path / "out.parquet", tiny_classifier)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.column_names == ["id", "n", "caption", *RESULTS]
    assert found["n"].to_pylist() == [1, 2]
    assert found["sentiment"].to_pylist() == ["positive", "negative"]
    assert found["mixed"].type == pa.bool_()
    assert found["error"].to_pylist() == [None, None]


@pytest.mark.parametrize("absolute", [True, False])
def test_image_paths_come_out_as_they_came(
    tmp_path: Path, tiny_classifier: PostClassifier, absolute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "a.png").write_bytes(png("red"))
    written = [f"{tmp_path}/img/a.png", "img\\a.png", " img/a.png", "./img/a.png", "http://x.org/a.png", ""]
    source = write(tmp_path / "posts.csv", "text,image", *(f"happy,{path}" for path in written))
    score_file(source if absolute else "posts.csv", tmp_path / "out.csv", tiny_classifier)
    assert [row["image"] for row in rows_of(tmp_path / "out.csv")] == written
    assert [row["error"] for row in rows_of(tmp_path / "out.csv")][:4] == [""] * 4


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_image_paths_of_any_type_of_text_are_written(
    tmp_path: Path, tiny_bundle: Path, tiny_classifier: PostClassifier, kind: pa.DataType
) -> None:
    paths = pa.array(["a.png", None], kind)
    table = pa.table({"id": ["1", "2"], "text": ["happy", "sad"], "image": paths})
    pq.write_table(table, tmp_path / "posts.parquet")
    score_file(tmp_path / "posts.parquet", tmp_path / "out.parquet", tiny_classifier)
    assert pq.read_table(tmp_path / "out.parquet")["image"].to_pylist() == ["a.png", None]
    assert BatchScorer(model=str(tiny_bundle))(table)["image"].to_pylist() == ["a.png", None]


def test_a_path_of_a_table_is_copied_with_how_it_was_written() -> None:
    path = image_of(" a.png", Path("/x"))
    for same in (path, copy.deepcopy(path), pickle.loads(pickle.dumps(path))):
        assert isinstance(same, TablePath)
        assert (same, same.written) == ("/x/a.png", " a.png")


def test_a_folder_of_pictures(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "green.png").write_bytes(png("lime"))
    (tmp_path / "pics" / "broken.jpg").write_bytes(png("red")[:60])
    score_file(tmp_path / "pics", tmp_path / "out.jsonl", tiny_classifier)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["image"], row["sentiment"]) for row in rows] == [
        ("broken.jpg", "broken.jpg", None),
        ("green.png", "green.png", "positive"),
    ]


def test_named_columns(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    source = write(tmp_path / "posts.csv", "text,words,key", "sad,happy,7")
    score_file(source, tmp_path / "out.csv", tiny_classifier, columns=Columns(id="key", text="words"))
    row = rows_of(tmp_path / "out.csv")[0]
    assert (row["id"], row["text"], row["words"], row["sentiment"]) == ("7", "sad", "happy", "positive")


def test_a_header_only_gives_a_header_only(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    source = write(tmp_path / "posts.csv", "id,text,likes")
    summary = score_file(source, tmp_path / "out.csv", tiny_classifier)
    assert summary.rows == 0
    assert (tmp_path / "out.csv").read_text().splitlines() == [",".join(["id", "text", "likes", *RESULTS])]


def test_what_is_there_is_not_overwritten(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    source = write(tmp_path / "posts.csv", "text", "happy")
    output = write(tmp_path / "out.csv", "precious")
    with pytest.raises(TableError, match="exists already"):
        score_file(source, output, tiny_classifier)
    assert output.read_text() == "precious\n"
    score_file(source, output, tiny_classifier, overwrite=True)
    assert rows_of(output)[0]["sentiment"] == "positive"


def test_an_output_appears_complete_or_not_at_all(tmp_path: Path, tiny_classifier: PostClassifier) -> None:
    class Interrupted(Exception):
        pass

    def stop(done: int, total: int | None) -> None:
        raise Interrupted

    source = write(tmp_path / "posts.csv", "text", "happy")
    with pytest.raises(Interrupted):
        score_file(source, tmp_path / "out.csv", tiny_classifier, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["posts.csv"]


def test_broken_pictures_may_be_left_out(tmp_path: Path, tiny_bundle: Path) -> None:
    source = write(tmp_path / "posts.csv", "text,image", "happy,none.jpg")
    summary = score_file(source, tmp_path / "out.csv", load(tiny_bundle, on_bad_image="text"))
    row = rows_of(tmp_path / "out.csv")[0]
    assert (row["sentiment"], row["error"]) == ("positive", "")
    assert (summary.failed, summary.warnings) == (0, {"no such file": 1})


def test_no_two_output_columns_have_one_name() -> None:
    schemes = {"sentiment": SENTIMENT}
    names = ["error", "error_input", "sentiment", "likes", "id", "error_input_input"]
    found = passthrough_names(names, schemes)
    assert found[1:4] == ["error_input", "sentiment_input", "likes"]
    assert len(set(found) | set(output_names(schemes))) == len(found) + len(output_names(schemes))


def test_the_summary_keeps_a_bounded_number_of_reasons(tmp_path: Path) -> None:
    tally = ScoreTally({"sentiment": SENTIMENT})
    tally.add([Prediction(error=f"reason {number}") for number in range(5000)])
    tally.add([Prediction(error="a.jpg: no such file"), Prediction(error="reason 7")])
    summary = tally.summary(tmp_path, 1.0)
    assert sum(summary.errors.values()) == summary.failed == 5002
    assert len(summary.errors) <= 6
    json.dumps(summary.to_dict())


def test_reasons_are_counted_without_the_names_of_files(tmp_path: Path) -> None:
    tally = ScoreTally({"sentiment": SENTIMENT})
    errors = ["a.jpg: damaged (at 7: x)", "b (1).jpg: damaged (at 9)", "line 3: a quote", "no text"]
    tally.add([Prediction(error=error) for error in errors])
    tally.add([Prediction(warnings=("image not used: a.jpg: no such file",))])
    summary = tally.summary(tmp_path, 1.0)
    assert summary.errors == {"damaged": 2, "a quote": 1, "no text": 1}
    assert summary.warnings == {"no such file": 1}
