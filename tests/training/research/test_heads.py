from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from posthue.errors import RecipeError
from posthue.model.fusion import Fusion, FusionSettings, make_fusion
from posthue.training.features.post_features import PostFeatures, views
from posthue.training.features.store import Ragged
from posthue.training.recipes.head_settings import HeadSettings
from posthue.training.research.candidates import (
    candidate,
    candidate_from_facts,
    check_list_name,
    parse_models,
)
from posthue.training.research.heads import head_logits, train_head, validation_loss
from posthue.training.stages.losses import focal_weight

pytestmark = pytest.mark.torch

TEXT, IMAGE, LABELS = 12, 20, 3
QUICK = HeadSettings(epochs=6, batch_size=32, learning_rate=5e-3, weight_decay=0.01)


def ragged(vectors: np.ndarray, rng: np.random.Generator, longest: int) -> Ragged:
    lengths = rng.integers(1, longest + 1, len(vectors))
    values = np.repeat(vectors, lengths, 0) + rng.normal(0, 0.3, (lengths.sum(), vectors.shape[1]))
    return Ragged(values.astype(np.float16), np.cumsum(lengths) - lengths, lengths)


def posts(n: int = 240, seed: int = 0, noise: float = 1.0) -> PostFeatures:
    """Posts whose text and image each tell the label, with noise; one in ten lacks one of them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, LABELS, n)
    centres = np.random.default_rng(99).normal(0, 1, (LABELS, TEXT + IMAGE))[labels]
    vectors = centres + rng.normal(0, noise, (n, TEXT + IMAGE))
    text, image = vectors[:, :TEXT].astype(np.float32), vectors[:, TEXT:].astype(np.float32)
    present = np.ones((n, 2), bool)
    present[::20, 0] = present[10::20, 1] = False
    return PostFeatures(
        torch.from_numpy(text),
        torch.from_numpy(image),
        torch.from_numpy(present),
        {"sentiment": torch.eye(LABELS)[torch.from_numpy(labels)]},
        ragged(text, rng, 6),
        ragged(image, rng, 4),
    )


TRAIN, DEV = posts(), posts(120, seed=1)


def maker(name: str) -> Callable[[], Fusion]:
    return lambda: candidate(name).make(TEXT, IMAGE, {"sentiment": LABELS})


def accuracy(fusion: Fusion, data: PostFeatures, state: int) -> float:
    present, rows = views(data)[state]
    logits = head_logits(fusion, data.select(rows.nonzero().squeeze(1).numpy()), present[rows])["sentiment"]
    return float((logits.argmax(1) == data.targets["sentiment"][rows].argmax(1).numpy()).mean())


@pytest.mark.parametrize("name", ["late", "early", "joint", "common-space", "attention", "gated"])
def test_every_fusion_learns_and_stands_a_missing_modality(name: str) -> None:
    settings = replace(QUICK, epochs=12, batch_size=16)
    head = train_head(maker(name), TRAIN, DEV, settings, seed=1)
    assert accuracy(head.fusion, DEV, 0) > 0.75
    assert min(accuracy(head.fusion, DEV, state) for state in (1, 2)) > 0.55


@pytest.mark.parametrize("name", ["joint", "attention"])
def test_the_same_seed_gives_the_same_head(name: str) -> None:
    state = torch.random.get_rng_state()
    heads = [train_head(maker(name), TRAIN, DEV, QUICK, seed=seed) for seed in (3, 3, 4)]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert heads[0].losses == heads[1].losses != heads[2].losses
    for one, other in zip(heads[0].fusion.parameters(), heads[1].fusion.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_best_epoch_is_kept_and_patience_ends() -> None:
    settings = replace(QUICK, epochs=60, learning_rate=0.05, patience=2, weight_decay=0.0)
    head = train_head(maker("early"), posts(40, noise=2.0), DEV, settings)
    assert len(head.losses) < 60
    assert head.epoch == 1 + int(np.argmin(head.losses))
    assert len(head.losses) == head.epoch + 2
    assert validation_loss(head.fusion, DEV) == pytest.approx(min(head.losses))


@pytest.mark.parametrize("optimizer", ["adamw", "radam", "sgd"])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_every_optimizer_and_loss_learns(optimizer: str, loss: str) -> None:
    settings = replace(QUICK, optimizer=optimizer, loss=loss, class_weights="sqrt", learning_rate=0.02)
    head = train_head(maker("joint"), TRAIN, DEV, settings)
    assert min(head.losses) < head.losses[0] or min(head.losses) < 0.8


def test_a_report_may_end_the_training() -> None:
    def stop(epoch: int, loss: float) -> None:
        if epoch == 2:
            raise StopIteration(str(loss))

    with pytest.raises(StopIteration):
        train_head(maker("joint"), TRAIN, DEV, QUICK, report=stop)


def test_focal_weights_fall_with_the_right_probability() -> None:
    logits = {"a": torch.tensor([[4.0, 0.0], [0.0, 4.0], [0.0, 0.0]])}
    targets = {"a": torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])}
    found = focal_weight(logits, targets, 2.0)
    p = torch.sigmoid(torch.tensor(4.0))
    assert found[:2].tolist() == pytest.approx([float((1 - p) ** 2), float(p**2)], rel=1e-4)
    assert found[2] == 0  # unlabelled


@pytest.mark.parametrize(
    "wrong", [{"optimizer": "adam"}, {"loss": "hinge"}, {"epochs": 0}, {"modality_dropout": 0.6}]
)
def test_wrong_settings_are_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        HeadSettings(**wrong)  # type: ignore[arg-type]


def test_names_of_models() -> None:
    found = parse_models("text, late:product,joint:pooling=max:hidden=64,text+lexicon,gated:dim=32")
    assert [c.kind for c in found] == ["single", "late", "joint", "single", "gated"]
    assert found[1].options["rule"] == "product"
    assert (found[2].options["pooling"], found[2].options["hidden"]) == ("max", 64)
    assert found[2].fixed == ("pooling", "hidden")
    assert (found[3].lexicons, found[3].modality) == ({"lexicon": ""}, "text")
    assert [c.wants_sequences() for c in parse_models("joint,attention")] == [False, True]
    beside = parse_models("text+words,gated+lexicon+words,words+lexicon,words")
    assert [(c.kind, list(c.lexicons), c.words) for c in beside] == [
        ("single", [], True),
        ("gated", ["lexicon"], True),
        ("words", ["lexicon"], False),
        ("words", [], False),
    ]
    assert [c.trained for c in beside] == [True, True, False, False]


def test_word_lists_stand_where_the_lexicon_may() -> None:
    lists = {"afinn": "d1", "my-own": "d2"}
    found = parse_models("afinn,words+afinn+lexicon,gated+my-own+words", lists)
    assert [(c.kind, dict(c.lexicons), c.words) for c in found] == [
        ("lexicon", {"afinn": "d1"}, False),
        ("words", {"afinn": "d1", "lexicon": ""}, False),
        ("gated", {"my-own": "d2"}, True),
    ]
    assert [c.trained for c in found] == [False, False, True]
    assert [candidate_from_facts(json.loads(json.dumps(c.facts()))) for c in found] == found
    with pytest.raises(RecipeError, match=r"\+lexicon or \+afinn"):
        parse_models("text+anew", lists)
    with pytest.raises(RecipeError, match=r"there are .*afinn"):
        parse_models("anew", lists)
    for name in ("words", "gated", "AFINN", "a+b", ""):
        with pytest.raises(RecipeError, match="cannot be called"):
            check_list_name(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("image+lexicon", "are of texts"),
        ("image+words", "are of texts"),
        ("text+colour", "may stand behind"),
        ("text+words+words", "may stand behind"),
        ("lexicon+words", r"words\+lexicon to learn"),
        ("words:dim=3", "write lexicon"),
        ("picture", "no model is called"),
    ],
)
def test_names_that_are_no_model(name: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        candidate(name)


def test_extra_numbers_stand_beside_every_token() -> None:
    extra = torch.arange(2.0 * len(TRAIN)).reshape(-1, 2) % 7
    wide = replace(TRAIN, extra=extra).select(range(5, 40)).with_extra()
    assert wide.text is not None
    assert torch.equal(wide.text[:, TEXT:], extra[5:40])
    rows = np.array([0, 3, 9])
    text, _ = wide.batch(rows, sequences=True)
    plain, _ = TRAIN.select(range(5, 40)).batch(rows, sequences=True)
    assert text is not None and plain is not None
    assert torch.equal(text.sequence[..., :TEXT], plain.sequence)
    assert torch.equal(text.mask, plain.mask)
    assert torch.equal(text.sequence[1][text.mask[1]][:, TEXT:], extra[8].expand(int(text.mask[1].sum()), 2))


def test_a_post_without_a_sequence_is_masked() -> None:
    values = np.arange(12, dtype=np.float16).reshape(6, 2)
    found, mask = Ragged(values, np.array([4, 0, 0]), np.array([2, 0, 3])).padded(np.array([0, 1, 2]))
    assert mask.tolist() == [[True, True, False], [False] * 3, [True] * 3]
    assert found[0].tolist() == [[8, 9], [10, 11], [0, 0]]
    empty, mask = Ragged(values, np.array([0]), np.array([0])).padded(np.array([0]))
    assert (empty.shape, mask.tolist()) == ((1, 1, 2), [[False]])


def test_a_head_is_a_fusion_of_the_house() -> None:
    head = train_head(maker("joint"), TRAIN, DEV, QUICK)
    again = make_fusion(
        "joint", FusionSettings(TEXT, IMAGE, {"sentiment": LABELS}, candidate("joint").options)
    )
    again.load_state_dict(head.fusion.state_dict())
