from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("vaderSentiment")

from posthue.baselines import vader as lexicon
from posthue.baselines.vader import lexicon_features, lexicon_probabilities


def test_the_likeliest_label_is_that_of_the_published_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = [-1.0, -0.05, -0.0499, 0.0, 0.0499, 0.05, 1.0]
    rows = np.array([[0, 1, 0, score] for score in scores], dtype=np.float32)
    monkeypatch.setattr(lexicon, "lexicon_features", lambda texts: rows)
    found = lexicon_probabilities([""] * len(scores))
    assert found.argmax(1).tolist() == [0, 0, 1, 1, 1, 2, 2]
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-6)
    assert found[-1, 2] > found[-2, 2]


def test_feelings_are_read_from_words_and_emoji() -> None:
    texts = ["I love this great day", "what an awful, horrible film", "the table", "\N{CRYING FACE}"]
    assert lexicon_probabilities(texts).argmax(1).tolist() == [2, 0, 1, 0]


def test_mentions_links_and_entities_do_not_change_the_scores() -> None:
    plain, dressed = lexicon_features(["good & nice", "@anna good &amp;amp; nice https://t.co/x"])
    np.testing.assert_array_equal(plain, dressed)
    assert plain[:3].sum() == pytest.approx(1.0, abs=2e-3)


def test_a_text_without_words_is_neutral() -> None:
    np.testing.assert_array_equal(lexicon_features(["", "https://t.co/x"]), [[0, 1, 0, 0]] * 2)
    assert lexicon_probabilities(["", " "]).argmax(1).tolist() == [1, 1]
    assert lexicon_features([]).shape == (0, 4)
