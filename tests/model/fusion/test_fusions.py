from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, log_softmax, softmax

from posthue.errors import RecipeError
from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion import (
    Fusion,
    FusionSettings,
    check_fusion_options,
    make_fusion,
    tune_late_weight,
)

pytestmark = pytest.mark.torch

SCHEMES = {"sentiment": 3, "emotion": 7}
BOTH = FusionSettings(6, 4, SCHEMES)
PRESENT = torch.tensor([[True, True], [True, False], [False, True]])
FULL = torch.ones(4, 2, dtype=torch.bool)
KINDS: list[tuple[str, dict[str, Any]]] = [
    *[("joint", {"pooling": pooling}) for pooling in ("mean", "sum", "max")],
    *[("late", {"rule": rule}) for rule in ("mean", "product", "learned", "tuned")],
    ("early", {}),
    ("early", {"hidden": 5, "norm": False}),
    ("common-space", {}),
    ("common-space", {"form": "contrastive"}),
    ("attention", {"dim": 8, "heads": 2}),
    ("attention", {"dim": 8, "heads": 2, "sequences": False}),
    ("gated", {"dim": 8}),
    ("gated", {"dim": 8, "text_hidden": 6}),
    ("gated", {"dim": 8, "heads": 2, "sequences": True}),
]
every_kind = pytest.mark.parametrize(
    ("kind", "options"), KINDS, ids=lambda v: v if isinstance(v, str) else ",".join(map(str, v.values()))
)


def make(kind: str, **options: object) -> Fusion:
    """A fusion whose every weight is random, so that nothing is hidden by a zero."""
    torch.manual_seed(0)
    fusion = make_fusion(kind, FusionSettings(6, 4, SCHEMES, options)).eval()
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.add_(torch.randn_like(parameter) / 4)
    return fusion


def vectors(seed: int, rows: int = 3) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 6, generator=random), torch.randn(rows, 4, generator=random)


def encoded(seed: int, rows: int = 3) -> tuple[EncodedBatch, EncodedBatch]:
    """Vectors with sequences of which the last steps are padding."""
    random = torch.Generator().manual_seed(seed)
    text, image = vectors(seed, rows)
    lengths = torch.arange(rows) % 4 + 2
    mask = torch.arange(5)[None, :] < lengths[:, None]
    return (
        EncodedBatch(text, torch.randn(rows, 5, 6, generator=random), mask),
        EncodedBatch(image, torch.randn(rows, 9, 4, generator=random), torch.ones(rows, 9, dtype=torch.bool)),
    )


def spoiled(given: EncodedBatch, row: int, value: float) -> EncodedBatch:
    pooled, sequence = given.pooled.clone(), given.sequence.clone()
    pooled[row], sequence[row] = value, value
    return EncodedBatch(pooled, sequence, given.mask)


def targets(labels: list[int | None]) -> dict[str, Tensor]:
    rows = torch.zeros(len(labels), 3)
    for row, label in enumerate(labels):
        if label is not None:
            rows[row, label] = 1.0
    return {"sentiment": rows, "emotion": torch.zeros(len(labels), 7)}


@torch.no_grad()
@every_kind
def test_what_is_absent_changes_nothing(kind: str, options: Mapping[str, Any]) -> None:
    fusion, (text, image) = make(kind, **options), encoded(1)
    before = fusion(text, image, PRESENT).logits
    for value in (1e6, -1e6, float("nan")):
        after = fusion(spoiled(text, 2, value), spoiled(image, 1, value), PRESENT).logits
        for scheme, labels in SCHEMES.items():
            assert before[scheme].shape == (3, labels)
            assert torch.isfinite(before[scheme]).all()
            assert torch.equal(before[scheme], after[scheme])


@torch.no_grad()
@every_kind
def test_a_batch_without_a_modality_is_as_one_that_masks_it(kind: str, options: Mapping[str, Any]) -> None:
    fusion, (text, image) = make(kind, **options), encoded(2)
    for state, given in (((True, False), (text, None)), ((False, True), (None, image))):
        present = torch.tensor([state]).expand(3, 2)
        expected = fusion(text, image, present).logits["emotion"]
        torch.testing.assert_close(fusion(*given, present).logits["emotion"], expected)
        torch.testing.assert_close(fusion(*given, torch.ones_like(present)).logits["emotion"], expected)


