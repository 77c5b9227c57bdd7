"""From a trained PostModel to the three graphs of a bundle: text.onnx, image.onnx, head.onnx.

Shapes stay dynamic. A transformer computes in int8 (posthue.graphs.int8). Convolutions and the head
compute in fp32 (dynamic int8 makes convolutions slower) from weights that are stored in fp16.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.export import Dim

from posthue.graphs import int8
from posthue.graphs.half import half_weights
from posthue.graphs.int8 import quiet
from posthue.graphs.smooth_quant import Feeds
from posthue.model.encoders.encoders import EncodedBatch, ImageEncoder, TextEncoder
from posthue.model.post_model import PostModel

#: CNNs halve the picture five times; sizes in steps of this keep every padding the same.
SIDE_STEP = 32


class _TextGraph(nn.Module):
    def __init__(self, encoder: TextEncoder, *, sequence: bool) -> None:
        super().__init__()
        self.encoder, self.sequence = encoder, sequence

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        return _outputs(self.encoder(input_ids, attention_mask), sequence=self.sequence)


class _ImageGraph(nn.Module):
    def __init__(self, encoder: ImageEncoder, *, tiny: bool, sequence: bool) -> None:
        super().__init__()
        self.encoder, self.tiny, self.sequence = encoder, tiny, sequence

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        return _outputs(self.encoder.encode(pixel_values, tiny=self.tiny), sequence=self.sequence)


class _HeadGraph(nn.Module):
    """The fusion, from what the encoders give; logits in the order of the schemes."""

    def __init__(self, model: PostModel) -> None:
        super().__init__()
        self.fusion = model.fusion
        self.schemes = list(model.config.schemes)
        self.has_text, self.has_image = model.text is not None, model.image is not None

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        encodings, present = iter(inputs[:-1]), inputs[-1]
        count = 3 if self.fusion.wants_sequences else 1
        text = EncodedBatch(*(next(encodings) for _ in range(count))) if self.has_text else None
        image = EncodedBatch(*(next(encodings) for _ in range(count))) if self.has_image else None
        logits = self.fusion(text, image, present).logits
        return tuple(logits[scheme] for scheme in self.schemes)


def _outputs(encoded: EncodedBatch, *, sequence: bool) -> tuple[Tensor, ...]:
    """Return pooled [batch, dim] and, if asked for, sequence [batch, length, dim]."""
    if not sequence:
        return (encoded.pooled,)
    if encoded.sequence is None:
        raise AssertionError("every encoder gives a sequence")
    return encoded.pooled, encoded.sequence


def _output_names(*, sequence: bool) -> tuple[str, ...]:
    return ("pooled", "sequence") if sequence else ("pooled",)


def export_graphs(
    model: PostModel,
    folder: str | Path,
    *,
    quantize: bool = True,
    calibration: Sequence[Feeds] = (),
    side: int | None = None,
) -> dict[str, str]:
    """Write the graphs of ``model`` into an existing folder; return part → precision (int8 or fp32).

    calibration: a few batches of the text graph's inputs (input_ids, attention_mask), by which a transformer
    is smoothed before it is quantised. side: of the prepared pictures, in pixels, for a vision transformer,
    whose graph takes one size only; by default the size that it was made for. A fusion that wants sequences
    gets encoders with a second output, ``sequence``, and a head with the inputs that Head._feeds makes.
    """
    folder, model = Path(folder), model.float().cpu().eval()
    precisions, sequence = {"head": "fp32"}, model.fusion.wants_sequences
    if model.text is not None:
        path = folder / "text.onnx"
        precisions["text"] = _export_text(
            model.text, path, quantize=quantize, calibration=calibration, sequence=sequence
        )
    if model.image is not None:
        _export_image(model.image, folder / "image.onnx", tiny=False, sequence=sequence, size=side)
        precisions["image"] = "fp32"
        if quantize and _is_transformer(model.image.backbone):
            int8.quantize(folder / "image.onnx", ())
            precisions["image"] = "int8"
        if model.image.small is not None:
            _export_image(model.image, folder / "image_small.onnx", tiny=True, sequence=sequence)
    export_head(model, folder / "head.onnx")
    if quantize:
        for part in ("text", "image", "image_small", "head"):
            half_weights(folder / f"{part}.onnx")
    return precisions


def _export_text(
    encoder: TextEncoder, path: Path, *, quantize: bool, calibration: Sequence[Feeds], sequence: bool
) -> str:
    ids, mask = torch.full((2, 7), 2), torch.ones((2, 7), dtype=torch.int64)
    shape = {0: Dim("batch"), 1: Dim("length", min=2, max=4096)}
    with _eager_attention(encoder.backbone):
        _export(
            _TextGraph(encoder, sequence=sequence),
            (ids, mask),
            (shape, shape),
            ("input_ids", "attention_mask"),
            _output_names(sequence=sequence),
            path,
        )
    quantize = quantize and _is_transformer(encoder)
    if quantize:
        int8.quantize(path, calibration)
    return "int8" if quantize else "fp32"


def _export_image(
    encoder: ImageEncoder, path: Path, *, tiny: bool, sequence: bool, size: int | None = None
) -> None:
    backbone = encoder.small if tiny and encoder.small is not None else encoder.backbone
    fixed = _is_transformer(backbone)
    side = (size or backbone.config.image_size) if fixed else 7 * SIDE_STEP
    pixels = torch.zeros((2, 3, side, side))
    sides = {2: SIDE_STEP * Dim("rows", min=1, max=64), 3: SIDE_STEP * Dim("columns", min=1, max=64)}
    shape = {0: Dim("batch")} | ({} if fixed else sides)
    with _eager_attention(backbone):
        _export(
            _ImageGraph(encoder, tiny=tiny, sequence=sequence),
            (pixels,),
            (shape,),
            ("pixel_values",),
            _output_names(sequence=sequence),
            path,
        )


def export_head(model: PostModel, path: Path) -> None:
    """Write the fusion of ``model`` as head.onnx."""
    settings, batch = model.fusion.settings, Dim("batch")
    names: list[str] = []
    inputs: list[Tensor] = []
    shapes: list[dict[int, Dim]] = []
    for name, dim, length in (("text", settings.text_dim, 7), ("image", settings.image_dim, 5)):
        if dim is None:
            continue
        names.append(name)
        inputs.append(torch.zeros((3, dim)))
        shapes.append({0: batch})
        if model.fusion.wants_sequences:
            names += [f"{name}_sequence", f"{name}_mask"]
            inputs += [torch.zeros((3, length, dim)), torch.ones((3, length), dtype=torch.bool)]
            shapes += [{0: batch, 1: Dim(f"{name}_length", min=1, max=65536)}] * 2
    inputs.append(torch.tensor([[True, True], [True, False], [False, True]]))
    shapes.append({0: batch})
    outputs = [f"logits_{scheme}" for scheme in model.config.schemes]
    _export(_HeadGraph(model), tuple(inputs), (tuple(shapes),), (*names, "present"), outputs, path)
    _drop_unused_inputs(path)


def _export(
    graph: nn.Module,
    inputs: tuple[Tensor, ...],
    shapes: tuple[Any, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    path: Path,
) -> None:
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph.eval(),
            inputs,
            dynamo=True,
            verbose=False,
            dynamic_shapes=shapes,
            input_names=list(input_names),
            output_names=list(output_names),
        )
    if program is None:
        raise AssertionError("the dynamo exporter returns a program")
    program.save(path)
    _strip(path)


def _drop_unused_inputs(path: Path) -> None:
    """Drop the inputs that the graph never reads, such as the pooled vectors of a head that attends."""
    graph = onnx.load(path)
    used = {name for node in graph.graph.node for name in node.input}
    for unused in [each for each in graph.graph.input if each.name not in used]:
        graph.graph.input.remove(unused)
    onnx.save(graph, path)


def _strip(path: Path) -> None:
    """Drop the exporter's notes: intermediate shapes, which rewriting would contradict, and its stack traces.

    The traces hold paths of the machine that exported, and are nobody's business.
    """
    graph = onnx.load(path)
    del graph.graph.value_info[:], graph.metadata_props[:], graph.graph.metadata_props[:]
    for part in (*graph.graph.node, *graph.graph.initializer, *graph.graph.input, *graph.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(graph, path)


def _is_transformer(encoder: nn.Module) -> bool:
    """Whether an encoder multiplies matrices: a CNN or an embedding table does not."""
    return any(isinstance(module, nn.Linear) for module in encoder.modules())


@contextmanager
def _eager_attention(backbone: Any) -> Iterator[None]:
    """Export attention as plain MatMul and Softmax, which the runtime fuses and quantises."""
    config = backbone.config
    before = getattr(config, "_attn_implementation", None)
    if before is not None:
        config._attn_implementation = "eager"
    try:
        yield
    finally:
        if before is not None:
            config._attn_implementation = before
