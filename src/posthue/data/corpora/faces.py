"""A folder tree of faces, one folder per emotion: AffectNet exports, FER2013 as images, and your own.

Folders are named by emotion or by AffectNet's numbers. Contempt, and AffectNet's classes that are no emotion,
are none of Ekman's and are left out.
"""

from __future__ import annotations

from pathlib import Path

from posthue.data.corpora.base import CorpusInfo, Example, LazyExamples, Splits, register
from posthue.data.corpora.reading import EMOTION_NAMES, pictures_in, subfolders
from posthue.errors import CorpusError, LabelError, choices
from posthue.posts import Modality, Post

INFO = CorpusInfo(
    name="faces",
    title="Faces in one folder per emotion (AffectNet-like)",
    folder="faces",
    schemes=("emotion",),
    modalities=(Modality.IMAGE,),
    layout="SPLIT/EMOTION/*.jpg or EMOTION/*.jpg; EMOTION is a name (anger, happy, …) or AffectNet's number",
    source="http://mohammadmahoor.com/affectnet/ (on request), or your own pictures",
    licence="AffectNet: research use",
    citation="Mollahosseini et al. 2017, AffectNet: A Database for Facial Expression, Valence, and Arousal",
)

_AFFECTNET = ("neutral", "joy", "sadness", "surprise", "fear", "disgust", "anger")
_EMOTIONS = {**EMOTION_NAMES, **{str(number): name for number, name in enumerate(_AFFECTNET)}}
_LEFT_OUT = frozenset({"contempt", "none", "uncertain", "non-face", "7", "8", "9", "10"})


@register(
    INFO, marks=("[aA]ng*/*", "*/[aA]ng*/*", "[06]/*", "*/[06]/*"), also=("affectnet", "AffectNet", "FER2013")
)
def read(folder: Path) -> Splits:
    """Read the tree. Without a level of splits there is one, "all"; a split is called as its folder."""
    children = subfolders(folder)
    if all(_is_emotion(child) for child in children):
        return {"all": _read_split(folder, "all")}
    return {child.name.lower(): _read_split(child, child.name.lower()) for child in children}


def _is_emotion(folder: Path) -> bool:
    return folder.name.lower() in _EMOTIONS or folder.name.lower() in _LEFT_OUT


def _read_split(folder: Path, split: str) -> LazyExamples:
    folders = subfolders(folder)
    _refuse_rafdb(folder, {child.name for child in folders})
    labelled = [(child, _label(child)) for child in folders if child.name.lower() not in _LEFT_OUT]
    rows = [(label, path) for child, label in labelled for path in pictures_in(child)]

    def make(row: int) -> Example:
        label, path = rows[row]
        return Example(Post(image=path, id=f"{split}/{path.parent.name}/{path.name}"), {"emotion": (label,)})

    return LazyExamples(len(rows), make)


def _label(folder: Path) -> str:
    if not _is_emotion(folder):
        raise LabelError(f"{folder}: {folder.name!r} is not one of {choices(folder.name, _EMOTIONS)}")
    return _EMOTIONS[folder.name.lower()]


def _refuse_rafdb(folder: Path, names: set[str]) -> None:
    """RAF-DB numbers its folders from 1 to 7 and means other emotions by them."""
    if "1" in names and "7" in names and "0" not in names:
        raise CorpusError(
            f"{folder} has folders 1 to 7 and no 0: these look like RAF-DB's numbers, not AffectNet's. "
            "Rename them to surprise, fear, disgust, happiness, sadness, anger, neutral, in this order"
        )
