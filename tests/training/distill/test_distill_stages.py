from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from distill_runs import KEEP, kill_in, make_place, places, recipe, values

from crowd_factory import TEXTS, write_picture
from posthue.data.duplicates.fingerprints import fingerprint
from posthue.errors import CorpusError, InputError, RecipeError, TableError
from posthue.posts import Post
from posthue.training.distill.crowd_posts import Raw
from posthue.training.distill.keep import confident
from posthue.training.distill.pipeline import run_distill
from posthue.training.distill.recipe import Select, distill_recipe_from_dict, parse_keep, read_distill_recipe
from posthue.training.distill.select import refusal
from posthue.training.distill.store import STAGES
from posthue.training.distill.student import softened
from posthue.training.distill.teachers import class_order

RECIPES = Path(__file__).parents[3] / "recipes"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_place(tmp_path_factory.mktemp("distill"))


@pytest.fixture(scope="module")
def split(place: Path) -> Path:
    """A run folder in which all but the student is done."""
    run_distill(recipe(place), places(place, place / "run"), until="split", progress=False)
    return place / "run"


def tables(run: Path, stages: int = len(STAGES)) -> dict[str, list[dict[str, object]]]:
    names = {stage: f"{i}-{stage}.parquet" for i, stage in enumerate(STAGES[:stages], 1)}
    return {stage: pq.read_table(run / "stages" / name).to_pylist() for stage, name in names.items()}


def times(run: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (run / "stages").glob("*.parquet")}


def test_each_stage_keeps_what_it_should(split: Path) -> None:
    with (split / "stages.csv").open(encoding="utf-8") as file:
        rows = {row["stage"]: row for row in csv.DictReader(file)}
    assert [*rows] == [*STAGES, "train", "val", "test"]
    kept = {stage: int(row["kept"]) for stage, row in rows.items()}
    assert kept["select"] == kept["teach"] == kept["filter"] == 42 + 6 + 1
    assert kept["dedup"] == kept["balance"] == kept["split"] == 42  # the six copies and the broken one went
    assert [rows["dedup"][label] for label in ("negative", "neutral", "positive")] == ["14", "14", "14"]
    assert rows["select"]["positive"] == ""
    assert kept["train"] + kept["val"] + kept["test"] == 42


def test_why_posts_went_is_kept(split: Path) -> None:
    notes = {
        stage: json.loads((split / "stages" / f"{i}-{stage}.json").read_text())
        for i, stage in enumerate(STAGES, 1)
    }
    assert notes["select"]["kept"]["dropped"] == {
        "a repost": 2,
        "fewer than 6 words": 1,
        "not in en": 1,
        "no text or no picture": 1,
        "the picture's file is missing": 1,
    }
    assert notes["dedup"]["kept"]["dropped"] == {
        "near an earlier picture": 6,
        "the picture cannot be opened": 1,
    }


