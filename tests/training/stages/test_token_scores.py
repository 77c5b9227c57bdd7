"""Token scores: what they compute, and that no post is scored by what it taught."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import torch
from datasets import Dataset

from posthue.errors import CorpusError
from posthue.model.encoders.token_scores import TokenScores
from posthue.training.datasets.rows import features_of
from posthue.training.stages.token_scores import score_texts, teach_token_scores
from tiny_models import WORDS, tiny_processor

pytestmark = pytest.mark.torch

SCHEMES = ("sentiment", "emotion")
SIZES = {"sentiment": 3, "emotion": 7}
KEYS = ("awful", "table", "happy")


def posts(
    texts: list[str | None], labels: list[int], corpus: str = "here", scheme: str = "sentiment"
) -> Dataset:
    rows: list[dict[str, Any]] = []
    for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
        targets = {f"labels_{s}": [0.0] * size for s, size in SIZES.items()}
        targets[f"labels_{scheme}"] = np.eye(SIZES[scheme])[label].tolist()
        known = {"id": f"{corpus}/train/{number}", "text": text, "image_path": None, "image_bytes": None}
        rows.append(known | targets | {"length": 0, "small": False, "weight": 1.0, "row": number})
    return Dataset.from_list(rows, features=features_of(SCHEMES))


def untaught(*schemes: str) -> TokenScores:
    return TokenScores(len(tiny_processor().tokenizer), [SIZES[scheme] for scheme in schemes])


def test_the_scores_are_the_formula() -> None:
    scores = TokenScores(4, [2, 3])
    weights = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [4.0, 0.0, 2.0], [9.0, 9.0, 9.0]])
    scores.teach(1, weights, torch.tensor([0.0, 4.0, 9.0, 1.0]), torch.tensor([0.5, 0.0, 0.0]))
    ids, mask = torch.tensor([[1, 2, 1, 3], [0, 0, 0, 3]]), torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0]])
    found = scores(ids, mask)
    raw = torch.tensor([6.0, 4.0, 8.0]) / (4.0 + 9.0 + 4.0) ** 0.5 + torch.tensor([0.5, 0.0, 0.0])
    torch.testing.assert_close(found[0, 2:], raw - raw.mean())
    torch.testing.assert_close(found[1, 2:], torch.tensor([1.0, -0.5, -0.5]) / 3)
    assert found[:, :2].abs().sum() == 0


def test_two_schemes_learn_each_from_its_own_corpus() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120).tolist()
    texts: list[str | None] = [
        " ".join(rng.permutation([KEYS[label], *rng.choice(WORDS[-6:], 3)])) for label in labels
    ]
    one, other = posts(texts, labels), posts(texts, [6 - label for label in labels], "there", "emotion")
    both = Dataset.from_list([*one, *other], features=features_of(SCHEMES))
    scores, processor = untaught(*SCHEMES), tiny_processor()
    sources = {"sentiment": "here", "emotion": "there"}
    found = teach_token_scores(scores, sources, processor, both, seed=0)
    assert found.shape == (240, 10)
    assert (found[:120, :3].argmax(1) == labels).all()
    assert (found[120:, 3:].argmax(1) == 6 - np.array(labels)).all()
    new = score_texts(scores, processor, ["what a HAPPY day", "awful @x", None])
    assert new[:2, :3].argmax(1).tolist() == [2, 0]
    assert new[:2, 3:].argmax(1).tolist() == [4, 6]
    assert new[:, 3 + 1].max() < new[:, 3 + 4].min()  # no post had that label
    empty = scores(**processor.tokens([""])).numpy()
    np.testing.assert_allclose(new[2:], empty)


def test_no_post_is_scored_by_what_it_taught() -> None:
    """Words of two equal posts alone tell their label only to a classifier that has seen one of them."""
    texts: list[str | None] = [f"{one} {two}" for one, two in zip(WORDS[:12], WORDS[12:24], strict=True)] * 2
    labels = ([0, 2] * 6) * 2
    scores, processor = untaught("sentiment"), tiny_processor()
    own = teach_token_scores(scores, {"sentiment": "here"}, processor, posts(texts, labels), seed=0)
    known = score_texts(scores, processor, texts)
    assert (known[:, [0, 2]].argmax(1) * 2 == labels).all()
    np.testing.assert_array_equal(own[:12], own[12:])
    assert np.abs(own[:, 0] - own[:, 2]).max() < np.abs(known[:, 0] - known[:, 2]).min()


@pytest.mark.parametrize(
    ("texts", "labels"), [([None, None], [0, 1]), (["a day", "a film"], [1, 1])], ids=["no text", "one label"]
)
def test_nothing_to_learn_from(texts: list[str | None], labels: list[int]) -> None:
    with pytest.raises(CorpusError, match=r"token_scores: no two labels of sentiment among \d texts of here"):
        teach_token_scores(
            untaught("sentiment"), {"sentiment": "here"}, tiny_processor(), posts(texts, labels), seed=0
        )
