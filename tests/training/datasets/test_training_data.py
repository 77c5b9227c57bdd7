from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image

from posthue.data.corpora import Example
from posthue.errors import CorpusError, RecipeError
from posthue.labels import EMOTION
from posthue.posts import Post
from posthue.training.datasets import rows
from posthue.training.datasets.batches import Collator, batch_kinds, prepare
from posthue.training.datasets.leaks import Leak, find_leaks, keep_clean, write_leaks
from posthue.training.datasets.unreadable import Skipped, without_unreadable, write_skipped
from posthue.training.recipes.schema import Check, Partner, TrainingSource
from tiny_models import FACES, post_rows, tiny_processor, write_corpora

pytestmark = pytest.mark.torch

SCHEMES = ("sentiment", "emotion")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpora(tmp_path_factory.mktemp("data"))


def picture(seed: int, side: int = 20) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def test_several_labels_share_one_unit_of_mass() -> None:
    found = rows.distribution({"emotion": ("joy", "sadness")}, "emotion")
    assert dict(zip(EMOTION.labels, found, strict=True)) == dict.fromkeys(EMOTION.labels, 0.0) | {
        "joy": 0.5,
        "sadness": 0.5,
    }
    assert sum(rows.distribution({"sentiment": ("positive",)}, "emotion")) == 0


def test_a_source_becomes_rows_with_targets(data: Path) -> None:
    found = rows.read_source(TrainingSource("tweeteval-sentiment", weight=0.5), SCHEMES, data, 0).dataset
    assert len(found) == 48
    targets = np.array(found["labels_sentiment"])
    assert targets.sum(1).tolist() == [1.0] * 48
    assert targets.argmax(1)[:3].tolist() == [0, 1, 2]
    assert np.array(found["labels_emotion"]).sum() == 0
    assert set(found["weight"]) == {0.5}
    assert set(found["image_path"]) == set(found["image_bytes"]) == {None}


def test_limit_draws_the_same_posts_for_the_same_seed(data: Path) -> None:
    def drawn(seed: int) -> list[str]:
        source = TrainingSource("tweeteval-emotion", limit=9)
        return list(rows.read_source(source, SCHEMES, data, seed).dataset["text"])

    assert len(drawn(1)) == 9
    assert drawn(1) == drawn(1) != drawn(2)


def test_pairs_are_of_one_label(data: Path) -> None:
    source = TrainingSource("tweeteval-emotion", pair_with=Partner("fer2013"))
    found = rows.read_source(source, SCHEMES, data, 0).dataset
    shades = {label: shade for label, (_, shade) in FACES.items()}
    for row in found:
        label = EMOTION.labels[int(np.argmax(row["labels_emotion"]))]
        shade = np.asarray(Image.open(io.BytesIO(row["image_bytes"]))).mean()
        assert min(shades, key=lambda name: abs(shades[name] - shade)) == label
    assert len(set(found["image_bytes"])) > 20


def test_texts_without_a_picture_of_their_label_go_alone(data: Path) -> None:
    source = TrainingSource("tweeteval-sentiment", pair_with=Partner("fer2013"))
    assert set(rows.read_source(source, SCHEMES, data, 0).dataset["image_bytes"]) == {None}


def test_a_split_that_is_not_there_is_named(data: Path) -> None:
    with pytest.raises(CorpusError, match="tweeteval-emotion has no split 'dev' here; it has train, val"):
        rows.read_source(Check("tweeteval-emotion", "dev"), SCHEMES, data, 0)
    with pytest.raises(CorpusError, match="no post with image"):
        rows.read_source(TrainingSource("tweeteval-emotion", modalities=("image",)), SCHEMES, data, 0)


