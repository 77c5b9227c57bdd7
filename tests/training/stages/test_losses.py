from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch.nn.functional import cross_entropy, one_hot

from posthue.training.stages.losses import (
    class_weights_of,
    modality_states,
    scheme_losses,
    soft_cross_entropy,
    weighted_targets,
)

pytestmark = pytest.mark.torch

LABELS = torch.tensor([0, 2, 1, 2, 2])


def logits(seed: int = 0, labels: int = 3) -> torch.Tensor:
    return torch.randn(len(LABELS), labels, generator=torch.Generator().manual_seed(seed))


def targets() -> torch.Tensor:
    return one_hot(LABELS, 3).float()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_is_torchs_cross_entropy(smoothing: float) -> None:
    loss, count = soft_cross_entropy(logits(), targets(), weight=torch.ones(5), label_smoothing=smoothing)
    expected = cross_entropy(logits(), LABELS, label_smoothing=smoothing, reduction="sum")
    torch.testing.assert_close(loss, expected)
    assert count == 5


def test_is_torchs_cross_entropy_with_class_weights() -> None:
    weights = torch.tensor([0.5, 2.0, 1.0])
    loss, count = soft_cross_entropy(logits(), targets(), weight=torch.ones(5), class_weights=weights)
    torch.testing.assert_close(loss / count, cross_entropy(logits(), LABELS, weight=weights))


def test_class_weights_are_those_of_scikit_learn() -> None:
    compute = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    rows = torch.cat([one_hot(LABELS, 4).float(), torch.zeros(2, 4)])  # no label 3; two rows without a label
    unlabelled = torch.zeros(7, 2)
    weights = class_weights_of({"mood": rows, "other": unlabelled}, "balanced")
    expected = [*compute("balanced", classes=np.arange(3), y=LABELS.numpy()), 0.0]
    assert weights["mood"].tolist() == pytest.approx(expected)
    assert set(weights) == {"mood"}
    torch.testing.assert_close(class_weights_of({"mood": rows}, "sqrt")["mood"], weights["mood"].sqrt())
    assert class_weights_of({"mood": rows}, "none") == {}


def test_soft_targets_as_torchs() -> None:
    soft = torch.softmax(logits(7), -1)
    loss, _ = soft_cross_entropy(logits(), soft, weight=torch.ones(5), label_smoothing=0.1)
    torch.testing.assert_close(loss, cross_entropy(logits(), soft, label_smoothing=0.1, reduction="sum"))


def test_a_row_without_labels_counts_nothing() -> None:
    scores, truth = logits().requires_grad_(), targets()
    truth[3] = 0.0
    loss, count = soft_cross_entropy(
        scores, truth, weight=torch.ones(5), class_weights=torch.ones(3), label_smoothing=0.2
    )
    loss.backward()
    assert count == 4
    assert scores.grad is not None
    assert scores.grad[3].abs().sum() == 0
    assert scores.grad[2].abs().sum() > 0


def test_the_weight_of_a_row_scales_its_loss() -> None:
    weight = torch.tensor([0.0, 1.0, 0.0, 0.0, 3.0])
    loss, count = soft_cross_entropy(logits(), targets(), weight=weight)
    each = cross_entropy(logits(), LABELS, reduction="none")
    torch.testing.assert_close(loss, each[1] + 3 * each[4])
    assert count == 4


def test_schemes_add_up_over_the_rows() -> None:
    scores = {"sentiment": logits(), "emotion": logits(1, 7)}
    truth = {"sentiment": targets(), "emotion": torch.zeros(5, 7)}
    truth["emotion"][0, 4] = 1.0
    found = scheme_losses(scores, truth, weight=torch.ones(5), class_weights={}, label_smoothing=0.0)
    one = cross_entropy(logits(1, 7)[:1], torch.tensor([4]), reduction="sum")
    torch.testing.assert_close(found, (cross_entropy(logits(), LABELS, reduction="sum") + one) / 5)


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.25, 0.5])
def test_modality_dropout_never_shows_nothing(dropout: float) -> None:
    present = torch.tensor([[True, True], [True, False], [False, True]])
    states = modality_states(present, dropout)
    total = torch.stack([probability for _, probability in states]).sum(0)
    torch.testing.assert_close(total, torch.ones(3))
    for shown, probability in states:
        assert bool((probability >= 0).all())
        assert bool(shown.any(dim=1)[probability > 0].all())
        assert not bool((shown & ~present).any())
    assert states[0][1][1:].tolist() == [1.0, 1.0]


def test_modality_dropout_shows_each_part_of_a_full_post() -> None:
    (_, whole), (text, a), (image, b) = modality_states(torch.tensor([[True, True]]), 0.25)
    assert (whole.item(), a.item(), b.item()) == (0.5, 0.25, 0.25)
    assert (text.tolist(), image.tolist()) == ([[True, False]], [[False, True]])


def test_a_batch_without_full_posts_has_one_state() -> None:
    assert len(modality_states(torch.tensor([[True, False], [False, True]]), 0.25)) == 1


def test_weighted_targets_carry_the_whole_loss_into_a_fusion() -> None:
    truth = targets()
    truth[3] = 0.0
    settings = {"weight": torch.tensor([1.0, 2.0, 0.5, 1.0, 0.0]), "label_smoothing": 0.1}
    classes = torch.tensor([0.5, 2.0, 1.0])
    loss, _ = soft_cross_entropy(logits(), truth, class_weights=classes, **settings)
    found = weighted_targets({"mood": truth}, class_weights={"mood": classes}, **settings)["mood"]
    torch.testing.assert_close(-(found * torch.log_softmax(logits(), -1)).sum(), loss)
    assert not found[3].any()
