"""EmotionROI (Peng et al. 2016): pictures in Ekman's six emotions, 330 of each."""

from __future__ import annotations

from pathlib import Path

from posthue.data.corpora.base import CorpusInfo, Example, Splits, register
from posthue.data.corpora.image_lists import emotion_examples, image_root, tree_examples
from posthue.posts import Modality

INFO = CorpusInfo(
    name="emotion-roi",
    title="EmotionROI, six emotions",
    folder="EmotionROI",
    schemes=("emotion", "sentiment"),
    modalities=(Modality.IMAGE,),
    layout=(
        "images/EMOTION/NUMBER.jpg (anger, disgust, fear, joy, sadness, surprise), "
        "with emotion_ROI_train.csv and emotion_ROI_test.csv (path,class) where there are any"
    ),
    source="http://chenlab.ece.cornell.edu/people/kuanchuan/; lists: github.com/codiceSpaghetti/T4SA-2.0",
    licence="research use",
    citation="Peng et al. 2016, Where Do Emotions Come From? Predicting the Emotion Stimuli Map",
)

#: Pictures 232 to 330 of each emotion are the test part.
_FIRST_OF_TEST = 232


@register(
    INFO,
    marks=("emotion_ROI_*.csv", "images/surprise", "surprise"),
    also=("emotion-roi", "emotionROI", "Emotion6"),
)
def read(folder: Path) -> Splits:
    """Read the lists emotion_ROI_train.csv and emotion_ROI_test.csv, else the complete list or the tree."""
    images = image_root(folder, "images")
    lists = {part: folder / f"emotion_ROI_{part}.csv" for part in ("train", "test")}
    if any(path.exists() for path in lists.values()):
        return {p: emotion_examples(path, images, "emotion") for p, path in lists.items() if path.exists()}
    complete = folder / "emotion_ROI_complete.csv"
    return _by_number(
        emotion_examples(complete, images, "emotion")
        if complete.exists()
        else tree_examples(images, "emotion")
    )


def _by_number(examples: list[Example]) -> Splits:
    parts: dict[str, list[Example]] = {"train": [], "test": []}
    for example in examples:
        parts["test" if _number(example) >= _FIRST_OF_TEST else "train"].append(example)
    return parts


def _number(example: Example) -> int:
    stem = Path(example.post.id or "").stem
    return int(stem) if stem.isdecimal() else 0
