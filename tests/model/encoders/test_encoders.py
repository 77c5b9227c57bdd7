from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch.nn.functional import adaptive_avg_pool2d
from transformers import (
    AutoModel,
    CLIPConfig,
    CLIPModel,
    MobileNetV1Config,
    MobileNetV2Config,
    PreTrainedConfig,
    SwinConfig,
)

from posthue.model.encoders.encoders import ImageEncoder, TextEncoder, grid_means, image_dim, masked_mean
from posthue.model.encoders.hub import load_image_encoder
from tiny_models import bert_config, resnet_config, save_image_encoder, vit_config

pytestmark = pytest.mark.torch


def test_masked_mean_leaves_padding_out() -> None:
    sequence = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [99.0, 99.0]], [[5.0, 6.0], [7.0, 8.0], [9.0, 10.0]]])
    found = masked_mean(sequence, torch.tensor([[1, 1, 0], [1, 1, 1]]))
    torch.testing.assert_close(found, torch.tensor([[2.0, 3.0], [7.0, 8.0]]))


def test_masked_mean_of_nothing_is_zero() -> None:
    assert masked_mean(torch.ones(1, 2, 3), torch.zeros(1, 2, dtype=torch.int64)).tolist() == [
        [0.0, 0.0, 0.0]
    ]


@torch.no_grad()
def test_text_vector_does_not_depend_on_padding() -> None:
    encoder = TextEncoder(bert_config()).eval()
    ids = torch.tensor([[2, 8, 9, 3]])
    padded = torch.tensor([[2, 8, 9, 3, 0, 0, 0]])
    alone = encoder(ids, torch.ones_like(ids))
    beside = encoder(padded, (padded != 0).long())
    torch.testing.assert_close(alone.pooled, beside.pooled)
    torch.testing.assert_close(alone.pooled, masked_mean(alone.sequence, alone.mask))
    assert beside.mask.tolist() == [[True] * 4 + [False] * 3]


@torch.no_grad()
@pytest.mark.parametrize("config", [resnet_config(), MobileNetV2Config(depth_multiplier=0.35)])
def test_a_network_of_convolutions_averages_over_places(config: PreTrainedConfig) -> None:
    encoder = ImageEncoder(config).eval()
    encoded = encoder(torch.randn(2, 3, 64, 96))
    assert encoded.pooled.shape == (2, encoder.dim)
    assert encoded.sequence.shape[::2] == (2, encoder.dim)
    assert encoded.mask.shape == encoded.sequence.shape[:2]
    torch.testing.assert_close(encoded.pooled, encoded.sequence.mean(1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_vision_transformer_gives_its_class_token_and_its_patches() -> None:
    encoder = ImageEncoder(vit_config(side=64)).eval()
    pixels = torch.randn(2, 3, 64, 64)
    encoded = encoder(pixels)
    states = encoder.backbone(pixel_values=pixels).last_hidden_state
    torch.testing.assert_close(encoded.pooled, states[:, 0])
    torch.testing.assert_close(encoded.sequence, states[:, 1:])
    assert encoded.mask.shape == (2, 16)


@torch.no_grad()
@pytest.mark.parametrize("shape", [(7, 7), (6, 6), (4, 9), (2, 3), (1, 1)])
def test_a_grid_averages_places_as_adaptive_pooling_does(shape: tuple[int, int]) -> None:
    places = torch.randn(2, 5, *shape)
    torch.testing.assert_close(grid_means(places, 3), adaptive_avg_pool2d(places, 3))


@torch.no_grad()
def test_the_sequence_can_be_a_grid() -> None:
    encoder = ImageEncoder(vit_config(side=96)).eval()
    pixels = torch.randn(2, 3, 96, 96)
    every = encoder(pixels)
    encoder.grid = 3
    encoded = encoder(pixels)
    assert (every.sequence.shape, encoded.sequence.shape) == ((2, 36, 12), (2, 9, 12))
    assert encoded.mask.shape == (2, 9)
    first_cell = every.sequence[:, [0, 1, 6, 7]].mean(1)
    torch.testing.assert_close(encoded.sequence[:, 0], first_cell)
    torch.testing.assert_close(encoded.pooled, every.pooled)


@torch.no_grad()
def test_a_transformer_without_class_token_averages_its_patches() -> None:
    config = SwinConfig(image_size=64, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4)
    encoder = ImageEncoder(config).eval()
    encoded = encoder(torch.randn(2, 3, 64, 64))
    assert encoded.sequence.shape == (2, 64, encoder.dim)
    torch.testing.assert_close(encoded.pooled, encoded.sequence.mean(1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_of_a_model_of_images_and_texts_the_vision_half_is_taken(tmp_path: Path) -> None:
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = CLIPConfig(
        text_config={**sizes, "vocab_size": 32}, vision_config={**sizes, "image_size": 64, "patch_size": 16}
    )
    torch.manual_seed(0)
    whole = CLIPModel(config).eval()
    folder = save_image_encoder(tmp_path)
    whole.save_pretrained(folder)
    half, spec = load_image_encoder(str(folder))
    assert spec.size == 64
    encoder = ImageEncoder(half.config).eval()
    encoder.backbone.load_state_dict(half.state_dict())
    pixels = torch.randn(2, 3, 64, 64)
    expected = whole.vision_model(pixel_values=pixels).last_hidden_state
    torch.testing.assert_close(encoder(pixels).sequence, expected[:, 1:])


@torch.no_grad()
def test_two_networks_share_the_work_by_the_side_of_the_picture() -> None:
    encoder = ImageEncoder(resnet_config(8), resnet_config(4), small_side=32).eval()
    assert (encoder.dim, encoder.dims) == (24, (16, 8))
    photo, tiny = torch.randn(2, 3, 64, 64), torch.randn(2, 3, 32, 32)
    of_photo, of_tiny = encoder(photo), encoder(tiny)
    assert of_photo.pooled[:, 16:].abs().sum() == 0
    assert of_tiny.pooled[:, :16].abs().sum() == 0
    expected = encoder.small(pixel_values=tiny).last_hidden_state.mean((2, 3))
    torch.testing.assert_close(of_tiny.pooled[:, 16:], expected)
    expected = encoder.backbone(pixel_values=photo).last_hidden_state.mean((2, 3))
    torch.testing.assert_close(of_photo.pooled[:, :16], expected)
    assert of_tiny.sequence.shape[-1] == of_photo.sequence.shape[-1] == 24


@torch.no_grad()
def test_one_network_reads_every_side() -> None:
    encoder = ImageEncoder(resnet_config(8), small_side=32).eval()
    assert encoder(torch.randn(1, 3, 32, 32)).pooled.abs().sum() > 0
    assert encoder.dim == 16


@torch.no_grad()
@pytest.mark.parametrize(
    "config",
    [
        MobileNetV2Config(depth_multiplier=0.35),
        MobileNetV2Config(depth_multiplier=1.4),
        MobileNetV1Config(depth_multiplier=1.0),
        resnet_config(),
        vit_config(),
    ],
)
def test_the_foretold_number_of_features_is_the_true_one(config: PreTrainedConfig) -> None:
    with torch.device("meta"):
        features = AutoModel.from_config(config)(pixel_values=torch.zeros(1, 3, 64, 64)).last_hidden_state
    assert image_dim(config) == (features.shape[1] if features.dim() == 4 else features.shape[2])
