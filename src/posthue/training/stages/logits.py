"""Logits of a dataset under a torch model, in batches of like with like, in the order of the rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset

from posthue.model.post_model import PostModel
from posthue.training.datasets.batches import Collator, batch_kinds
from posthue.training.datasets.sampler import BucketBatchSampler

Logits = dict[str, npt.NDArray[np.float32]]


@torch.inference_mode()
def predict_logits(
    model: PostModel,
    dataset: Dataset,
    collator: Collator,
    *,
    batch_size: int = 64,
    shown: tuple[bool, bool] = (True, True),
) -> Logits:
    """Return scheme → logits [rows, labels]. shown: whether the model may see texts, and pictures."""
    training, device = model.training, model.device
    model.eval()
    logits = {
        s: np.zeros((len(dataset), len(labels)), np.float32) for s, labels in model.config.schemes.items()
    }
    sampler = BucketBatchSampler(batch_kinds(dataset), dataset["length"], batch_size=batch_size, window=10**6)
    for rows in sampler:
        batch = {k: v.to(device) for k, v in collator(dataset.__getitems__(rows)).items()}
        batch["present"] = batch["present"] & torch.tensor(shown, device=device)
        output = model(**{k: v for k, v in batch.items() if not k.startswith("labels_") and k != "weight"})
        for scheme, values in output.logits.items():
            logits[scheme][rows] = values.float().cpu().numpy()
    model.train(training)
    return logits
