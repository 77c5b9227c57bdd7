"""Why a post was predicted so: contributions of its words and of the regions of its picture, without
torch."""

from __future__ import annotations

from posthue.runtime.explain.explainer import Explainer
from posthue.runtime.explain.explanation import Explanation, WordPart

__all__ = ["Explainer", "Explanation", "WordPart"]
