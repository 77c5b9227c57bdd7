"""The readers on the real data, where POSTHUE_DATA names it."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from posthue.data.corpora import load_corpus

DATA = os.environ.get("POSTHUE_DATA", "")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA, reason="POSTHUE_DATA is not set: no real corpora to read"),
]

COUNTS = {
    "mvsa-single": {"train": 3611, "dev": 450},
    "mvsa-enriched": {"train": 3611, "dev": 450, "rest": 358},
    "tweeteval-sentiment": {"train": 45602, "val": 2000},
    "tweeteval-emotion": {"train": 3257, "val": 374},
    "goemotions": {"train": 43410, "dev": 5426},
    "dair-emotion": {"train": 16000, "val": 2000},
    "fer2013": {"train": 28707, "public_test": 3589},
    "reddit-emotion": {"all": 3267},
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    splits = load_corpus(name, DATA).splits
    found = {split: len(splits[split]) for split in COUNTS[name]}
    assert found == COUNTS[name]


def test_mvsa_dev_is_the_published_one():
    dev = load_corpus("mvsa-single", DATA).splits["dev"]
    assert Counter(e.labels["sentiment"] for e in dev) == {
        ("positive",): 268,
        ("negative",): 135,
        ("neutral",): 47,
    }
    assert all(e.post.text and e.post.image.exists() for e in dev)


def test_goemotions_keeps_several_labels():
    dev = load_corpus("goemotions", DATA).splits["dev"]
    assert max(len(e.labels["emotion"]) for e in dev) > 1
    assert all(e.labels["emotion"] for e in dev)


def test_fer_pictures_are_png():
    example = load_corpus("fer2013", DATA).splits["public_test"][0]
    assert example.post.image.startswith(b"\x89PNG")


def test_reddit_titles_do_not_name_the_label():
    for example in load_corpus("reddit-emotion", DATA).splits["all"]:
        words = example.post.text.lower().split()
        assert not {"happy", "creepy", "rage", "gore"} & set(words)