def test_the_first_of_near_duplicates_stays_and_the_split_is_stratified(split: Path) -> None:
    found = tables(split)
    assert {row["id"] for row in found["dedup"]} == {str(i) for i in range(42)}
    for part in ("train", "val", "test"):
        labels = [row["label"] for row in found["split"] if row["split"] == part]
        assert {labels.count(label) - len(labels) // 3 for label in set(labels)} <= {0, 1}
    assert {row["label"] for row in found["filter"] if "sad" in str(row["text"])} == {"negative"}


def test_a_second_run_repeats_nothing(split: Path, place: Path) -> None:
    before = times(split)
    run_distill(recipe(place), places(place, split), until="split", progress=False)
    assert times(split) == before


def test_a_changed_recipe_undoes_what_comes_after_the_change(place: Path, tmp_path: Path) -> None:
    run_distill(recipe(place), places(place, tmp_path), until="split", progress=False)
    before = times(tmp_path)
    found = run_distill(recipe(place, keep={}), places(place, tmp_path), until="split", progress=False)
    after = times(tmp_path)
    same = [name for name in before if before[name] == after[name]]
    assert sorted(same) == ["1-select.parquet", "2-teach.parquet"]
    assert dict(found.stages)["filter"].dropped == {}
    run_distill(recipe(place, keep={}, seed=9), places(place, tmp_path), until="split", progress=False)
    assert times(tmp_path)["4-dedup.parquet"] == after["4-dedup.parquet"]
    assert times(tmp_path)["6-split.parquet"] != after["6-split.parquet"]


@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_any_stage_it_goes_on_to_the_same_result(
    stage: str, split: Path, place: Path, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(values(place)), encoding="utf-8")
    run = tmp_path / "run"
    assert kill_in(stage, file, place / "data", run) == -signal.SIGKILL
    done = times(run)
    assert [*sorted(done)] == [
        f"{i}-{name}.parquet" for i, name in enumerate(STAGES[: STAGES.index(stage)], 1)
    ]
    run_distill(recipe(place), places(place, run), until="split", progress=False)
    assert {name: when for name, when in times(run).items() if name in done} == done
    assert tables(run) == tables(split)
    assert (run / "stages.csv").read_bytes() == (split / "stages.csv").read_bytes()
    assert not list((run / "stages").glob(".posthue-*"))


def test_pictures_of_a_benchmark_and_what_is_near_them_go(place: Path, tmp_path: Path) -> None:
    folder = place / "data" / "Twitter Testing Dataset I"
    write_picture(folder / "images" / "seen.jpg", (200, 40, 40), 0, side=80)
    write_picture(folder / "images" / "new.jpg", (200, 40, 40), 4711)
    (folder / "5agree.csv").write_text("path,class\nseen.jpg,0\nnew.jpg,1\n", encoding="utf-8")
    against = {"dedup": {"against": ["twitter-5agree"]}}
    found = run_distill(recipe(place, **against), places(place, tmp_path), until="dedup", progress=False)
    dropped = dict(found.stages)["dedup"].dropped
    assert dropped["near a picture of a benchmark"] == 3  # post 0 and its two copies
    assert dropped["near an earlier picture"] == 4


def test_a_corpus_is_a_crowd_without_labels(place: Path, tmp_path: Path) -> None:
    folder = place / "data" / "mvsa-single"
    (folder / "data").mkdir(parents=True)
    for i in range(3):
        write_picture(folder / "data" / f"{i}.jpg", (10, 10, 200), 50 + i)
        (folder / "data" / f"{i}.txt").write_text("happy happy happy day is what a day", encoding="gb18030")
    lines = "".join(f"{i}\tnegative,negative\n" for i in range(3))
    (folder / "labelResultAll.txt").write_text("ID\ttext,image\n" + lines, encoding="utf-8")
    posts = {"corpus": "mvsa-single", "split": "all"}
    found = run_distill(
        recipe(place, posts=posts, select={"language": None}),
        places(place, tmp_path),
        until="filter",
        progress=False,
    )
    assert dict(found.stages)["filter"].labels == {"negative": 0, "neutral": 0, "positive": 3}


def test_pictures_inside_a_table_are_taken_along(place: Path, tmp_path: Path) -> None:
    pictures = [(place / "data" / "pictures" / f"{i}.png").read_bytes() for i in range(3)]
    texts = [TEXTS[label] for label in ("negative", "neutral", "positive")]
    table = pa.table({"text": texts, "image": [*pictures[:2], pictures[0]]})
    pq.write_table(table, place / "data" / "inside.parquet")
    posts, anywhere = {"table": "inside.parquet"}, {"language": None}
    made = recipe(place, posts=posts, select=anywhere, keep={})
    run_distill(made, places(place, tmp_path), until="dedup", progress=False)
    rows = tables(tmp_path, 4)["dedup"]
    assert [row["image_bytes"] for row in rows] == pictures[:2]
    assert rows[0]["fingerprint"] == fingerprint(pictures[0])


def test_the_threshold_is_strict_and_per_class() -> None:
    probabilities = np.array(
        [[0.7, 0.2, 0.1], [0.71, 0.2, 0.09], [0.05, 0.05, 0.9], [0.02, 0.03, 0.95]], np.float32
    )
    assert confident(probabilities, {"positive": 0.9, "negative": 0.7}).tolist() == [False, True, False, True]
    assert confident(probabilities, {}).all()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (Raw(Post("RT @you so happy to see all of you here", b"x")), "a repost"),
        (Raw(Post("so happy to see all of you here", b"x"), is_repost=True), "a repost"),
        (Raw(Post("so happy to see you", b"x")), "fewer than 6 words"),
        (Raw(Post("so happy to see @you @all http://t.co/x !!", b"x")), "fewer than 6 words"),
        (Raw(Post("hoje estou muito feliz com a minha vida", b"x")), "not in en"),
        (Raw(Post("so happy to see all of you here", b"x"), language="pt"), "not in en"),
        (Raw(Post("so happy to see all of you here")), "no text or no picture"),
        (Raw(Post("so happy to see all of you here", b"x")), None),
        (Raw(Post("ART @ home with all of my friends tonight", b"x")), None),
    ],
)
def test_which_posts_are_taken(raw: Raw, reason: str | None) -> None:
    pytest.importorskip("pycld2")
    assert refusal(raw, Select()) == reason


