from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from posthue.errors import RecipeError
from posthue.model.encoders import Encoded
from posthue.model.fusion import Fusion, FusionSettings, make_fusion

pytestmark = pytest.mark.torch

SCHEMES = {"sentiment": 3, "ekman": 7}
BOTH = FusionSettings(6, 4, SCHEMES)
PRESENT = torch.tensor([[True, True], [True, False], [False, True]])


def joint(pooling: str, **options: object) -> Fusion:
    torch.manual_seed(0)
    return make_fusion("joint", FusionSettings(6, 4, SCHEMES, {"pooling": pooling, **options})).eval()


def vectors(seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(3, 6, generator=random), torch.randn(3, 4, generator=random)


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
def test_what_is_absent_changes_nothing(pooling: str) -> None:
    fusion = joint(pooling)
    text, image = vectors(1)
    before = fusion(Encoded(text), Encoded(image), PRESENT).logits
    text[2], image[1] = 1e6, -1e6
    after = fusion(Encoded(text), Encoded(image), PRESENT).logits
    for scheme, labels in SCHEMES.items():
        assert before[scheme].shape == (3, labels)
        assert torch.equal(before[scheme], after[scheme])


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
def test_a_batch_without_a_modality_is_as_one_that_masks_it(pooling: str) -> None:
    fusion = joint(pooling, hidden=5)
    text, image = vectors(2)
    only_text = torch.tensor([[True, False]]).expand(3, 2)
    masked = fusion(Encoded(text), Encoded(image), only_text).logits["ekman"]
    torch.testing.assert_close(fusion(Encoded(text), None, only_text).logits["ekman"], masked)
    only_image = torch.tensor([[False, True]]).expand(3, 2)
    masked = fusion(Encoded(text), Encoded(image), only_image).logits["ekman"]
    torch.testing.assert_close(fusion(None, Encoded(image), only_image).logits["ekman"], masked)


@torch.no_grad()
def test_pools_are_what_their_names_say() -> None:
    text, image = vectors(3)
    found = {}
    for pooling in ("mean", "sum", "max"):
        fusion = joint(pooling)
        both = torch.stack([text, fusion.project(image)], dim=1)
        found[pooling] = fusion.pool(both, torch.ones(3, 2, 1, dtype=torch.bool))
    torch.testing.assert_close(found["sum"], 2 * found["mean"])
    torch.testing.assert_close(found["sum"], both.sum(1))
    torch.testing.assert_close(found["max"], both.amax(1))


@torch.no_grad()
def test_single_is_a_linear_map_of_its_modality() -> None:
    fusion = make_fusion("single", FusionSettings(None, 4, SCHEMES)).eval()
    _, image = vectors(4)
    logits = fusion(None, Encoded(image), PRESENT[:1]).logits
    torch.testing.assert_close(logits["sentiment"], fusion.heads["sentiment"](image))
    with pytest.raises(RecipeError, match="without the model's only modality"):
        fusion(None, None, PRESENT)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("glue", BOTH, "no fusion is called 'glue'; there are .*joint, .*single"),
        ("joint", FusionSettings(6, None, SCHEMES), "wants a text encoder and an image encoder"),
        ("single", BOTH, "wants exactly one encoder"),
        ("single", FusionSettings(None, None, SCHEMES), "wants exactly one encoder"),
        (
            "joint",
            FusionSettings(6, 4, SCHEMES, {"pooling": "min"}),
            "pooling 'min' is not one of mean, sum, max",
        ),
        ("joint", FusionSettings(6, 4, SCHEMES, {"colour": 1}), "fusion 'joint': .*colour"),
    ],
)
def test_a_wrong_fusion_is_named(kind: str, settings: FusionSettings, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make_fusion(kind, settings)