def test_own_targets_are_of_one_modality() -> None:
    example = Example(
        Post("happy", picture(0)),
        {"sentiment": ("positive",)},
        {"sentiment": ("neutral",)},
        {"sentiment": ("negative",)},
    )
    text = rows._row(example, TrainingSource("fi", modalities=("text",), targets="own"), SCHEMES)
    image = rows._row(example, TrainingSource("fi", modalities=("image",), targets="own"), SCHEMES)
    assert (text["labels_sentiment"], text["image_bytes"]) == ([0, 1, 0], None)
    assert (image["labels_sentiment"], image["text"]) == ([1, 0, 0], None)
    with pytest.raises(RecipeError, match="naming one modality"):
        rows._row(example, TrainingSource("fi", targets="own"), SCHEMES)


@pytest.mark.parametrize("text", ["", "  ", "\x00", None])
def test_a_text_of_nothing_is_no_text(text: str | None) -> None:
    assert post_rows([Post(text, picture(0))])["text"][:] == [None]


def test_leaks_are_left_out(tmp_path: Path) -> None:
    kept_file = tmp_path / "same.png"
    kept_file.write_bytes(picture(1))
    seen = [Post("What a HAPPY day this was", picture(1)), Post("thank you"), Post(image=picture(2))]
    training = [
        Post("what a happy day THIS was"),  # the same words
        Post("what a happy day &amp; night this was"),  # nearly
        Post("what a happy and very long night this was"),
        Post("thank you"),  # too short to be a leak
        Post("quite another text", str(kept_file)),  # the same bytes, in a file
        Post(image=picture(2)),
        Post(image=picture(3)),
        Post("yet another text here", str(tmp_path / "none.png")),  # an unreadable picture is no leak
    ]
    clean = keep_clean(post_rows(training), find_leaks(post_rows(training), [post_rows(seen)]))
    assert [row["text"] for row in clean] == [
        "what a happy and very long night this was",
        "thank you",
        None,
        "yet another text here",
    ]
    found = find_leaks(post_rows(training), [post_rows(seen)], cache=tmp_path / "facts")
    assert [(leak.row, leak.kind) for leak in found] == [
        (0, "text"),
        (1, "near text"),
        (4, "picture"),
        (5, "picture"),
    ]
    assert find_leaks(post_rows(training), []) == []


def test_near_pictures_leak_and_other_ones_do_not(tmp_path: Path) -> None:
    """A photo smaller and compressed anew is the same; a face of a few pixels must be nearer."""
    blocks = np.random.default_rng(5).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    photo = Image.fromarray(blocks).resize((320, 240), Image.Resampling.BICUBIC)
    smaller = io.BytesIO()
    photo.resize((200, 150)).save(smaller, format="JPEG", quality=60)
    whole = io.BytesIO()
    photo.save(whole, format="PNG")
    training = [Post(image=smaller.getvalue(), id="copy"), Post(image=picture(8, side=200), id="other")]
    seen = [Post("with words", picture(9)), Post(image=whole.getvalue(), id="photo")]
    (leak,) = find_leaks(post_rows(training), [post_rows(seen[:1]), post_rows(seen[1:])], cache=tmp_path)
    assert (leak.kind, leak.id, leak.repeats) == ("near picture", "fi/train/copy", "fi/train/photo")
    write_leaks(tmp_path / "leaks.csv", [leak])
    assert (tmp_path / "leaks.csv").read_text() == (
        "id,kind,repeats\nfi/train/copy,near picture,fi/train/photo\n"
    )


def test_names_like_formulas_stay_what_they_are(tmp_path: Path) -> None:
    names = ["=1+1", "-5", "@me"]
    write_leaks(tmp_path / "leaks.csv", [Leak(0, "text", name, name) for name in names])
    write_skipped(tmp_path / "skipped.csv", [Skipped(name, name, "+broken") for name in names])
    for file in ("leaks.csv", "skipped.csv"):
        with (tmp_path / file).open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        assert [row["id"] for row in rows] == names
    assert {row["error"] for row in rows} == {"+broken"}