def test_soft_targets_are_softened() -> None:
    p = np.array([[0.8, 0.1, 0.1]])
    np.testing.assert_allclose(softened(p, 1.0), p)
    np.testing.assert_allclose(softened(p, 2.0)[0, 0] / softened(p, 2.0)[0, 1], 8**0.5)
    assert softened(p, 50.0).max() < 0.35


def test_the_classes_of_a_hub_model_are_found_by_name() -> None:
    assert class_order({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, "x") == [0, 1, 2]
    assert class_order({0: "POS", 1: "NEU", 2: "NEG"}, "x") == [2, 1, 0]
    with pytest.raises(RecipeError, match="has the classes joy, anger"):
        class_order({0: "joy", 1: "anger"}, "x")


def test_thresholds_on_the_command_line() -> None:
    assert parse_keep("positive=.9, neutral=.9,negative=.7") == {
        "positive": 0.9,
        "neutral": 0.9,
        "negative": 0.7,
    }
    assert parse_keep("none") == {}
    for wrong in ("positive", "happy=.5", "positive=1", "positive=high"):
        with pytest.raises(RecipeError):
            parse_keep(wrong)


@pytest.mark.parametrize("file", sorted(RECIPES.glob("distill-*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_recipes_can_be_read(file: Path) -> None:
    found = read_distill_recipe(file)
    assert found.keep == {"positive": 0.9, "neutral": 0.9, "negative": 0.7}
    assert (found.student.hidden, found.student.label_smoothing, found.student.optimizer) == (
        32,
        0.2,
        "radam",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"posts": {}}, "either table or corpus"),
        ({"posts": {"table": "a.csv", "rows": 3}}, "posts: 'rows' is not one of"),
        ({"balance": "even"}, "balance: 'even' is not one of undersample"),
        ({"keep": {"happy": 0.5}}, "keep: 'happy'"),
        ({"dedup": {"distance": 40}}, "dedup: distance: 40 is not a whole number from 0 to 31"),
        ({"student": {"targets": "firm"}}, "targets: 'firm'"),
        ({"student": {"epochs": 0, "frozen_epochs": 0}}, "not both 0"),
        ({"student": {"learning_rate": "1e-4"}}, "student: learning_rate: '1e-4' is not a number"),
        ({"fractions": {"train": 1.0}}, "fractions: give one for each"),
        ({"colour": "red"}, "'colour' is not one of name, posts"),
        ({"seed": "one"}, "seed: 'one' is not a whole number"),
    ],
)
def test_a_wrong_recipe_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        distill_recipe_from_dict({"name": "x", "posts": {"table": "a.csv"}, **changes})


def test_mistakes_that_a_user_can_mend(place: Path, tmp_path: Path) -> None:
    def distil(**changes: object) -> None:
        run_distill(recipe(place, **changes), places(place, tmp_path / "run"), until="split", progress=False)

    with pytest.raises(TableError, match="no table"):
        distil(posts={"table": "lost.csv"})
    with pytest.raises(TableError, match="no column 'sprache'"):
        distil(posts={"table": "posts.csv", "language_column": "sprache"})
    with pytest.raises(InputError, match=r"no post is left after 'select' \(not in sw"):
        distil(select={"language": "sw"})
    with pytest.raises(InputError, match="too few posts"):
        distil(least=100)
    with pytest.raises(InputError, match="no post is left after 'filter'"):
        distil(keep=dict.fromkeys(KEEP, 0.99))
    with pytest.raises(CorpusError, match="no corpus is called"):
        distil(dedup={"against": ["flickr"]})
    with pytest.raises(InputError, match="until"):
        run_distill(recipe(place), places(place, tmp_path), until="end")
