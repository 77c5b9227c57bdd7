"""Parts of a stage that are taken from another one."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from posthue.errors import RecipeError
from posthue.training.recipes.schema import Check, Stage, TrainingSource
from posthue.training.stages.build import _check_small_size

pytestmark = pytest.mark.torch


def stage(small_size: int | None) -> Stage:
    source, check = TrainingSource("fer2013"), Check("fer2013", "public_test")
    return Stage("fuse", (source,), (check,), image="stage:faces", small_size=small_size)


def test_tiny_pictures_keep_the_size_that_their_encoder_knows() -> None:
    expected = r"stage:faces was trained with small_size: 64.*write small_size: 64"
    with pytest.raises(RecipeError, match=expected):
        _check_small_size(stage(96), "stage:faces", 64)


@pytest.mark.parametrize("size", [64, None])
def test_the_same_size_or_none_is_fine(size: int | None) -> None:
    _check_small_size(stage(64), "stage:faces", size)
