"""Logits of a dataset under a torch model, in batches of like with like, in the order of the rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset

from posthue.model.post_model import PostModel
from posthue.posts import State
from posthue.training.datasets.batches import Collator, batch_kinds
from posthue.training.datasets.sampler import BucketBatchSampler


@torch.inference_mode()
def predict_logits(
    model: PostModel,
    dataset: Dataset,
    collator: Collator,
    *,
    batch_size: int = 64,
    seen: State = State.BOTH,
) -> dict[str, npt.NDArray[np.float32]]:
    """Return scheme → logits [rows, labels]. seen: what the model sees of a post that has both."""
    training, device = model.training, model.device
    model.eval()
    logits = {
        s: np.zeros((len(dataset), len(labels)), np.float32) for s, labels in model.config.schemes.items()
    }
    mask = torch.tensor([seen != State.IMAGE, seen != State.TEXT], device=device)
    sampler = BucketBatchSampler(batch_kinds(dataset), dataset["length"], batch_size=batch_size, window=10**6)
    for rows in sampler:
        batch = {k: v.to(device) for k, v in collator(dataset.__getitems__(rows)).items()}
        batch["present"] = batch["present"] & mask
        output = model(**{k: v for k, v in batch.items() if not k.startswith("labels_") and k != "weight"})
        for scheme, values in output.logits.items():
            logits[scheme][rows] = values.float().cpu().numpy()
    model.train(training)
    return logits
