"""The weights of a tuned late fusion, chosen on validation posts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posthue.model.fusion import late
from posthue.model.post_model import PostModel
from posthue.posts import State
from posthue.training.stages.inputs import ValidationSet


def tune_shares(model: PostModel, sets: Sequence[ValidationSet]) -> dict[str, float]:
    """Set the text's share of every scheme that has labelled posts with both; return the shares."""

    def alone(seen: State) -> dict[str, late.Known]:
        known = [entry.labelled_logits(model, seen=seen) for entry in sets]
        full = {scheme: [each[scheme].of_state(State.BOTH) for each in known] for scheme in known[0]}
        return {
            scheme: (np.concatenate([e.logits for e in each]), np.concatenate([e.labels for e in each]))
            for scheme, each in full.items()
        }

    return late.tune_shares(model.fusion, alone)
