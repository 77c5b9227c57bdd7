"""Public corpora, one reader per layout, behind one registry: ``load_corpus(name, data_dir)``."""

from __future__ import annotations

from posthue.data.corpora import (  # noqa: F401  importing a reader registers it
    crowd,
    dair,
    emotion_roi,
    enriched,
    faces,
    fer2013,
    fi,
    goemotions,
    mvsa,
    reddit,
    t4sa,
    tweeteval,
    twitter,
)
from posthue.data.corpora.base import Corpus, CorpusInfo, Example, corpus_info, list_corpora, load_corpus

__all__ = ["Corpus", "CorpusInfo", "Example", "corpus_info", "list_corpora", "load_corpus"]
