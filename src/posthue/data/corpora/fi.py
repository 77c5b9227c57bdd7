"""FI, Flickr and Instagram (You et al. 2016): pictures in Mikels' eight emotions, with five given splits."""

from __future__ import annotations

from pathlib import Path

from posthue.data.corpora.base import CorpusInfo, Splits, register
from posthue.data.corpora.image_lists import emotion_examples, image_root, tree_examples
from posthue.posts import Modality

INFO = CorpusInfo(
    name="fi",
    title="FI (Flickr and Instagram), eight emotions",
    folder="FI",
    schemes=("mikels", "sentiment"),
    modalities=(Modality.IMAGE,),
    layout=(
        "images/EMOTION/*.jpg, with FI_complete.csv (path,class) and split_1 … split_5, each with "
        "FI_train.csv, FI_val.csv, FI_test.csv, where there are any"
    ),
    source="https://qzyou.github.io (on request); lists: github.com/codiceSpaghetti/T4SA-2.0",
    licence="research use",
    citation="You et al. 2016, Building a Large Scale Dataset for Image Emotion Recognition",
)


@register(
    INFO,
    marks=("FI_complete.csv", "FI.csv", "split_1/FI_*.csv", "images/amusement", "amusement"),
    also=("fi", "emotion_dataset"),
)
def read(folder: Path) -> Splits:
    """Read FI. Splits: "all" (the complete list, or the tree) and "split_1/train" … "split_5/test"."""
    images = image_root(folder, "images")
    complete = next((folder / n for n in ("FI_complete.csv", "FI.csv") if (folder / n).exists()), None)
    everything = emotion_examples(complete, images, "mikels") if complete else tree_examples(images, "mikels")
    given = {
        f"{path.parent.name}/{part}": emotion_examples(path, images, "mikels")
        for part in ("train", "val", "test")
        for path in sorted(folder.glob(f"split_*/FI_{part}.csv"))
    }
    return {**({"all": everything} if everything else {}), **dict(sorted(given.items()))}