def test_a_broken_picture_is_left_out_and_told(data: Path, tmp_path: Path) -> None:
    whole = picture(1, side=120)
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    cut = str(tmp_path / "cut.png")
    given = list(post_rows([Post("words", whole, "a"), Post("words", cut, "b"), Post("words", None, "c")]))
    for _ in range(2):  # the second time from the cache
        kept, skipped = without_unreadable(given, "three", cache=tmp_path / "cache")
        assert [row["id"] for row in kept] == ["fi/train/a", "fi/train/c"]
        (row,) = skipped
        assert (row.id, row.image) == ("fi/train/b", cut)
        assert "cut.png" in row.error
    write_skipped(tmp_path / "run" / "skipped.csv", skipped)
    assert (tmp_path / "run" / "skipped.csv").read_text().startswith("id,image,error\nfi/train/b,")
    write_skipped(tmp_path / "run" / "skipped.csv", [])
    assert not (tmp_path / "run" / "skipped.csv").exists()


def test_only_broken_pictures_are_an_error(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "FI" / "amusement").mkdir(parents=True, exist_ok=True)
        (tmp_path / "FI" / "amusement" / f"{name}.jpg").write_bytes(b"\xff\xd8\xff no picture")
    with pytest.raises(CorpusError, match="fi, split all: none of its 2 pictures can be decoded"):
        rows.read_source(TrainingSource("fi", "all"), SCHEMES, tmp_path, 0)


def test_a_split_of_a_file(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "splits.csv"
    file.write_text("id,split,group\nval-1,train,0\ntrain-2,train,1\ntrain-3,dev,2\n", encoding="utf-8")
    found = rows.read_source(TrainingSource("tweeteval-sentiment", f"train@{file}"), SCHEMES, data, 0).dataset
    assert found["id"][:] == [f"tweeteval-sentiment/train@{file}/{post}" for post in ("train-2", "val-1")]
    with pytest.raises(CorpusError, match=r"has no split 'test' here; it has train, dev"):
        rows.corpus_split("tweeteval-sentiment", f"test@{file}", data)


def test_prepared_rows_know_what_may_share_a_batch() -> None:
    posts = [
        Post("happy day"),
        Post("sad", picture(0)),
        Post(image=picture(0, 80)),
        Post("a", picture(0, 33)),
    ]
    ready = prepare(post_rows(posts), tiny_processor())
    assert ready["row"][:] == [0, 1, 2, 3]
    assert ready["length"][:] == [4, 3, 0, 3]
    assert ready["small"][:] == [False, True, False, False]
    assert batch_kinds(ready).tolist() == [1, 1 + 2 + 4, 2, 1 + 2]
    processor = tiny_processor()
    processor.spec = replace(processor.image_spec, small_size=None).to_dict()
    assert not any(prepare(post_rows(posts), processor)["small"])


def test_a_batch_has_inputs_targets_and_weights() -> None:
    posts = [Post("happy day", picture(0, 80)), Post(image=picture(2, 80))]
    ready = prepare(post_rows(posts, TrainingSource("fi", weight=2.0)), tiny_processor())
    batch = Collator(tiny_processor(), SCHEMES)([ready[0], ready[1]])
    assert batch["present"].tolist() == [[True, True], [False, True]]
    assert batch["pixel_values"].shape == (2, 3, 64, 64)
    assert batch["labels_emotion"].shape == (2, 7)
    assert batch["weight"].tolist() == [2.0, 2.0]
    features = {"image": np.arange(8, dtype=np.float32).reshape(2, 4)}
    batch = Collator(tiny_processor(), [], features=features)([ready[1], ready[0]])
    assert batch["image_features"].tolist() == [[4, 5, 6, 7], [0, 1, 2, 3]]
    assert "pixel_values" not in batch


def test_augmented_pictures_differ_and_stay_pictures() -> None:
    posts = [Post(image=picture(0, 80)), Post(image=picture(2, 80))]
    ready = [*prepare(post_rows(posts), tiny_processor())]
    plain = Collator(tiny_processor(), [])(ready)["pixel_values"]
    moved = Collator(tiny_processor(), [], augmented=True)(ready)["pixel_values"]
    assert moved.shape == plain.shape
    assert not moved.equal(plain)
    assert moved.abs().max() < 1.5
