"""How near the text encoder comes to the machine's matrix-multiply peak, and where the rest of the time goes.

    python benchmarks/gemm_share.py [--model BUNDLE]

Peak: the fastest 1024 x 1024 x 1024 product in ONNX Runtime, in fp32 (MatMul) and in int8 (MatMulInteger),
with as many threads. The encoder: batches of 32 texts of one length, its multiply-adds counted from the
shapes of its weights and of the attention. Where the rest goes: ONNX Runtime's own profile, by operator.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from _measuring import RESULTS, timed, write_results
from posthue.runtime.backends.devices import choose_threads
from posthue.runtime.bundle.folder import Bundle

SIDE = 1024
ROWS = 32


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="folder of a bundle; the shipped one if left out")
    parser.add_argument("--lengths", type=int, nargs="*", default=[24, 64, 128])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--output", type=Path, default=RESULTS / "gemm_share.csv")
    args = parser.parse_args()
    threads = choose_threads(args.threads)
    bundle = Bundle.open(args.model)
    assert bundle.config.text is not None
    path = bundle.file(bundle.config.text.file)
    peaks = {name: peak(name, threads) for name in ("fp32", "int8")}
    rows = []
    for length in args.lengths:
        seconds, kinds = encoder(path, length, threads)
        work = 2 * ROWS * multiply_adds(onnx.load(path), length)
        top = "; ".join(f"{name} {share:.0%}" for name, share in kinds.most_common(6))
        rows.append(
            {
                "batch": ROWS,
                "length": length,
                "threads": threads,
                "gop_per_second": f"{work / seconds / 1e9:.0f}",
                "peak_fp32": f"{peaks['fp32'] / 1e9:.0f}",
                "peak_int8": f"{peaks['int8'] / 1e9:.0f}",
                "share_of_fp32": f"{work / seconds / peaks['fp32']:.2f}",
                "share_of_int8": f"{work / seconds / peaks['int8']:.2f}",
                "time_by_operator": top,
            }
        )
    write_results(args.output, rows)


def session(model: bytes | str, threads: int, *, profile: str | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def peak(kind: str, threads: int) -> float:
    """Operations a second (a multiply-add is two) of a square product with constant weights."""
    draw = np.random.default_rng(0)
    if kind == "fp32":
        left, right = (draw.random((SIDE, SIDE), dtype=np.float32) for _ in range(2))
        node = helper.make_node("MatMul", ["a", "b"], ["c"])
        given, gave = TensorProto.FLOAT, TensorProto.FLOAT
    else:
        left = draw.integers(0, 255, (SIDE, SIDE), dtype=np.uint8)
        right = draw.integers(-127, 127, (SIDE, SIDE), dtype=np.int8)
        node = helper.make_node("MatMulInteger", ["a", "b"], ["c"])
        given, gave = TensorProto.UINT8, TensorProto.INT32
    graph = helper.make_graph(
        [node],
        "peak",
        [helper.make_tensor_value_info("a", given, [SIDE, SIDE])],
        [helper.make_tensor_value_info("c", gave, [SIDE, SIDE])],
        [onnx.numpy_helper.from_array(right, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    ready = session(model.SerializeToString(), threads)
    return 2 * SIDE**3 / min(timed(lambda: ready.run(None, {"a": left})) for _ in range(20))


def encoder(path: Path, length: int, threads: int) -> tuple[float, Counter[str]]:
    """Seconds of a batch at best, and the share of the time of each kind of operator."""
    draw = np.random.default_rng(0)
    ids = draw.integers(1000, 20000, (ROWS, length))
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    ready = session(str(path), threads)
    seconds = min(timed(lambda: ready.run(["pooled"], feeds)) for _ in range(10))
    with tempfile.TemporaryDirectory() as scratch:
        watched = session(str(path), threads, profile=str(Path(scratch) / "profile"))
        for _ in range(5):
            watched.run(["pooled"], feeds)
        events = json.loads(Path(watched.end_profiling()).read_text(encoding="utf-8"))
    spent: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[event["args"]["op_name"]] += event["dur"]
    total = spent.total()
    return seconds, Counter({name: time / total for name, time in spent.items()})


def multiply_adds(model: onnx.ModelProto, length: int) -> int:
    """Of one text: every weight of a matrix once per token, and the two products of each attention."""
    weights = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    kinds = {"MatMul", "MatMulInteger", "Gemm", "DynamicQuantizeMatMul"}
    found = 0
    attentions = 0
    for node in model.graph.node:
        if node.op_type in kinds:
            held = [weights[name] for name in node.input if name in weights and len(weights[name]) == 2]
            found += int(np.prod(held[0])) * length if held else 0
        attentions += node.op_type == "Softmax"
    squares = [dims[0] for dims in weights.values() if len(dims) == 2 and dims[0] == dims[1]]
    width = min(squares, default=0)
    return found + attentions * 2 * length * length * width


if __name__ == "__main__":
    main()
