"""GPTQ (Frantar et al. 2023, arXiv 2210.17323): int8 weights rounded for the least error of the product.

Rounding to the nearest makes every weight's error least, but the error that matters is that of the product
with the activations, which are correlated. GPTQ rounds one input channel after another and moves what is left
over to the channels that are still to come, by the inverse of the Hessian H = Σ x xᵀ:

W[j] ← W[j] − (U[i, j] / U[i, i]) · (W[i] − round(W[i]))  for j > i,   UᵀU = H⁻¹

The scales stay as they are, so the graph costs nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from posthue.graphs.smooth_quant import Feeds, tensors

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.int8]

#: Added to the diagonal of H, relative to its mean: channels that calibration hardly met stay put.
DAMPING = 0.01
#: Input channels after which what was left over is moved on to those outside the block.
BLOCK = 64


def apply_gptq(graph: onnx.ModelProto, quantised: onnx.ModelProto, feeds: Sequence[Feeds]) -> int:
    """Round the weights of ``quantised`` anew, in place, to say what ``graph`` says; return how many.

    quantised: what onnxruntime's dynamic quantiser made of ``graph``: per output channel, symmetric. feeds:
    inputs of the graph, with an attention_mask.
    """
    weights = {t.name: t for t in graph.graph.initializer if len(t.dims) == 2}
    stored = {t.name: t for t in quantised.graph.initializer}
    products = {
        node.input[1]: node.input[0]
        for node in graph.graph.node
        if node.op_type == "MatMul" and node.input[1] in weights and f"{node.input[1]}_quantized" in stored
    }
    hessians = _hessians(graph, sorted(set(products.values())), feeds)
    for name, given in products.items():
        scale, rounded = stored[f"{name}_scale"], stored[f"{name}_quantized"]
        values = gptq(numpy_helper.to_array(weights[name]), numpy_helper.to_array(scale), hessians[given])
        rounded.CopyFrom(numpy_helper.from_array(values, rounded.name))
    return len(products)


def gptq(weights: Floats, scale: Floats, hessian: Doubles) -> Bytes:
    """Return weights [in, out] in units of scale [out], rounded for inputs with Σ x xᵀ = hessian [in, in]."""
    count = len(weights)
    hessian = hessian + DAMPING * (np.diag(hessian).mean() or 1.0) * np.eye(count)
    order = np.argsort(-np.diag(hessian), kind="stable")
    left = weights[order].astype(np.float64)
    upper = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    rounded = np.empty(weights.shape, dtype=np.int8)
    for first in range(0, count, BLOCK):
        end = min(first + BLOCK, count)
        errors = np.empty((end - first, weights.shape[1]))
        for i in range(first, end):
            rounded[order[i]] = np.clip(np.rint(left[i] / scale), -127, 127)
            errors[i - first] = (left[i] - rounded[order[i]] * scale) / upper[i, i]
            left[i + 1 : end] -= np.outer(upper[i, i + 1 : end], errors[i - first])
        left[end:] -= upper[first:end, end:].T @ errors
    return rounded


def _hessians(graph: onnx.ModelProto, names: Sequence[str], feeds: Sequence[Feeds]) -> Mapping[str, Doubles]:
    """Return Σ x xᵀ [dim, dim] of the named tensors [batch, length, dim], over the tokens that are there."""
    hessians = {name: np.zeros((1, 1)) for name in names}
    for feed, found in tensors(graph, names, feeds):
        there = feed["attention_mask"].astype(bool)
        for name, values in found.items():
            by_token = values.ndim == 3 and values.shape[:2] == there.shape
            tokens = values[there] if by_token else values.reshape(-1, values.shape[-1])
            hessians[name] = hessians[name] + (tokens.T @ tokens).astype(np.float64)
    return hessians
