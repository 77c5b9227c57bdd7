"""Mixed-precision decomposition of feed-forward blocks: outlier channels stay in fp32, the rest is int8.

As in LLM.int8() (Dettmers et al. 2022, arXiv 2208.07339), but for fixed channels. What GELU leaves is near
zero in most channels and far out in a few, and one int8 scale for all wastes its range on the few. A block is
a sum over its hidden channels, so it can be split into two blocks that are added: the many, which are
quantised, and the few, a narrow block in fp32.

y = f(x W₁ + b₁) W₂ = f(x W₁[:, many] + b₁[many]) W₂[many] + f(x W₁[:, few] + b₁[few]) W₂[few]

Tokens differ as channels do, and the scale is one for the whole batch. So each row of what the many narrow is
divided by its largest value before the product, and multiplied by it after. What a post is told then hangs
less on the posts beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from posthue.graphs.smooth_quant import Feeds, channel_maxima

Ints = npt.NDArray[np.int64]

#: Operations that bend; without one of them it is no feed-forward block.
ACTIVATIONS = frozenset({"Erf", "Tanh", "Sigmoid", "Gelu", "Relu"})
#: Operations that treat every channel alike, of which activation functions are made.
ELEMENTWISE = ACTIVATIONS | {"Add", "Sub", "Mul", "Div", "Pow"}

#: The largest value of a row counts as at least this, how far GELU goes below zero.
LEAST_LARGEST = 0.17


class Block(NamedTuple):
    """A feed-forward block: the product that widens, what is between, and the product that narrows."""

    wide: onnx.NodeProto
    between: list[onnx.NodeProto]
    narrow: onnx.NodeProto


class Split(NamedTuple):
    """The products of a block that was split: the one that narrows the many channels, and both of the few."""

    narrow: str
    few: tuple[str, str]


def blocks(graph: onnx.ModelProto) -> list[Block]:
    """Find the feed-forward blocks of a graph (opset 18 or later, weights as initializers) in their order."""
    shapes = {t.name: tuple(t.dims) for t in graph.graph.initializer}
    products = [n for n in graph.graph.node if n.op_type == "MatMul" and len(shapes.get(n.input[1], ())) == 2]
    narrow = [n for n in products if shapes[n.input[1]][0] > shapes[n.input[1]][1]]
    found = [_block(graph, node, shapes) for node in narrow]
    return [block for block in found if block is not None]


def _block(
    graph: onnx.ModelProto, narrow: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]
) -> Block | None:
    """Walk back from the product that narrows to the one that widens; None if anything else is between."""
    makers = {name: node for node in graph.graph.node for name in node.output}
    between: list[onnx.NodeProto] = []
    wide: list[onnx.NodeProto] = []
    names, hidden = [narrow.input[0]], shapes[narrow.input[1]][0]
    while names:
        node = makers.get(names.pop())
        if node is None:
            return None
        shape = shapes.get(node.input[1], ()) if node.op_type == "MatMul" else ()
        if len(shape) == 2 and shape[0] < shape[1] == hidden:
            wide += [node] if node not in wide else []
        elif node.op_type not in ELEMENTWISE:
            return None
        elif node not in between:
            between.append(node)
            names += [name for name in node.input if name not in shapes]
    inside = {name for node in (*wide, *between) for name in node.output}
    outside = [n for n in graph.graph.node if n not in between and n != narrow]
    read = {name for node in outside for name in node.input} | {given.name for given in graph.graph.output}
    bends = any(node.op_type in ACTIVATIONS for node in between)
    if len(wide) != 1 or not bends or inside & read:
        return None
    order = {node.output[0]: position for position, node in enumerate(graph.graph.node)}
    return Block(wide[0], sorted(between, key=lambda node: order[node.output[0]]), narrow)


def split_outliers(graph: onnx.ModelProto, feeds: Sequence[Feeds], count: int) -> list[Split]:
    """Split ``count`` channels off every feed-forward block that has more; return what was split.

    Those are taken that reach furthest over ``feeds``, inputs of the graph as it will meet them.
    """
    hidden = {t.name: int(t.dims[0]) for t in graph.graph.initializer if t.dims}
    found = [block for block in blocks(graph) if hidden[block.narrow.input[1]] > count]
    if not found:
        return []
    largest = channel_maxima(graph, [block.narrow.input[0] for block in found], feeds)
    orders = [np.argsort(-largest[block.narrow.input[0]], kind="stable") for block in found]
    return [
        _split(graph, block, np.sort(order[count:]), np.sort(order[:count]))
        for block, order in zip(found, orders, strict=True)
    ]


def _split(graph: onnx.ModelProto, block: Block, many: Ints, few: Ints) -> Split:
    """Replace a block by that of ``many`` of its channels plus that of ``few``."""
    nodes = [block.wide, *block.between, block.narrow]
    position, total = list(graph.graph.node).index(block.narrow), block.narrow.output[0]
    most, rest = (_part(graph, nodes, part, name) for part, name in ((many, "many"), (few, "few")))
    split = Split(most[-1].name, (rest[0].name, rest[-1].name))
    added = helper.make_node("Add", [most[-1].output[0], rest[-1].output[0]], [total])
    new = [*most[:-1], *_by_rows(graph, most[-1]), *rest, added]
    for offset, node in enumerate(new):
        graph.graph.node.insert(position + 1 + offset, node)
    for node in nodes:
        graph.graph.node.remove(node)
    return split


def _part(
    graph: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], channels: Ints, name: str
) -> list[onnx.NodeProto]:
    """Copy the nodes of a block, from the product that widens to the one that narrows, for some channels."""
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer}
    hidden, made = tensors[nodes[-1].input[1]].shape[0], {name for node in nodes for name in node.output}
    copies = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = f"{node.output[0]}_{name}_node"
        copy.output[:] = [f"{output}_{name}" for output in node.output]
        for number, given in enumerate(node.input):
            if given in made:
                copy.input[number] = f"{given}_{name}"
            elif hidden in tensors.get(given, np.empty(0)).shape:
                axis = 0 if node is nodes[-1] else -1
                copy.input[number] = f"{node.output[0]}_{number}_{name}"
                values = np.ascontiguousarray(tensors[given].take(channels, axis))
                graph.graph.initializer.append(numpy_helper.from_array(values, copy.input[number]))
        copies.append(copy)
    return copies


def _by_rows(graph: onnx.ModelProto, product: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Return nodes that say what a product says, of rows that are divided by their largest value."""
    given, total = product.input[0], product.output[0]
    axis, least, largest, scale, even, raw = (
        f"{total}_{part}" for part in ("axis", "least", "largest", "scale", "even", "raw")
    )
    graph.graph.initializer.append(numpy_helper.from_array(np.array([-1], dtype=np.int64), axis))
    graph.graph.initializer.append(numpy_helper.from_array(np.array(LEAST_LARGEST, dtype=np.float32), least))
    product.input[0], product.output[0] = even, raw
    return [
        helper.make_node("ReduceMax", [given, axis], [largest], keepdims=1),
        helper.make_node("Max", [largest, least], [scale]),
        helper.make_node("Div", [given, scale], [even]),
        product,
        helper.make_node("Mul", [raw, scale], [total]),
    ]
