from __future__ import annotations

import pytest

pytest.importorskip("pycld2")

from posthue.data.language import UNKNOWN, detect_language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("@you so happy to see all of my friends tonight https://t.co/x", "en"),
        ("Qué día tan bonito para estar con la familia", "es"),
        ("Das Wetter ist heute wirklich schön in Berlin", "de"),
        ("Сегодня хороший день чтобы погулять", "ru"),
        ("今日はとても楽しかったです", "ja"),
    ],
)
def test_the_language_of_posts(text: str, code: str) -> None:
    assert detect_language(text) == code


@pytest.mark.parametrize("text", ["", "@you http://t.co/x", "\ud83d \x00\x01", "12345"])
def test_where_there_is_nothing_to_tell(text: str) -> None:
    assert detect_language(text) == UNKNOWN
