from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from posthue.errors import EmptyPostError, LabelError
from posthue.model.gradients import explain_torch
from posthue.model.post_model import PostModel
from posthue.posts import Post
from tiny_models import bert_config, resnet_config, tiny_model, tiny_processor

pytestmark = pytest.mark.torch
GREEN = np.full((64, 64, 3), (0, 200, 0), np.uint8)


@pytest.fixture(scope="module")
def model() -> PostModel:
    return tiny_model(text=bert_config(), image=resnet_config())


def test_values_sum_to_the_change_of_the_log_odds(model: PostModel) -> None:
    found = explain_torch(model, tiny_processor(), Post("what a happy day", GREEN), steps=64)
    assert found.scheme == "sentiment"
    assert [token for token, _ in found.tokens][:2] == ["[CLS]", "[UNK]"]
    assert found.pixels is not None
    assert found.pixels.shape == (64, 64)
    assert found.explained == pytest.approx(found.total, abs=0.05 * max(1, abs(found.total)))


def test_one_modality_has_no_values_of_the_other(model: PostModel) -> None:
    words = explain_torch(model, tiny_processor(), Post("happy day"), scheme="emotion", label="joy")
    assert (words.label, words.pixels) == ("joy", None)
    assert explain_torch(model, tiny_processor(), Post(image=GREEN)).tokens == ()


def test_a_token_that_matters_gets_the_most() -> None:
    model = tiny_model(text=bert_config())
    ids = tiny_processor().tokens(["happy"])["input_ids"]
    with torch.no_grad():
        model.text.backbone.get_input_embeddings().weight[int(ids[0, 1])] *= 30
    found = explain_torch(model, tiny_processor(), Post("the happy day"), steps=48)
    values = {token: abs(value) for token, value in found.tokens}
    assert max(values, key=values.__getitem__) == "happy"


def test_mistakes_have_their_own_errors(model: PostModel) -> None:
    with pytest.raises(LabelError, match="no labels of mikels"):
        explain_torch(model, tiny_processor(), Post("a"), scheme="mikels")
    with pytest.raises(LabelError, match="no bliss of sentiment"):
        explain_torch(model, tiny_processor(), Post("a"), label="bliss")
    with pytest.raises(EmptyPostError):
        explain_torch(model, tiny_processor(), Post(" "))
