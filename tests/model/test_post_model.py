from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from posthue.errors import ImageError, RecipeError
from posthue.model.post_model import PostModel, PostModelConfig
from posthue.model.processor import PostProcessor
from posthue.posts import Post
from tiny_models import bert_config, resnet_config, tiny_model, tiny_processor

pytestmark = pytest.mark.torch


def picture(seed: int, side: int = 80) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


POSTS = [
    Post(text="so happy a day \N{WINKING FACE}", image=picture(1)),
    Post(text="RT @someone bad film http://x.y"),
    Post(image=picture(2)),
]


@torch.no_grad()
def test_model_and_processor_come_back_as_they_were(tmp_path: Path) -> None:
    model = tiny_model(text=bert_config(), image=resnet_config(8), small=resnet_config(4), pooling="sum")
    processor = tiny_processor()
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again, reread = PostModel.from_pretrained(tmp_path).eval(), PostProcessor.from_pretrained(tmp_path)
    assert reread.image_spec == processor.image_spec
    assert reread.max_length == processor.max_length
    expected, found = model(**processor(POSTS)), again(**reread(POSTS))
    for scheme in model.config.schemes:
        assert torch.equal(expected.logits[scheme], found.logits[scheme])


def test_the_processor_masks_what_a_post_lacks() -> None:
    inputs = tiny_processor()(POSTS)
    assert inputs["present"].tolist() == [[True, True], [True, False], [False, True]]
    assert inputs["pixel_values"].shape == (3, 3, 64, 64)
    assert inputs["pixel_values"][1].unique().numel() == 1
    assert inputs["input_ids"].shape == inputs["attention_mask"].shape
    assert set(tiny_processor()(POSTS[1:2])) == {"present", "input_ids", "attention_mask"}
    assert set(tiny_processor()(POSTS[2:])) == {"present", "pixel_values"}
    assert set(tiny_processor()(POSTS, skip=["text", "image"])) == {"present"}


def test_the_processor_cuts_long_texts_and_refuses_broken_pictures() -> None:
    processor = tiny_processor()
    assert processor.tokens(["happy day " * 100])["input_ids"].shape == (1, processor.max_length)
    with pytest.raises(ImageError):
        processor([Post(image=b"no picture")])


@torch.no_grad()
def test_a_post_is_predicted_alike_alone_and_in_a_batch() -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    together = model(**processor(POSTS)).logits["emotion"]
    for row, post in enumerate(POSTS):
        alone = model(**processor([post])).logits["emotion"][0]
        torch.testing.assert_close(together[row], alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_states_and_features_give_the_same_logits_as_the_posts_themselves() -> None:
    model, processor = tiny_model(text=bert_config(), image=resnet_config()), tiny_processor()
    inputs = processor(POSTS[:1])
    states = torch.tensor([[[True, True]], [[True, False]], [[False, True]]])
    output = model(**inputs, states=states)
    assert torch.equal(output.logits["emotion"], output.states[0]["emotion"])
    text_only = model(**processor([Post(text=POSTS[0].text)])).logits["emotion"]
    torch.testing.assert_close(output.states[1]["emotion"], text_only)
    text, image = model.encode(**{k: v for k, v in inputs.items() if k != "present"})
    assert text is not None
    assert image is not None
    kept = {"text_features": text.pooled, "image_features": image.pooled}
    torch.testing.assert_close(model(inputs["present"], **kept).logits["emotion"], output.logits["emotion"])


def test_a_model_wants_an_encoder() -> None:
    with pytest.raises(RecipeError, match="wants a text encoder, an image encoder, or both"):
        PostModel(PostModelConfig(schemes={"sentiment": ["a", "b"]}))


def train_a_little(model: PostModel) -> None:
    inputs = tiny_processor()(POSTS)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=0.1, weight_decay=0.1
    )
    for _ in range(2):
        model.train()
        sum(logits.square().sum() for logits in model(**inputs).logits.values()).backward()
        optimizer.step()
        optimizer.zero_grad()


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def changed(model: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


@pytest.mark.parametrize("part", ["text", "image"])
def test_a_frozen_encoder_stays_as_it_is(part: str) -> None:
    model = tiny_model(text=bert_config(), image=resnet_config())
    model.freeze(part)
    before = snapshot(model)
    train_a_little(model)
    names = changed(model, before)
    assert not [name for name in names if name.startswith(f"{part}.")]
    assert any(name.startswith("fusion.heads.") for name in names)
    assert any(name.startswith("image." if part == "text" else "text.") for name in names)
    assert not model.get_submodule(part).training


def test_frozen_batch_norm_keeps_its_statistics_and_trains_the_rest() -> None:
    model = tiny_model(text=bert_config(), image=resnet_config())
    before = snapshot(model)
    train_a_little(model)
    assert any("running_mean" in name for name in changed(model, before))
    model.freeze("batchnorm")
    before = snapshot(model)
    train_a_little(model)
    names = changed(model, before)
    assert not [name for name in names if "running_" in name or "num_batches" in name]
    assert any("convolution.weight" in name for name in names)
    assert any("normalization.weight" in name for name in names)


def test_frozen_embeddings_leave_the_layers_to_learn() -> None:
    model = tiny_model(text=bert_config())
    model.freeze("embeddings")
    before = snapshot(model)
    inputs = tiny_processor().tokens(["happy day", "bad film"]) | {
        "present": torch.tensor([[True, False]] * 2)
    }
    model.train()
    model(**inputs).logits["sentiment"].square().sum().backward()
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0).step()
    names = changed(model, before)
    assert "text.backbone.embeddings.word_embeddings.weight" not in names
    assert any(".layer.0." in name for name in names)
