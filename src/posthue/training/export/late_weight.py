"""The weights of a tuned late fusion, chosen on validation posts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posthue.model.fusion.late import LateFusion, tune_late_weight
from posthue.model.post_model import PostModel
from posthue.posts import State
from posthue.training.stages.inputs import ValidationSet


def tune_shares(model: PostModel, sets: Sequence[ValidationSet]) -> dict[str, float]:
    """Set the text's share of every scheme that has labelled posts with both modalities; return the shares.

    Does nothing to any other fusion than ``late`` with the rule ``tuned``.
    """
    fusion = model.fusion
    if not isinstance(fusion, LateFusion) or fusion.rule != "tuned":
        return {}
    shares = {}
    texts, images = (
        [entry.labelled_logits(model, seen=seen) for entry in sets] for seen in (State.TEXT, State.IMAGE)
    )
    for scheme in model.config.schemes:
        text, image = ([each[scheme].of_state(State.BOTH) for each in known] for known in (texts, images))
        labels = [known.labels for known in text]
        if any(map(len, labels)):
            by_text, by_image = (np.concatenate([known.logits for known in part]) for part in (text, image))
            shares[scheme] = tune_late_weight(by_text, by_image, np.concatenate(labels))
            fusion.set_text_share(scheme, shares[scheme])
    return shares
