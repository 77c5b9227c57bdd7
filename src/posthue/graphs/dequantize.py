"""int8 undone: a quantised graph becomes the fp32 graph that it stands for. Needs onnx, of the train extra.

Four things are undone: the dynamic int8 of onnxruntime's quantiser (DynamicQuantizeLinear → MatMulInteger →
Cast → Mul becomes MatMul), its static int8 (pairs of QuantizeLinear and DequantizeLinear), posthue's int8
embedding tables, and weights that are stored in fp16. Weights keep the rounding that they have; activations
are no longer rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from posthue.errors import BundleError
from posthue.graphs.half import full_weights

_INTEGER = {
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "ConvInteger",
    "QuantizeLinear",
    "DequantizeLinear",
    "QLinearMatMul",
    "QLinearConv",
}
Floats = npt.NDArray[np.float32]


def dequantize(model: Any) -> None:
    """Turn a quantised onnx.ModelProto into fp32, in place.

    Raises BundleError when something in int8 is left, or an operator that is not ONNX's own.
    """
    full_weights(model)
    view = _View(model.graph)
    nodes = [view.plain(node) for node in model.graph.node]
    keep_nodes(model.graph, [node for node in nodes if node is not None])
    del model.graph.value_info[:]
    own = ("", "ai.onnx")
    left = {n.op_type for n in model.graph.node if n.op_type in _INTEGER or n.domain not in own}
    if left:
        raise BundleError(f"{', '.join(sorted(left))}: posthue does not know how to bring this to fp32")


def keep_nodes(graph: Any, nodes: Sequence[Any]) -> None:
    """Give the graph these nodes, in this order, without those that lead to no output; so its constants."""
    wanted, kept = {output.name for output in graph.output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    constants = [tensor for tensor in graph.initializer if tensor.name in wanted]
    for field, values in ((graph.node, kept[::-1]), (graph.initializer, constants)):
        del field[:]
        field.extend(values)


class _View:
    """A graph as the rules see it: its constants, and which node made what."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}
        self._rules: dict[str, Sequence[Callable[[Any], Any]]] = {
            "Mul": (self._matmul, self._lookup),
            "DequantizeLinear": (self._weight, self._saturation),
        }

    def plain(self, node: Any) -> Any:
        """Return what a node becomes in fp32: itself, another node, or None where it is a constant now."""
        for rule in self._rules.get(node.op_type, ()):
            try:
                return rule(node)
            except (LookupError, ValueError):  # another pattern
                continue
        return node

    def _matmul(self, node: Any) -> Any:
        """Mul(Cast(MatMulInteger(DynamicQuantizeLinear(x), w)), Mul(x's scale, w's scale)) → MatMul(x, w)."""
        cast, scales = self._maker(node.input[0], "Cast"), self._maker(node.input[1], "Mul")
        product = self._maker(cast.input[0], "MatMulInteger")
        quantised = self._maker(product.input[0], "DynamicQuantizeLinear")
        (scale,) = (name for name in scales.input if name != quantised.output[1])
        weight = (self._values(product.input[1]) - self._zero(product, 3)) * self._values(scale)
        return self._node("MatMul", [quantised.input[0], self._new(node, weight)], node)

    def _lookup(self, node: Any) -> Any:
        """Mul(Cast(Gather(rows)), Gather(scales)) → Gather(table)."""
        cast, scales = self._maker(node.input[0], "Cast"), self._maker(node.input[1], "Gather")
        rows = self._maker(cast.input[0], "Gather")
        if scales.input[1] != rows.input[1]:
            raise LookupError
        table = self._values(rows.input[0]) * self._values(scales.input[0])
        return self._node("Gather", [self._new(node, table), rows.input[1]], node)

    def _weight(self, node: Any) -> None:
        """DequantizeLinear(constant) → constant."""
        values = self._values(node.input[0])
        scale, zero = self._scale(node, values.ndim)
        self._new(node, (values - zero) * scale, name=node.output[0])

    def _saturation(self, node: Any) -> Any:
        """DequantizeLinear(QuantizeLinear(x)) → Clip(x): the range does the work of dropped ReLUs."""
        quantised = self._maker(node.input[0], "QuantizeLinear")
        scale, zero = self._scale(node, 0)
        limits = np.iinfo(self._array(node.input[2]).dtype)
        ends = [self._new(node, (np.float32(end) - zero) * scale) for end in (limits.min, limits.max)]
        return self._node("Clip", [quantised.input[0], *ends], node)

    def _scale(self, node: Any, rank: int) -> tuple[Floats, Floats]:
        """Return scale and zero point of a DequantizeLinear, one or per channel, to go with ``rank`` axes."""
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
        scale, zero = self._values(node.input[1]), self._zero(node, 2)
        if scale.size == 1:
            return scale.reshape(()), zero.reshape(())
        if rank == 0:
            raise LookupError
        shape = [-1 if place == axis % rank else 1 for place in range(rank)]
        return scale.reshape(shape), np.broadcast_to(zero, scale.shape).reshape(shape)

    def _zero(self, node: Any, place: int) -> Floats:
        """Return a node's zero point, which may be left out."""
        name = node.input[place] if len(node.input) > place else ""
        return self._values(name) if name else np.zeros((), np.float32)

    def _maker(self, name: str, kind: str) -> Any:
        node = self._makers[name]
        if node.op_type != kind:
            raise LookupError
        return node

    def _array(self, name: str) -> npt.NDArray[Any]:
        from onnx import numpy_helper  # noqa: PLC0415

        array: npt.NDArray[Any] = numpy_helper.to_array(self._constants[name])
        return array

    def _values(self, name: str) -> Floats:
        return self._array(name).astype(np.float32)

    def _new(self, node: Any, values: Floats, name: str = "") -> str:
        """Add a constant that takes the place of what ``node`` used, and return its name."""
        from onnx import numpy_helper  # noqa: PLC0415

        name = name or f"{node.output[0]}_plain_{len(self._graph.initializer)}"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def _node(self, kind: str, inputs: Sequence[str], node: Any) -> Any:
        """Return a node that takes the place of another."""
        from onnx import helper  # noqa: PLC0415

        return helper.make_node(kind, list(inputs), list(node.output), name=node.name)
