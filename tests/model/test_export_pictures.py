from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch")

import torch
from transformers import PreTrainedConfig

from posthue.model.export import export_graphs
from tiny_models import resnet_config, tiny_model, vit_config

pytestmark = pytest.mark.torch


@torch.no_grad()
@pytest.mark.parametrize(
    ("config", "small", "sides"),
    [(resnet_config(8), resnet_config(4), (64, 96)), (vit_config(side=64), None, (64,))],
    ids=["two networks", "vision transformer"],
)
def test_the_graphs_say_what_torch_says(
    tmp_path: Path, config: PreTrainedConfig, small: PreTrainedConfig | None, sides: tuple[int, ...]
) -> None:
    model = tiny_model(image=config, small=small)
    assert export_graphs(model, tmp_path, quantize=False) == {"image": "fp32", "head": "fp32"}
    assert (tmp_path / "image_small.onnx").exists() == (small is not None)
    files = {"image.onnx": False} | ({"image_small.onnx": True} if small is not None else {})
    for name, tiny in files.items():
        session = onnxruntime.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"])
        for side in sides:
            pixels = torch.randn(3, 3, side, side)
            (found,) = session.run(None, {"pixel_values": pixels.numpy()})
            expected = model.image.encode(pixels, tiny=tiny).pooled.numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
