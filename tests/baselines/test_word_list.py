"""Word lists of the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from posthue.baselines.word_list import WordList, read_word_list
from posthue.errors import TableError

LIST = WordList(
    {
        "good": 3.0,
        "bad": -3.0,
        "not good": -2.0,
        "can't stand": -3.0,
        "love*": 2.0,
        "\U0001f600": 2.0,
        "meh": 0.0,
        "self-pity*": -2.0,
        ":)": 1.0,
        ":*": 2.0,
        "café": 3.0,
        "अच": -2.0,
    }
)


@pytest.mark.parametrize(
    ("text", "tally"),
    [
        ("Good, GOOD day", (6.0, 2, 0)),
        ("this is not good", (-2.0, 0, 1)),  # the phrase, and not the word in it
        ("I can’t stand it", (-3.0, 0, 1)),
        ("#bad @good https://good.com", (-3.0, 0, 1)),  # mentions and links are not words
        ("lovely loves glove", (4.0, 2, 0)),
        ("so-good goodness", (3.0, 1, 0)),
        ("self-pitying", (-2.0, 0, 1)),  # a stem with a hyphen
        ("\U0001f600\U0001f600!", (4.0, 2, 0)),
        ("\U0001f600\ufe0f\U0001f600", (4.0, 2, 0)),
        ("nice!:)", (1.0, 1, 0)),
        ("(so :))", (1.0, 1, 0)),
        ("Photo: a bag", (0.0, 0, 0)),  # :* is no stem
        (":* cafe\u0301", (5.0, 2, 0)),
        ("can`t stand, can\u02bct stand", (-6.0, 0, 2)),
        ("अच्छा", (0.0, 0, 0)),  # marks belong to their word
        ("good &amp; bad, meh", (0.0, 1, 1)),
        ("", (0.0, 0, 0)),
    ],
)
def test_what_a_text_has_of_the_list(text: str, tally: tuple[float, int, int]) -> None:
    assert LIST.tally(text) == tally


def test_the_likeliest_label_is_the_sign_of_the_sum() -> None:
    texts = ["good", "bad", "good bad", "the table", ""]
    features, found = LIST.predict(texts)
    assert found.argmax(1).tolist() == [2, 0, 1, 1, 1]
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-6)
    surer = LIST.predict(["good good good"]).probabilities
    assert surer[0, 2] > found[0, 2] > 0.5
    assert features.shape == (5, 6)
    assert features[0, 0] == -features[1, 0] > 0
    assert LIST.predict([]).features.shape == (0, 6)
    assert LIST.predict([]).probabilities.shape == (0, 3)


def test_the_scale_of_the_scores_does_not_matter() -> None:
    small = WordList({word: score / 100 for word, score in LIST.scores.items()})
    texts = ["good", "good good bad", "bad", "not good", "-"]
    np.testing.assert_allclose(
        small.predict(texts).probabilities, LIST.predict(texts).probabilities, rtol=1e-5
    )
    assert small.digest != LIST.digest


@pytest.mark.parametrize(
    ("content", "scores"),
    [
        ("good\t3\nnot good\t-2\n:)\t2\n", {"good": 3, "not good": -2, ":)": 2}),
        ('word,score,more\nGood,0.5,x\n"well, well",-1,y\n', {"good": 0.5, "well, well": -1}),
        (";)\t2\n;-(\t-2\n", {";)": 2, ";-(": -2}),
        ('"good" 2\n"bad"\t-2\n', {"good": 2, "bad": -2}),
        ("word;score\ngood;2,5\nbad;-1,5\n", {"good": 2.5, "bad": -1.5}),
        ("बुद्धिमान\t2\nअच\t-1\n", {"बुद्धिमान": 2, "अच": -1}),
        ("; a comment\n\nword score\ngood 1.5\nso so -1\n", {"good": 1.5, "so so": -1}),
        ("good\tpositive\nbad\tnegative\nok\tneutral\n", {"good": 1, "bad": -1, "ok": 0}),
        ("good\t1\ngood\t2\nbad\t-1\n", {"good": 1.5, "bad": -1}),
    ],
)
def test_files_of_many_kinds(tmp_path: Path, content: str, scores: dict[str, float]) -> None:
    (tmp_path / "list.txt").write_text(content, encoding="utf-8")
    assert read_word_list(tmp_path / "list.txt").scores == scores


def test_a_list_in_windows_letters(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_bytes("naïve\t-1\r\nclichéd\t-2\r\n".encode("cp1252"))
    assert read_word_list(tmp_path / "list.tsv").tally("Clichéd!").total == -2


def test_the_folder_of_the_opinion_lexicon(tmp_path: Path) -> None:
    (tmp_path / "positive-words.txt").write_text("; Hu and Liu\n\ngood\nenvious\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"negative-words\.txt is missing"):
        read_word_list(tmp_path)
    (tmp_path / "negative-words.txt").write_bytes("bad\nenvious\nna\xefve\n".encode("latin-1"))
    assert read_word_list(tmp_path).scores == {"good": 1, "bad": -1, "naïve": -1, "envious": 0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("good\t3\nbad\tawful\n", r"line 2: 'awful' is no score of 'bad'"),
        ("good\t3\nbad\tnan\n", "line 2"),
        ("good\t3\n\t-1\n", "line 2"),
        ('good,3\n"bad, very"\n', "line 2"),
        ("good 3\n" + "x" * 200_000 + ",1\n", "line 2"),
        ("good 3\nbad\n", "line 2"),
        ("one two three four five six\t1\n", "a phrase of up to five"),
        ("good\t0\n", "no word has a score"),
        ("good\t8\nbad\t2\n", "subtract the middle"),
        ("good\t1e308\n bad\t1e308\nworse\t1e308\n", "line 2"),
        ("not good*\t-2\n", "may end one word"),
        ("", "no word has a score"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "list.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(TableError, match=said):
        read_word_list(tmp_path / "list.tsv")


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        read_word_list(tmp_path / "none.txt")
