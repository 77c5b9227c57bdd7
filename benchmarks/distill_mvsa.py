"""Does the crowd teach a picture's sentiment? MVSA-Single's training posts as the crowd, labels hidden.

    python benchmarks/distill_mvsa.py --data DIR --encoders DIR --teacher BUNDLE --runs DIR [--mode full]

The teacher must never have seen these posts. The student, MobileNetV2, is predicted against the image's
own human label on dev (positive against negative; neutral left out): ROC AUC, accuracy at one half, and
accuracy at the threshold that calls as many pictures positive as are (``matched``), which tells a
better ranking from a shifted threshold.

Runs: filters none, .70 and .90/.90/.70, each with hard and soft targets (temperature 2); ``human``, the
same network on the human labels of the same pictures, the upper reference; ``floor``, a linear
classifier on frozen features with human labels, and ``floor-teacher``, with the teacher's. Pictures
near one of dev are left out of all. Frozen mode trains the head on frozen features; full mode one epoch
so and three of everything, at 160 pixels. Every run is kept in --runs and not repeated; the csv is
written from what is there.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

import posthue
from posthue.data.corpora import Example, load_corpus
from posthue.evaluation.benchmarks import CLASSES, predict_pictures
from posthue.evaluation.metrics import measure
from posthue.evaluation.roc_auc import measure_auc
from posthue.labels import SENTIMENT
from posthue.training.distill.pipeline import Places, run_distill
from posthue.training.distill.recipe import Dedup, DistillRecipe, Posts, Select, Student, Teacher
from posthue.training.distill.splitting import SPLIT
from posthue.training.distill.store import StageWriter, stream
from posthue.training.distill.student import train_student

FILTERS = {
    "none": {},
    "70": dict.fromkeys(SENTIMENT.labels, 0.7),
    "90-90-70": {"positive": 0.9, "neutral": 0.9, "negative": 0.7},
}
COLUMNS = (
    "mode",
    "run",
    "filter",
    "targets",
    "labels",
    "seed",
    "posts",
    "n",
    "roc_auc",
    "roc_auc_low",
    "roc_auc_high",
)
COLUMNS += (
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "matched_accuracy",
    "share_called_positive",
    "share_positive",
)
ENCODER = "google/mobilenet_v2_1.0_224"


def student(mode: str, targets: str, image: str) -> Student:
    """Return the settings of one student."""
    soft = {"targets": "soft", "temperature": 2.0} if targets == "soft" else {}
    shared = {"image": image, "freeze_batchnorm": True, "head_learning_rate": 1e-3, **soft}
    if mode == "full":
        return Student(frozen_epochs=1, epochs=3, augment=True, **shared)
    return Student(frozen_epochs=20, epochs=0, dropout=0.2, **shared)


def linear(image: str) -> Student:
    """Return the floor: a linear classifier on frozen features."""
    return Student(image=image, hidden=0, dropout=0.2, frozen_epochs=20, epochs=0, head_learning_rate=1e-3)


def recipe(keep: dict[str, float], teacher: Path, net: Student, seed: int) -> DistillRecipe:
    """Return the recipe of one run; the stages before the student do not depend on the seed."""
    return DistillRecipe(
        "distill-mvsa",
        Posts(corpus="mvsa-single", split="train"),
        select=Select(language=None, min_words=1),
        teacher=Teacher(str(teacher)),
        keep=keep,
        dedup=Dedup(against=("mvsa-single:dev",)),
        balance="weights",
        fractions={"train": 0.9, "val": 0.09, "test": 0.01},
        student=net,
        seed=seed,
    )


def do_run(name: str, one: DistillRecipe, options: argparse.Namespace, humans: dict[str, str] | None) -> Path:
    """Train one student, by the teacher's labels or by people's; return its bundle."""
    run = options.runs / name
    cache = options.runs / "features"
    cache.mkdir(parents=True, exist_ok=True)
    run.mkdir(exist_ok=True)
    if not (run / ".posthue-features").is_symlink():
        (run / ".posthue-features").symlink_to(cache.resolve())
    before = options.runs / ("stages-" + "-".join(f"{v:g}" for v in one.keep.values()))
    if not (before / "done").exists():
        run_distill(one, Places(before, options.data, options.encoders), until="dedup")
        (before / "done").touch()
    if not (run / "stages").exists():
        shutil.copytree(before / "stages", run / "stages")
    places = Places(run, options.data, options.encoders)
    if humans is None:
        bundle = run_distill(one, places).bundle
        assert bundle is not None
        return bundle
    run_distill(one, places, until="split")
    source = run / "stages" / "human.parquet"
    write_human(run / "stages" / "6-split.parquet", source, humans)
    return train_student(one, source, run, key="human", data=options.data, models=options.encoders)


def write_human(source: Path, target: Path, labels: dict[str, str]) -> None:
    """Put people's label of the picture in the place of the teacher's."""
    with StageWriter(target, SPLIT) as writer:
        for batch in stream(source):
            table = pa.Table.from_batches([batch])
            names = [labels[i] for i in table.column("id").to_pylist()]
            for label in SENTIMENT.labels:
                sure = pa.array([float(n == label) for n in names], pa.float32())
                table = table.set_column(table.schema.get_field_index(label), label, sure)
            writer.write(table.set_column(table.schema.get_field_index("label"), "label", pa.array(names)))


def predict(bundle: Path, dev: Sequence[Example]) -> dict[str, float]:
    """Predict dev's pictures against their own human label."""
    rows = list(predict_pictures(posthue.load(bundle), dev))
    true = np.array([CLASSES.index(row.true) for row in rows])
    scores = np.array([row.positive for row in rows], dtype=np.float64)
    auc, found = measure_auc(true, scores), measure(true, (scores > 0.5).astype(np.int64), 2)["accuracy"]
    matched = scores >= np.sort(scores)[::-1][true.sum() - 1]
    return {
        "n": len(rows),
        **{"roc_auc": auc.value, "roc_auc_low": auc.low, "roc_auc_high": auc.high},
        **{"accuracy": found.value, "accuracy_low": found.low, "accuracy_high": found.high},
        "matched_accuracy": float((matched == true).mean()),
        "share_called_positive": float((scores > 0.5).mean()),
        "share_positive": float(true.mean()),
    }


