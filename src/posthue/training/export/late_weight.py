"""The weights of a tuned late fusion, chosen on validation posts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posthue.model.fusion.late import LateFusion, tune_late_weight
from posthue.model.post_model import PostModel
from posthue.posts import State
from posthue.training.stages.logits import predict_logits
from posthue.training.stages.validation import CheckSet, row_states, truths

SHOWN = ((True, False), (False, True))


def tune_shares(model: PostModel, sets: Sequence[CheckSet], schemes: Sequence[str]) -> dict[str, float]:
    """Set the text's share of every scheme that has labelled posts with both modalities; return the shares.

    Does nothing to any other fusion than ``late`` with the rule ``tuned``.
    """
    fusion = model.fusion
    if not isinstance(fusion, LateFusion) or fusion.rule != "tuned":
        return {}
    apart = [[predict_logits(model, e.dataset, e.collator, shown=shown) for shown in SHOWN] for e in sets]
    both = [np.array([state == State.BOTH for state in row_states(entry)], dtype=bool) for entry in sets]
    shares = {}
    for scheme in schemes:
        known = [truths(entry.dataset, scheme) for entry in sets]
        kept = [(rows[b[rows]], labels[b[rows]]) for (rows, labels), b in zip(known, both, strict=True)]
        true = np.concatenate([labels for _, labels in kept])
        if len(true):
            text, image = (
                np.concatenate([found[i][scheme][rows] for found, (rows, _) in zip(apart, kept, strict=True)])
                for i in (0, 1)
            )
            shares[scheme] = tune_late_weight(text, image, true)
            fusion.set_text_share(scheme, shares[scheme])
    return shares
