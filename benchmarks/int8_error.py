"""What each step of the int8 export does to a text encoder: the error of its vectors, its time, its size.

    python benchmarks/int8_error.py --data DIR [--text ENCODER] [--encoders DIR]

Error: the size of all differences to the fp32 graph's vectors, relative to their size, on the texts of
MVSA-Single's dev split. Calibration: 256 texts of its train split. Time: one thread, batches of 32 of like
length, medians over interleaved rounds; a ratio to plain int8. ENCODER: a Hub id, or the folder of a trained
model (RUN/fuse/model).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime

from _measuring import RESULTS, interleaved, write_results
from posthue.data.corpora import load_corpus
from posthue.graphs import int8
from posthue.model.export import export_graphs
from posthue.training.export.bundle import token_batches
from posthue.training.recipes.folders import Folders
from posthue.training.recipes.schema import Stage
from posthue.training.stages.build import build

TEXTS = 256
#: Step → (calibrated at all, outliers apart, rounded together)
STEPS = {
    "fp32": None,
    "int8": (False, False, False),
    "smoothed": (True, False, False),
    "outliers apart": (True, True, False),
    "rounded together": (True, True, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder with mvsa-single/")
    parser.add_argument("--encoders", help="folder of local encoders, looked in before the Hub")
    parser.add_argument("--text", default="sentence-transformers/all-MiniLM-L6-v2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS / "int8_error.csv")
    args = parser.parse_args()
    corpus = load_corpus("mvsa-single", args.data)
    texts = {split: [each.post.text or "" for each in corpus.splits[split]] for split in ("train", "dev")}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        models = Path(args.encoders) if args.encoders else None
        stage = Stage("text", (), (), text=args.text, fusion="single", emoji=False)
        built = build(stage, ("sentiment",), Folders(folder, Path(args.data), models))
        model, processor = built.model, built.processor
        export_graphs(model, folder, quantize=False)
        calibration = token_batches(processor, texts["train"][:TEXTS])
        for step, parts in STEPS.items():
            (folder / step).mkdir()
            shutil.copy(folder / "text.onnx", folder / step)
            if parts is not None:
                with only(*parts[1:]):
                    int8.quantize(folder / step / "text.onnx", calibration if parts[0] else ())
        feeds = token_batches(processor, texts["dev"])
        write_results(args.output, rows(folder, feeds, len(texts["dev"]), args.rounds))


@contextmanager
def only(apart: bool, together: bool) -> Iterator[None]:
    """Leave steps of the quantiser out."""
    few, rounder = int8.APART, int8.apply_gptq
    int8.APART = few if apart else 1 << 30
    int8.apply_gptq = rounder if together else lambda *_: 0
    try:
        yield
    finally:
        int8.APART, int8.apply_gptq = few, rounder


def rows(
    folder: Path, feeds: list[dict[str, np.ndarray]], count: int, rounds: int
) -> list[dict[str, object]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = {
        step: onnxruntime.InferenceSession(
            folder / step / "text.onnx", options, providers=["CPUExecutionProvider"]
        )
        for step in STEPS
    }
    said = {step: np.concatenate([s.run(None, feed)[0] for feed in feeds]) for step, s in sessions.items()}
    spent = interleaved(
        {
            step: lambda _, session=session: [session.run(None, feed) for feed in feeds]
            for step, session in sessions.items()
        },
        rounds,
    )
    whole = np.linalg.norm(said["fp32"])
    return [
        {
            "step": step,
            "n": count,
            "rounds": rounds,
            "error": f"{np.linalg.norm(said[step] - said['fp32']) / whole:.4f}",
            "time_to_int8": f"{median(a / b for a, b in zip(spent[step], spent['int8'], strict=True)):.2f}",
            "mib": f"{(folder / step / 'text.onnx').stat().st_size / 2**20:.1f}",
        }
        for step in STEPS
    ]


if __name__ == "__main__":
    main()
