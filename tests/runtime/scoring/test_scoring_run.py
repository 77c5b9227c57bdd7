"""Which way a table is scored, chosen by its settings; the result is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import posthue
from posthue.data.tables.columns import Columns
from posthue.data.tables.table import read_table
from posthue.errors import InputError
from posthue.runtime.scoring.run import ScoreSettings, score, shard_job


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "posts.csv"
    path.write_text("id,text\n" + "".join(f"{n},{'happy' if n % 2 else 'sad'} day\n" for n in range(40)))
    return path


def labels(path: Path) -> list[object]:
    return [label for batch in read_table(path) for label in batch.column("sentiment").to_pylist()]


@pytest.mark.parametrize(
    ("options", "output"), [({}, "a.csv"), ({"workers": 2}, "b.csv"), ({"shard_rows": 99}, "c")]
)
def test_every_way_gives_the_same(
    options: dict[str, int], output: str, source: Path, tmp_path: Path, tiny_bundle: Path
) -> None:
    settings = ScoreSettings(model=tiny_bundle, columns=Columns(text="text"), **options)
    seen: list[tuple[int, int | None]] = []
    summary = posthue.score(
        source, tmp_path / output, settings, progress=lambda done, total: seen.append((done, total))
    )
    assert (summary.rows, summary.failed, summary.output) == (40, 0, tmp_path / output)
    assert (seen[0], seen[-1]) == ((0, 40), (40, 40))
    written = tmp_path / output
    found = labels(written / "part-00000.parquet" if written.is_dir() else written)
    assert found == ["negative", "positive"] * 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (ScoreSettings(shard_format="docx"), "--shard-format is one of parquet, csv"),
        (ScoreSettings(), "is a folder: give --shard-rows"),
    ],
)
def test_settings_that_do_not_go_together(
    settings: ScoreSettings, message: str, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        score(source, tmp_path, settings)


def test_the_settings_of_a_job_reach_it(tmp_path: Path) -> None:
    settings = ScoreSettings(
        model=tmp_path,
        columns=Columns(id="key", text="words"),
        encoding="latin-1",
        batch_rows=7,
        threads=3,
        shard_format="csv",
        workers=2,
        on_bad_image="text",
    )
    job = shard_job("a.csv", tmp_path / "out", settings)
    assert (job.source, job.folder, job.model) == ("a.csv", str(tmp_path / "out"), str(tmp_path))
    assert (job.id_column, job.text_column, job.image_column) == ("key", "words", None)
    assert (job.batch_rows, job.threads, job.ending, job.encoding) == (7, 3, ".csv", "latin-1")
    assert (job.on_bad_image, job.shard_rows) == ("text", 8192)


def test_the_shipped_model_is_called_default(tmp_path: Path) -> None:
    assert shard_job("a.csv", "out", ScoreSettings()).model == "default"
    elsewhere = shard_job("a.csv", "out", ScoreSettings(model=Path("default"))).model
    assert elsewhere == str(Path("default").absolute())  # a folder of that name is another thing
