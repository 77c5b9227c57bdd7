"""Twitter Dataset I (You et al. 2015) and II (Borth et al. 2013): pictures, positive or negative."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from posthue.data.corpora.base import CorpusInfo, Splits, register
from posthue.data.corpora.image_lists import image_root, polar_examples
from posthue.posts import Modality

_SOURCE = "https://github.com/codiceSpaghetti/T4SA-2.0, folder dataset/benchmark"


def _info(name: str, title: str, folder: str, lists: tuple[str, ...], citation: str) -> CorpusInfo:
    return CorpusInfo(
        name=name,
        title=title,
        folder=folder,
        schemes=("sentiment",),
        modalities=(Modality.IMAGE,),
        layout=f"{' or '.join(lists)} (path and class, 0 negative, 1 positive), the pictures in images/",
        source=_SOURCE,
        licence="research use",
        citation=citation,
    )


def _reader(lists: tuple[str, ...]) -> Callable[[Path], Splits]:
    def read(folder: Path) -> Splits:
        listing = next(folder / name for name in lists if (folder / name).exists())
        home = listing.parent.parent if listing.parent.name == "ground_truth" else listing.parent
        return {"all": polar_examples(listing, image_root(home, "images", "Agg_AMT_Candidates"))}

    return read


def _register_agreement(number: int, word: str, count: str) -> None:
    lists = (
        *(f"{number}agree.csv", f"twitter_{word}_agrees.txt", f"{word}_agree.txt"),
        f"ground_truth/twitter_{word}_agrees.txt",
    )
    title = f"Twitter Dataset I, {count} pictures on which {number} or more of five people agree"
    citation = "You et al. 2015, Robust Image Sentiment Analysis Using Progressively Trained Deep Networks"
    info = _info(f"twitter-{number}agree", title, "Twitter Testing Dataset I", lists, citation)
    register(info, marks=lists, also=("twitter-1", "twitter_dataset", info.name))(_reader(lists))


_register_agreement(5, "five", "882")
_register_agreement(4, "four", "1,116")
_register_agreement(3, "three", "1,269")

_TWO = ("twitter_testing_2.csv",)
TWITTER_2 = _info(
    "twitter-2",
    "Twitter Dataset II, 603 pictures",
    "Twitter Testing Dataset II",
    _TWO,
    "Borth et al. 2013, Large-scale Visual Sentiment Ontology and Detectors Using Adjective Noun Pairs",
)
register(TWITTER_2, marks=_TWO, also=("twitter-2",))(_reader(_TWO))
