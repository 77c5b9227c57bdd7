"""A graph that computes in fp16, and in fp32 where the range of fp16 is too small.

onnxruntime's converter changes the types; which operators keep fp32 is decided here (as in Micikevicius et
al. 2018, arXiv 1710.03740), and what the converter leaves behind is put in order. Inputs and outputs stay
fp32. Needs onnx, of the train extra.
"""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any

from posthue.graphs.dequantize import keep_nodes

#: Constants are brought into this range. -3.4e38, which masks the padding, would be -inf in fp16, and a
#: softmax of nothing but -inf is NaN; -3e4 leaves room to add a score to it, and its exp is 0 all the same.
LARGEST = 3e4
#: Sums over many values, quotients and powers.
FULL = (
    *("LayerNormalization", "RMSNormalization", "InstanceNormalization", "GroupNormalization"),
    *("Softmax", "LogSoftmax", "ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare"),
    *("ReduceLogSumExp", "LpNormalization", "Div", "Reciprocal", "Pow", "Sqrt", "Exp", "Log", "Softplus"),
)
#: What holds weights, and takes the time.
HALF = ("MatMul", "Gemm", "Einsum", "Conv", "ConvTranspose", "Gather")


def to_fp16(model: Any) -> Any:
    """Return an fp32 onnx.ModelProto as one that computes in fp16."""
    from onnx.shape_inference import infer_shapes  # noqa: PLC0415
    from onnxruntime.transformers.float16 import (  # noqa: PLC0415
        DEFAULT_OP_BLOCK_LIST,
        convert_float_to_float16,
    )

    model = infer_shapes(model)
    for number, node in enumerate(model.graph.node):
        node.name = f"node_{number}"
    made = convert_float_to_float16(
        model,
        keep_io_types=True,
        disable_shape_infer=True,
        max_finite_val=LARGEST,
        node_block_list=_full_nodes(model.graph, {*DEFAULT_OP_BLOCK_LIST, *FULL}),
    )
    _tidy(made.graph)
    del made.graph.value_info[:]
    return made


def _full_nodes(graph: Any, kinds: set[str]) -> list[str]:
    """Name the nodes that keep fp32: those of the given kinds, and what stands between them alone.

    Between a sum and a root, say, there is no use in going to fp16 and back.
    """
    from onnx import TensorProto  # noqa: PLC0415

    values = (*graph.value_info, *graph.input, *graph.output)
    floats = {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    makers = {name: node.name for node in graph.node for name in node.output if name in floats}
    beside: dict[str, set[str]] = {node.name: set() for node in graph.node}
    for node in graph.node:
        for maker in (makers[name] for name in node.input if name in makers):
            beside[node.name].add(maker)
            beside[maker].add(node.name)
    always = {node.name for node in graph.node if node.op_type in kinds}
    full = always | {node.name for node in graph.node if node.op_type not in HALF}
    while outer := {name for name in full - always if not beside[name] <= full}:
        full -= outer
    return sorted(full)


def _tidy(graph: Any) -> None:
    """Make one of casts that were added twice, drop the way from fp32 to fp16 and back, sort the nodes."""
    from onnx import TensorProto  # noqa: PLC0415

    nodes = list({tuple(node.output): node for node in graph.node}.values())
    makers = {name: node for node in nodes for name in node.output}
    for node in nodes:
        before = makers.get(node.input[0]) if _casts_to(node, TensorProto.FLOAT) else None
        if before is not None and _casts_to(before, TensorProto.FLOAT16):
            node.input[0] = before.input[0]
    places = {name: place for place, node in enumerate(nodes) for name in node.output}
    needs = {i: [places[name] for name in node.input if name in places] for i, node in enumerate(nodes)}
    keep_nodes(graph, [nodes[place] for place in TopologicalSorter(needs).static_order()])


def _casts_to(node: Any, kind: int) -> bool:
    return node.op_type == "Cast" and any(a.name == "to" and a.i == kind for a in node.attribute)