@torch.no_grad()
@every_kind
def test_both_modalities_have_a_say(kind: str, options: Mapping[str, Any]) -> None:
    fusion, (text, image), (other_text, other_image) = make(kind, **options), encoded(3), encoded(4)
    full = torch.ones(3, 2, dtype=torch.bool)
    before = fusion(text, image, full).logits["sentiment"]
    assert not torch.allclose(fusion(other_text, image, full).logits["sentiment"], before)
    assert not torch.allclose(fusion(text, other_image, full).logits["sentiment"], before)


@every_kind
def test_every_weight_that_learns_gets_a_gradient(kind: str, options: Mapping[str, Any]) -> None:
    fusion = make(kind, **options).train()
    if fusion.wants_sequences:
        text, image = encoded(5, rows=24)
    else:
        text, image = (EncodedBatch(values) for values in vectors(5, rows=24))
    present = PRESENT.repeat(8, 1)
    given = targets([0, 1, 2, 1] * 6)
    given["emotion"][:, 2] = 1.0
    output = fusion(text, image, present, given)
    losses = [-(given[s] * log_softmax(output.logits[s], -1)).sum() for s in SCHEMES]
    (sum(losses) + (output.loss if output.loss is not None else 0.0)).backward()
    without = [n for n, p in fusion.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # a text's key bias moves all scores of a query alike, so attention weights do not change with it
    assert [name for name in without if not name.endswith("key.bias")] == []


@torch.no_grad()
def test_pools_are_what_their_names_say() -> None:
    text, image = vectors(3)
    found = {}
    for pooling in ("mean", "sum", "max"):
        fusion = make("joint", pooling=pooling)
        both = torch.stack([text, fusion.project(image)], dim=1)
        found[pooling] = fusion.pool(both, torch.ones(3, 2, 1, dtype=torch.bool))
    torch.testing.assert_close(found["sum"], 2 * found["mean"])
    torch.testing.assert_close(found["sum"], both.sum(1))
    torch.testing.assert_close(found["max"], both.amax(1))


@torch.no_grad()
def test_single_is_a_linear_map_of_its_modality() -> None:
    fusion = make_fusion("single", FusionSettings(None, 4, SCHEMES)).eval()
    _, image = vectors(4)
    logits = fusion(None, EncodedBatch(image), PRESENT[:1]).logits
    torch.testing.assert_close(logits["sentiment"], fusion.heads["sentiment"](image))
    with pytest.raises(RecipeError, match="without the model's only modality"):
        fusion(None, None, PRESENT)


def late_parts(fusion: Fusion, text: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    return tuple(softmax(fusion.heads[i]["sentiment"](x), -1) for i, x in enumerate((text, image)))


@torch.no_grad()
def test_late_rules_combine_probabilities_as_they_say() -> None:
    text, image = vectors(6)
    full = torch.ones(3, 2, dtype=torch.bool)
    prior = torch.tensor([0.2, 0.3, 0.5])
    for rule in ("mean", "product", "learned", "tuned"):
        fusion = make("late", rule=rule)
        of_text, of_image = late_parts(fusion, text, image)
        fusion.set_prior("sentiment", prior.tolist())
        fusion.set_text_share("sentiment", 0.8)
        product = of_text * of_image / prior
        expected = {
            "mean": 0.8 * of_text + 0.2 * of_image,
            "product": product / product.sum(-1, keepdim=True),
        }
        found = fusion(EncodedBatch(text), EncodedBatch(image), full).logits["sentiment"]
        torch.testing.assert_close(found.exp(), expected.get(rule, expected["mean"]))
        alone = fusion(EncodedBatch(text), None, full).logits["sentiment"]
        torch.testing.assert_close(alone.exp(), of_text)
    mean = make_fusion("late", BOTH).eval()
    halves = sum(late_parts(mean, text, image)) / 2
    torch.testing.assert_close(
        mean(EncodedBatch(text), EncodedBatch(image), full).logits["sentiment"].exp(), halves
    )


@pytest.mark.parametrize("rule", ["mean", "product", "tuned"])
def test_late_classifiers_learn_apart(rule: str) -> None:
    fusion = make("late", rule=rule).train()
    text, image = vectors(7, rows=4)
    output = fusion(EncodedBatch(text), EncodedBatch(image), FULL, targets([0, 1, 2, 2]))
    assert not any(logits.requires_grad for logits in output.logits.values())
    assert output.loss is not None
    assert output.loss.requires_grad
    fused = fusion(EncodedBatch(text), EncodedBatch(image), FULL).logits["sentiment"]
    assert fused.requires_grad  # without targets there is no other way to learn


def test_late_counts_the_prior_of_its_targets() -> None:
    fusion = make_fusion("late", FusionSettings(6, 4, SCHEMES, {"rule": "product"})).train()
    text, image = vectors(7, rows=4)
    for _ in range(500):
        fusion(EncodedBatch(text), EncodedBatch(image), FULL, targets([0, 1, 1, None]))
    mass = fusion.prior_sentiment / fusion.prior_sentiment.sum()
    torch.testing.assert_close(mass, torch.tensor([1 / 3, 2 / 3, 0.0]), atol=2e-3, rtol=0)
    with pytest.raises(RecipeError, match="prior of sentiment is 3 positive numbers"):
        fusion.set_prior("sentiment", [1.0, 0.0, 0.0])
    with pytest.raises(RecipeError, match="share is from 0 to 1"):
        fusion.set_text_share("sentiment", 1.5)


def test_the_tuned_weight_goes_to_the_classifier_that_knows() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 200)
    knows, guesses = 4.0 * np.eye(3)[labels], random.normal(0, 2, (200, 3))
    assert tune_late_weight(knows, guesses, labels) == 1.0
    assert tune_late_weight(guesses, knows, labels) == 0.0
    blurred = [4 * np.eye(3)[labels] + random.normal(0, 3, (200, 3)) for _ in range(2)]
    assert 0.3 < tune_late_weight(*blurred, labels) < 0.7


@torch.no_grad()
def test_common_space_losses_are_the_formulas() -> None:
    text, image = vectors(8, rows=5)
    present = torch.tensor([[True, True], [True, True], [True, False], [True, True], [False, True]])
    given = targets([0, 0, 1, None, 1])
    losses = {}
    for form in ("hinge", "contrastive"):
        fusion = make("common-space", form=form, margin=0.3, temperature=0.2, weight=2.0)
        losses[form] = fusion(EncodedBatch(text), EncodedBatch(image), present, given).loss
    mapped = fusion.project(fusion.norm(image))
    # rows 0 and 1 have a pair and a label; the one text of another class is row 2's
    own = torch.stack([cosine_similarity(mapped[i], text[i], dim=0) for i in (0, 1)])
    other = torch.stack([cosine_similarity(mapped[i], text[2], dim=0) for i in (0, 1)])
    torch.testing.assert_close(losses["hinge"], 2 * (0.3 - own + other).clamp(min=0).mean())
    expected = -(own / 0.2 - torch.logsumexp(torch.stack([own, other]) / 0.2, dim=0)).mean()
    torch.testing.assert_close(losses["contrastive"], 2 * expected)


@torch.no_grad()
@pytest.mark.parametrize("labels", [[1, 1, 1, 1], [None] * 4, [0, None, None, None]])
def test_common_space_has_no_loss_without_another_class(labels: list[int | None]) -> None:
    text, image = vectors(8, rows=4)
    assert make("common-space")(EncodedBatch(text), EncodedBatch(image), FULL, targets(labels)).loss == 0
    assert make("common-space")(EncodedBatch(text), None, FULL, targets([0, 1, 2, 0])).loss == 0
    assert make("common-space")(EncodedBatch(text), EncodedBatch(image), FULL).loss is None


@torch.no_grad()
def test_attention_does_not_see_padding() -> None:
    fusion, (text, image) = make("attention", dim=8, heads=2), encoded(9)
    before = fusion(text, image, PRESENT).logits["emotion"]
    padded = text.sequence.masked_fill(~text.mask.unsqueeze(-1), 9.0)
    longer = torch.cat([padded, torch.full((3, 2, 6), 7.0)], dim=1)
    mask = torch.cat([text.mask, torch.zeros(3, 2, dtype=torch.bool)], dim=1)
    after = fusion(EncodedBatch(text.pooled, longer, mask), image, PRESENT).logits["emotion"]
    torch.testing.assert_close(before, after)


@torch.no_grad()
@pytest.mark.parametrize("sequences", [True, False])
def test_the_text_decides_what_of_the_image_is_attended(sequences: bool) -> None:
    """With a single key the weight is 1, and what the text asks would not matter."""
    fusion = make("attention", dim=8, heads=2, sequences=sequences)
    text, image = encoded(10)
    if not sequences:
        text, image = EncodedBatch(text.pooled), EncodedBatch(image.pooled)
    full = torch.ones(3, 2, dtype=torch.bool)
    seen: list[Tensor] = []
    fusion.attentions[0].dropout.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    fusion(text, image, full)
    fusion(EncodedBatch(-text.pooled, -text.sequence if sequences else None, text.mask), image, full)
    assert seen[0].shape[-1] > 1
    assert not torch.allclose(seen[0], seen[1])


@torch.no_grad()
@pytest.mark.parametrize("sequences", [True, False])
def test_gated_with_one_modality_is_its_own_classifier(sequences: bool) -> None:
    fusion, (text, image) = make("gated", dim=8, heads=2, sequences=sequences), encoded(11)
    found = fusion(text, image, PRESENT).logits["sentiment"]
    classifiers = [heads["sentiment"] for heads in fusion.classifiers]
    of_text = log_softmax(classifiers[0](fusion.norms[0](text.pooled)), -1)
    of_image = log_softmax(classifiers[1](fusion.norms[1](image.pooled)), -1)
    torch.testing.assert_close(found[1], of_text[1])
    torch.testing.assert_close(found[2], of_image[2])
    fresh = make_fusion("gated", BOTH).eval()
    start = fresh(text, image, PRESENT).logits["sentiment"][0]
    apart = [fresh(t, i, PRESENT).logits["sentiment"][0] for t, i in ((text, None), (None, image))]
    torch.testing.assert_close(start, math.log(2) * (apart[0] + apart[1]))  # a product of experts


def test_gated_classifiers_do_not_learn_from_the_fused_loss() -> None:
    fusion = make("gated", dim=8).train()
    text, image = vectors(12, rows=4)
    output = fusion(EncodedBatch(text), EncodedBatch(image), FULL, targets([0, 1, 2, 0]))
    output.logits["sentiment"].square().sum().backward()
    grads = [p.grad for p in fusion.classifiers.parameters() if p.grad is not None]
    assert not any(grad.abs().sum() > 0 for grad in grads)
    assert fusion.maps[0][0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("glue", BOTH, "fusion: 'glue' is not one of .*joint, .*single"),
        *[
            (kind, FusionSettings(6, None, SCHEMES), f"'{kind}' wants a text encoder and an image encoder")
            for kind in ("joint", "late", "early", "common-space", "attention", "gated")
        ],
        ("single", BOTH, "wants exactly one encoder"),
        ("single", FusionSettings(None, None, SCHEMES), "wants exactly one encoder"),
        (
            "attention",
            FusionSettings(6, 4, SCHEMES, {"dim": 9, "heads": 2}),
            "dim 9 cannot be shared out among 2 heads",
        ),
    ],
)
def test_a_wrong_fusion_is_named(kind: str, settings: FusionSettings, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make_fusion(kind, settings)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("glue", {}, "fusion: 'glue' is not one of attention"),
        ("joint", {"colour": 1}, "fusion 'joint': 'colour' is not one of pooling, dropout"),
        ("joint", {"pooling": "min"}, "pooling: 'min' is not one of mean, sum, max"),
        ("joint", {"dropout": 1.0}, "dropout: 1.0 is not a number from 0 to 0.95"),
        ("joint", {"dropout": float("nan")}, "dropout: nan is not a number from"),
        ("joint", {"hidden": 1.5}, "hidden: 1.5 is not a whole number"),
        ("joint", {"hidden": True}, "hidden: True is not a whole number"),
        ("early", {"norm": 1}, "norm: 1 is not true or false"),
        ("late", {"rule": "vote"}, "rule: 'vote' is not one of mean, product, learned, tuned"),
        ("late", {"rule": ["mean"]}, r"rule: \['mean'\] is not one of mean"),
        ("common-space", {"form": "triplet"}, "form: 'triplet' is not one of hinge, contrastive"),
        ("common-space", {"margin": -1}, "margin: -1 is not a number from 0 to 2"),
        ("common-space", {"temperature": 0}, "temperature: 0 is not a number from 0.001"),
        ("attention", {"heads": 0}, "heads: 0 is not a whole number from 1"),
        ("gated", {"auxiliary": "1e-1"}, "auxiliary: '1e-1' is not a number"),
    ],
)
def test_a_wrong_option_is_named_without_a_model(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        check_fusion_options(kind, options)
    with pytest.raises(RecipeError, match=message):
        make_fusion(kind, FusionSettings(6, 4, SCHEMES, options))


def test_good_options_pass() -> None:
    for kind, options in KINDS:
        check_fusion_options(kind, options)
    check_fusion_options("joint", {"dropout": 0})
