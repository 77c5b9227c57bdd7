from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from posthue.data.duplicates.grouping import UnionFind, keep_first, merge_groups
from posthue.data.duplicates.hashing import count_bits
from posthue.data.duplicates.images import image_groups, image_hash, image_hashes
from posthue.data.duplicates.posts import group_posts
from posthue.data.duplicates.texts import text_groups, text_tokens
from posthue.errors import ImageError
from posthue.posts import Post


def picture(seed, size=(320, 240)):
    """Smooth, like a photograph: blurred noise."""
    blocks = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)


def jpeg(image, quality=90):
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()


def test_union_find_keeps_the_first():
    union = UnionFind(5)
    union.join(4, 2)
    union.join(2, 1)
    assert union.groups() == [0, 1, 1, 3, 1]


def test_tokens_ignore_what_retweets_change():
    assert text_tokens("RT @ann: It&#39;s SO good!! 😀 https://t.co/x") == ("it", "s", "so", "good")


def test_the_same_words_are_one_group():
    texts = ["What a day", "other", "what a DAY!! http://t.co/1", None, "", "@ann", "RT @b what a day"]
    assert text_groups(texts) == [0, 1, 0, 3, 4, 5, 0]


LONG = "the quick brown fox jumps over the lazy dog near the old stone bridge at noon"


def test_a_small_change_in_a_long_text_is_near():
    texts = [LONG, "something else entirely is written in this one text", LONG.replace("noon", "dawn")]
    assert text_groups(texts) == [0, 1, 0]
    assert text_groups(texts, threshold=1) == [0, 1, 2]


def test_short_texts_are_near_only_when_equal():
    assert text_groups(["so very happy", "so very sad", "so very happy"]) == [0, 1, 0]


def test_different_texts_stay_apart():
    rng = np.random.default_rng(3)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 500, 12)) for _ in range(300)]
    assert text_groups(texts) == list(range(300))


def test_most_changed_copies_are_found():
    rng = np.random.default_rng(4)
    texts = [[f"w{i}" for i in rng.integers(0, 5000, 20)] for _ in range(100)]
    copies = [[*words[:-1], "changed"] for words in texts]
    groups = text_groups([" ".join(words) for words in texts + copies])
    assert groups == [*range(100), *range(100)]


def test_no_texts():
    assert text_groups([]) == []


def test_a_picture_is_near_its_smaller_and_rougher_copy():
    image = picture(1)
    copy = jpeg(image.resize((192, 144)), 60)
    sources = [jpeg(image), picture(2), copy, np.asarray(picture(2)), b"broken", None]
    assert image_groups(image_hashes(sources)) == [0, 1, 0, 1, 4, 5]


def test_different_pictures_are_far():
    hashes = image_hashes([picture(seed) for seed in range(100)])
    assert image_groups(hashes) == list(range(100))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I;16"])
def test_every_mode_has_a_hash(mode):
    image = Image.new("I;16", (40, 40)) if mode == "I;16" else picture(1).convert(mode)
    assert 0 <= image_hash(image) < 2**64


def test_hashing_leaves_the_picture_as_it_was():
    image = Image.open(io.BytesIO(jpeg(picture(1, (800, 600)))))
    image_hash(image)
    assert image.size == (800, 600)


def test_a_broken_picture_is_an_image_error(tmp_path):
    with pytest.raises(ImageError):
        image_hash(jpeg(picture(1))[:300])
    with pytest.raises(ImageError):
        image_hash(tmp_path / "missing.jpg")


def test_distance_is_counted_in_bits():
    hashes = [0, 0b1111, 0b11111, 1 << 63, None, (1 << 40) - 1]
    assert image_groups(hashes, max_distance=0) == [0, 1, 2, 3, 4, 5]
    assert image_groups(hashes, max_distance=1) == [0, 1, 1, 0, 4, 5]
    assert image_groups(hashes, max_distance=4) == [0, 0, 0, 0, 4, 5]


def test_every_pair_within_the_distance_is_found():
    rng = np.random.default_rng(5)
    for _ in range(50):
        value = int(rng.integers(0, 2**63))
        flipped = value
        for bit in rng.choice(63, 4, replace=False):
            flipped ^= 1 << int(bit)
        assert image_groups([value, flipped], max_distance=4) == [0, 0]
        assert image_groups([value, flipped], max_distance=3) == [0, 1]


def test_posts_are_grouped_by_text_or_picture():
    posts = [
        Post(text="one", image=picture(1)),
        Post(text="two", image=picture(2)),
        Post(text="two", image=picture(3)),
        Post(image=picture(3)),
        Post(text="five"),
    ]
    groups = group_posts(posts)
    assert groups == [0, 1, 1, 1, 4]
    assert keep_first(groups) == [0, 1, 4]


def test_merging_joins_chains():
    assert merge_groups([0, 0, 2, 3], [0, 1, 1, 3]) == [0, 0, 0, 3]
    assert merge_groups([]) == []


def test_bits_are_counted():
    values = np.array([0, 1, 2**64 - 1, 0xF0F0, 1 << 63], dtype=np.uint64)
    assert count_bits(values[:, None]).tolist() == [0, 1, 64, 8, 1]
