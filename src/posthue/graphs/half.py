"""Weights stored as fp16: half the size; ONNX Runtime turns them back when it loads, and computes in fp32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: Other weights with at least so many entries are stored in fp16.
HALVED = 4096


def half_weights(path: Path) -> None:
    """Store the large weights of a graph as fp16.

    ONNX Runtime turns them back when it loads, and computes in fp32.
    """
    if not path.exists():
        return
    graph = onnx.load(path)
    large = [
        t for t in graph.graph.initializer if t.data_type == TensorProto.FLOAT and np.prod(t.dims) >= HALVED
    ]
    for number, tensor in enumerate(large):
        half, full = f"posthue_half_{number}", tensor.name
        values = numpy_helper.to_array(tensor).astype(np.float16)
        graph.graph.initializer.remove(tensor)
        graph.graph.initializer.append(numpy_helper.from_array(values, half))
        graph.graph.node.insert(0, helper.make_node("Cast", [half], [full], to=TensorProto.FLOAT))
    onnx.save(graph, path)


def full_weights(graph: onnx.ModelProto) -> None:
    """Turn weights that are stored in fp16 and cast at the start into fp32 weights, in place."""
    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    for node in [n for n in graph.graph.node if n.op_type == "Cast" and n.input[0] in stored]:
        tensor = stored[node.input[0]]
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            graph.graph.initializer.remove(tensor)
            graph.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
            graph.graph.node.remove(node)
