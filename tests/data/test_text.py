from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthue.data.text import MAX_CHARS, count_words, normalise_tweet

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
TRICKY = st.lists(
    st.sampled_from(
        [
            "&",
            "amp;",
            "#",
            "39;",
            "lt;",
            "\\",
            "u00",
            "26",
            "ud83d",
            "n",
            '"',
            "@",
            "http",
            " ",
            "\0",
            "a",
            "😀",
        ]
    )
).map("".join)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("@anna hi @bob: you", "@user hi @user you"),
        ("@ alone", "@ alone"),
        ("me@mail.org", "me@mail.org"),
        ("see https://t.co/a1 http", "see http http"),
        ("it\\u2019s\\u002c \\u2601\\uFE0F", "it’s, ☁\ufe0f"),
        ("\\ud83d\\ude00 \\U0001F600 \ud83d\ude00", "😀 😀 😀"),
        ("a\ud83db \\ude00", "ab"),
        ("rock &amp; roll &amp;lt;3 &#039;x&#39;", "rock & roll <3 'x'"),
        ("&nbsp;a\t\n  b\\nc ", "a b c"),
        ('\\""quoted\\""', '"quoted"'),
        ("h\0e\x07l\x9flo", "hello"),
        ("👩‍👩‍👧 ❤️ 🇪🇪", "👩‍👩‍👧 ❤️ 🇪🇪"),
        ("\\m/ \\o/ \\u12", "\\m/ \\o/ \\u12"),
        ("سلام @ali", "سلام @user"),
        ("", ""),
        (" \n\0", ""),
    ],
)
def test_normalises_as_tweet_models_expect(raw: str, clean: str) -> None:
    assert normalise_tweet(raw) == clean


def test_cuts_absurdly_long_texts() -> None:
    assert len(normalise_tweet("ab " * 400_000)) <= MAX_CHARS
    assert len(normalise_tweet("@a " * 400_000)) <= MAX_CHARS


@given(ANY_TEXT | TRICKY)
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalise_tweet(text)
    assert normalise_tweet(once) == once
    once.encode("utf-8")


def test_deep_escapes_are_bounded() -> None:
    assert len(normalise_tweet("&" + "amp;" * 2400)) < MAX_CHARS


@pytest.mark.parametrize(("text", "words"), [("", 0), ("@a http://x !!! 😀", 0), ("what a day, @bob", 3)])
def test_counts_words(text: str, words: int) -> None:
    assert count_words(text) == words