def runs(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, object], DistillRecipe, bool]]:
    """Yield name, facts, recipe and whether people's labels are used."""
    image = small_encoder(options) if options.mode == "full" else ENCODER
    for seed in range(options.seeds):
        for keep, thresholds in FILTERS.items():
            for targets in ("hard", "soft"):
                one = recipe(thresholds, options.teacher, student(options.mode, targets, image), seed)
                facts = {
                    "run": "student",
                    "filter": keep,
                    "targets": targets,
                    "labels": "teacher",
                    "seed": seed,
                }
                yield f"{options.mode}-{keep}-{targets}-s{seed}", facts, one, False
        base = recipe({}, options.teacher, student(options.mode, "hard", image), seed)
        facts = {"run": "human", "filter": "none", "targets": "hard", "labels": "human", "seed": seed}
        yield f"{options.mode}-human-s{seed}", facts, base, True
        floor = replace(base, student=linear(ENCODER))
        yield f"floor-s{seed}", facts | {"run": "floor"}, floor, True
        yield f"floor-teacher-s{seed}", facts | {"run": "floor-teacher", "labels": "teacher"}, floor, False


def small_encoder(options: argparse.Namespace) -> str:
    """Return a copy of the encoder whose pictures are 160 pixels: half the work."""
    from posthue.model.encoders.hub import resolve

    source, target = Path(resolve(ENCODER, options.encoders)), options.runs / "encoder-160"
    if not target.exists():
        shutil.copytree(source, target.with_suffix(".part"), dirs_exist_ok=True)
        settings = target.with_suffix(".part") / "preprocessor_config.json"
        values = json.loads(settings.read_text()) | {"size": {"shortest_edge": 183}}
        settings.write_text(json.dumps(values | {"crop_size": {"height": 160, "width": 160}}))
        target.with_suffix(".part").replace(target)
    return str(target)


def main() -> None:
    """Run what is not done yet, and write the csv."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--data", "--teacher", "--runs"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--encoders", type=Path)
    parser.add_argument("--mode", choices=("frozen", "full"), default="frozen")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="runs whose name holds this")
    parser.add_argument("--output", type=Path, default=Path("docs/results/distill.csv"))
    options = parser.parse_args()
    splits = load_corpus("mvsa-single", options.data).splits
    humans = {str(e.post.id): e.image_labels["sentiment"][0] for e in splits["train"]}
    dev = [
        Example(e.post, e.image_labels) for e in splits["dev"] if e.image_labels["sentiment"][0] in CLASSES
    ]
    for name, facts, one, by_people in runs(options):
        result = options.runs / f"{name}.json"
        if result.exists() or options.only not in name:
            continue
        bundle = do_run(name, one, options, humans if by_people else None)
        crowd = load_corpus("crowd", options.runs / name / "student").splits
        found = {"mode": options.mode, **facts, "posts": len(crowd["train"]), **predict(bundle, dev)}
        result.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{name}: AUC {found['roc_auc']:.3f}, accuracy {found['accuracy']:.3f}", flush=True)
    write_csv(options)


def write_csv(options: argparse.Namespace) -> None:
    """Write one row per finished run, and print the means."""
    found = [json.loads(path.read_text()) for path in sorted(options.runs.glob("*-s*.json"))]
    made = (shlex.join(["python", *sys.argv]), datetime.now(UTC).date().isoformat())
    made = (made[0].replace(str(options.data), "DIR").replace(str(options.runs), "RUNS"), made[1])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with options.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, "command", "date"])
        for row in found:
            values = (row[column] for column in COLUMNS)
            writer.writerow([*(f"{v:.4f}" if isinstance(v, float) else v for v in values), *made])
    groups: dict[tuple[str, ...], list[dict[str, float]]] = {}
    for row in found:
        groups.setdefault((row["mode"], row["run"], row["filter"], row["targets"]), []).append(row)
    for key, rows in groups.items():
        told = ", ".join(spread(metric, rows) for metric in ("roc_auc", "accuracy", "matched_accuracy"))
        print(f"{' '.join(key)} ({len(rows)} seeds, {rows[0]['posts']} posts): {told}")


def spread(metric: str, rows: list[dict[str, float]]) -> str:
    """Return mean ± standard deviation over the seeds."""
    values = [row[metric] for row in rows]
    return f"{metric} {np.mean(values):.3f} ± {np.std(values, ddof=min(1, len(values) - 1)):.3f}"


if __name__ == "__main__":
    main()
