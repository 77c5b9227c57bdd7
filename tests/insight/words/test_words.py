from __future__ import annotations

from collections import Counter
from math import log, sqrt

import pytest

from posthue.data.text import masked
from posthue.insight.words.terms import (
    STOP_WORDS,
    count_terms,
    distinctive,
    dominating,
    emoji_in,
    emoji_name,
    hashtags_in,
    top_terms,
    words_in,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RT @anna: Don’t GO!! http://t.co/x 24 7th", ["don't", "go", "7th"]),
        ("#So_happy AT&amp;T a.b", ["so_happy", "at", "t", "a", "b"]),
        (".@realbob what a game (https://t.co/abc123)", ["what", "a", "game"]),
        ("“@anna_k: so sad” see www.example.org/x.", ["so", "sad", "see"]),
        ("مرحبا بكم", ["مرحبا", "بكم"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("😂😂 !!! ???", []),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_in(text) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (".@realbob what a game (https://t.co/abc123)", ".@user what a game (http)"),
        ("“@anna_k: so sad", "“@user: so sad"),
        ("(WWW.example.org), “HTTPS://t.co/Ab?”", "(http), “http?”"),
        ("via/@bob@social.example.org!", "via/@user!"),
        ("mail me@example.org @ noon", "mail me@example.org @ noon"),
    ],
)
def test_mentions_and_links_are_masked_wherever_they_stand(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown


def test_hashtags_are_not_numbers_or_entities() -> None:
    assert hashtags_in("#One (#two) x#three &#39; #4 #5th") == ["#one", "#two", "#5th"]


def test_emoji_are_whole_and_without_skin() -> None:
    family = "👨‍👩‍👧"
    assert emoji_in(f"ok 👍🏽👍 ❤️{family} 🇷🇺🇫🇷 1️⃣ a1 #2") == ["👍", "👍", "❤", family, "🇷🇺", "🇫🇷", "1⃣"]
    assert emoji_name("🇷🇺") == "flag RU"
    assert emoji_name(family) == "man"
    assert emoji_name("❤") == "heavy black heart"


def test_counting_takes_every_label_of_a_text() -> None:
    counts = count_terms([("a b a", ("x", "y")), ("b", ("y",))], order=("z", "y"))
    assert list(counts.by_label) == ["z", "y", "x"]
    assert counts.by_label["y"] == Counter(a=2, b=2)
    assert counts.texts == {"z": 0, "y": 2, "x": 1}
    assert top_terms(counts, stop={"a"})["x"] == [("b", 1)]
    assert top_terms(counts, top=1)["z"] == []


def test_log_odds_is_that_of_the_paper() -> None:
    counts = count_terms([("good good bad it", ("p",)), ("bad bad it it good", ("n",))])
    prior, found = 3.0, distinctive(counts, prior=3.0, stop=frozenset())
    total, size = counts.total, 9
    assert total == Counter(good=3, bad=3, it=3)

    def z(word: str, here: str, there: str) -> float:
        a = prior * total[word] / size
        one, other = counts.by_label[here], counts.by_label[there]
        odds = [(c[word] + a) / (c.total() + prior - c[word] - a) for c in (one, other)]
        return (log(odds[0]) - log(odds[1])) / sqrt(1 / (one[word] + a) + 1 / (other[word] + a))

    assert [item.term for item in found["p"]] == ["good"]
    assert found["p"][0].score == pytest.approx(z("good", "p", "n"))
    assert (found["p"][0].count, found["p"][0].elsewhere) == (2, 1)
    assert {item.term: item.score for item in found["n"]}["bad"] == pytest.approx(z("bad", "n", "p"))


def test_words_that_are_everywhere_tell_nothing() -> None:
    rows = [
        (f"feel like {word}", (label,))
        for label, word in (("joy", "sun"), ("fear", "dark"))
        for _ in range(50)
    ]
    counts = count_terms(rows)
    found = distinctive(counts)
    assert [item.term for item in found["joy"]] == ["sun"]
    assert [item.term for item in found["fear"]] == ["dark"]
    assert dominating(counts) == ["feel", "like"]
    assert top_terms(counts, top=1)["joy"] == [("feel", 50)]


def test_rare_words_do_not_stand_out() -> None:
    rows = [("great day", ("joy",))] * 30 + [("bad day", ("fear",))] * 30 + [("zyzzyva day", ("joy",))]
    scores = {item.term: item.score for item in distinctive(count_terms(rows))["joy"]}
    assert scores["great"] > 2 * scores.get("zyzzyva", 0.0)


def test_one_label_or_no_text_has_nothing_telling() -> None:
    assert distinctive(count_terms([("happy day", ("joy",))])) == {"joy": []}
    assert distinctive(count_terms([])) == {}
    assert dominating(count_terms([("happy day", ("joy",))])) == []


def test_negations_are_no_stop_words() -> None:
    assert not {"not", "no", "never", "don't", "like", "feel"} & STOP_WORDS


def test_of_many_texts_a_word_is_shown_that_occurs_more_than_once() -> None:
    rows = [(f"sunny day word{i}", ("joy",)) for i in range(30)] + [("grey day", ("sadness",))] * 30
    assert [item.term for item in distinctive(count_terms(rows))["joy"]] == ["sunny"]
    assert len(distinctive(count_terms(rows), least=1, top=50)["joy"]) == 31
