"""The image benchmarks in their true layout, a few made pictures each."""

from __future__ import annotations

from pathlib import Path

from crowd_factory import write_picture

RED, GREEN = (220, 30, 30), (30, 220, 30)
MIKELS = {"amusement": 1, "awe": 1, "anger": 0, "sadness": 0}
EMOTION = {"joy": 1, "surprise": 1, "anger": 0, "fear": 0}


def write_list(path: Path, rows: list[tuple[str, int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("path,class\n" + "".join(f"{image},{mark}\n" for image, mark in rows), encoding="utf-8")


def pictures(folder: Path, names: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Green pictures for class 1, red ones for class 0."""
    for seed, (name, mark) in enumerate(names):
        write_picture(folder / name, GREEN if mark else RED, seed)
    return names


def write_benchmarks(data: Path) -> Path:
    """All six in their true layout, a few pictures each."""
    one = data / "Twitter Testing Dataset I"
    rows = pictures(one / "images", [(f"{i}.jpg", i % 2) for i in range(6)])
    for number, size in ((5, 4), (4, 5), (3, 6)):
        write_list(one / f"{number}agree.csv", rows[:size])
    two = data / "Twitter Testing Dataset II"
    write_list(
        two / "twitter_testing_2.csv", pictures(two / "images", [(f"b{i}.jpg", int(i > 0)) for i in range(4)])
    )
    fi = data / "FI"
    rows = pictures(fi / "images", [(f"{e}/{i}.jpg", mark) for e, mark in MIKELS.items() for i in range(6)])
    write_list(fi / "FI_complete.csv", rows)
    for split in range(1, 6):
        for number, part in enumerate(("train", "val", "test")):
            write_list(fi / f"split_{split}" / f"FI_{part}.csv", rows[number::3])
    roi = data / "EmotionROI"
    names = [(f"{e}/{i}.jpg", mark) for e, mark in EMOTION.items() for i in (1, 2, 3, 4, 5, 232, 330)]
    rows = pictures(roi / "images", names)
    write_list(roi / "emotion_ROI_train.csv", [r for r in rows if int(Path(r[0]).stem) < 232])
    write_list(roi / "emotion_ROI_test.csv", [r for r in rows if int(Path(r[0]).stem) >= 232])
    return data
