"""The example posts that ship with posthue: well-formed, and their pictures as the script draws them."""

from __future__ import annotations

import csv
import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import typer.main
from PIL import Image

import posthue
from posthue.apps.cli.demo import demo, predicted_examples
from posthue.apps.cli.main import app
from posthue.data.images.decode import decode_image
from posthue.data.images.spec import ImageSpec
from posthue.errors import ImageError
from posthue.examples import POSTS
from posthue.posts import Modality, Post

FOLDER = Path(posthue.__file__).parent / "examples"
SCRIPTS = Path(__file__).parent.parent / "examples"
BROKEN = "pictures/broken.jpg"


def rows() -> list[dict[str, str]]:
    with (FOLDER / "posts.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("make_pictures")


def test_rows_are_well_formed() -> None:
    table = rows()
    assert {len(row) for row in table} == {4}
    assert list(table[0]) == ["id", "text", "image", "note"]
    assert all(None not in row.values() for row in table)
    assert len({row["id"] for row in table}) == len(table) >= 16


def test_every_kind_of_post_is_there() -> None:
    kinds = [Post(row["text"] or None, row["image"] or None).modalities for row in rows()]
    assert set(kinds) == {(Modality.TEXT,), (Modality.IMAGE,), (Modality.TEXT, Modality.IMAGE)}


def test_every_picture_is_used_and_small() -> None:
    named = {row["image"] for row in rows()} - {""}
    there = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "pictures").iterdir()}
    assert named == there
    assert all((FOLDER / name).stat().st_size < 40_000 for name in there)


def test_only_one_picture_is_broken() -> None:
    for path in sorted((FOLDER / "pictures").iterdir()):
        if path.name == Path(BROKEN).name:
            with pytest.raises(ImageError):
                decode_image(path, ImageSpec())
        else:
            assert decode_image(path, ImageSpec()).shape[2] == 3


def test_the_script_knows_every_picture(drawing: ModuleType) -> None:
    there = {path.name for path in (FOLDER / "pictures").iterdir()}
    assert there == {*drawing.SCENES, drawing.BROKEN}
    assert drawing.FOLDER.resolve() == (FOLDER / "pictures").resolve()


@pytest.mark.parametrize("name", ["sunset.jpg", "sorrow.png"])
def test_the_script_draws_the_same_picture_again(drawing: ModuleType, name: str) -> None:
    with Image.open(FOLDER / "pictures" / name) as kept:
        before = np.asarray(kept, dtype=np.float32)
    now = np.asarray(drawing.SCENES[name](), dtype=np.float32)
    assert now.shape == before.shape
    assert float(np.abs(now - before).mean()) < 5  # of 255: what JPEG costs, and the grain


def test_a_picture_file_is_under_the_limit(drawing: ModuleType) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    smooth = Image.fromarray(noise).resize((64, 64)).resize((512, 512))
    assert len(drawing.encode(smooth, "x.jpg")) <= drawing.MOST_BYTES


def test_the_demo_predicts_every_example_but_the_broken_one(tiny_classifier: posthue.PostClassifier) -> None:
    found = list(predicted_examples(tiny_classifier))
    assert [post.id for post, _ in found] == [row["id"] for row in rows()]
    assert [post.id for post, prediction in found if not prediction.ok] == ["p16"]


def test_the_demo_prints_a_table_and_says_where_the_report_is(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    demo(output=tmp_path / "out", model=str(tiny_bundle))
    shown = capsys.readouterr().out
    assert all(row["id"] in shown for row in rows())
    assert max(map(len, shown.splitlines()[:20])) <= 80
    report = tmp_path / "out" / "report.html"
    assert f"report: {report.resolve()}" in shown
    assert report.read_text(encoding="utf-8").count("<article") == len(rows())


def test_the_demo_is_a_command(tiny_bundle: Path, tmp_path: Path) -> None:
    command = typer.main.get_command(app)
    command.main(["demo", "-o", str(tmp_path), "--model", str(tiny_bundle)], standalone_mode=False)
    assert (tmp_path / "report.html").is_file()


def test_the_examples_are_where_the_package_is() -> None:
    assert POSTS.parent == FOLDER
