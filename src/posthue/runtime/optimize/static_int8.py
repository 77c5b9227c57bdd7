"""An image encoder in static int8: activations get their scales once, from pictures, and not at every batch.

Dynamic int8 makes convolutions slower; with static scales (Jacob et al. 2018, arXiv 1712.05877) weights and
activations meet in int8. Weights have a scale per output channel. Needs onnx, of the train extra.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from posthue.data.images.decode import decode_image, to_pixels
from posthue.errors import BundleError, RowError
from posthue.posts import Post
from posthue.runtime.bundle.folder import Bundle

_PICTURES = 128
_BATCH = 8


def quantize_images(bundle: Bundle, posts: Sequence[Post], target: Path) -> Path:
    """Write the bundle's image encoder in static int8, calibrated on the posts' pictures; return ``target``.

    Raises BundleError when the bundle has no image encoder, or no picture can be read.
    """
    import onnx  # noqa: PLC0415
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static  # noqa: PLC0415
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    from posthue.graphs.half import full_weights  # noqa: PLC0415

    part = bundle.config.image
    if part is None:
        raise BundleError("this bundle has no image model")
    graph = onnx.load(bundle.file(part.file))
    full_weights(graph)
    with TemporaryDirectory() as scratch:
        plain, ready = Path(scratch) / "plain.onnx", Path(scratch) / "ready.onnx"
        onnx.save(graph, plain)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            target,
            _Pictures(bundle, posts),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add", "Clip", "Relu", "MatMul", "Gemm"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    return target


class _Pictures:
    """Batches of prepared pictures, as onnxruntime's calibration asks for them."""

    def __init__(self, bundle: Bundle, posts: Sequence[Post]) -> None:
        self._batches = _batches(bundle, posts)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._batches, None)


def _batches(bundle: Bundle, posts: Sequence[Post]) -> Iterator[dict[str, Any]]:
    assert bundle.config.image is not None
    spec = bundle.config.image.spec
    decoded = []
    for post in posts[:_PICTURES]:
        try:
            pixels = decode_image(post.image, spec) if post.image is not None else None
        except RowError:
            continue
        if pixels is not None and len(pixels) == spec.size:
            decoded.append(pixels)
    if not decoded:
        raise BundleError("no picture to calibrate int8 with: give posts with pictures")
    for start in range(0, len(decoded), _BATCH):
        yield {"pixel_values": to_pixels(np.stack(decoded[start : start + _BATCH]), spec)}
