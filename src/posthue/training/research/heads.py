"""Heads on precomputed features of the frozen encoders: a fusion trains in seconds.

A plain loop: shuffled batches, AdamW (or RAdam, SGD) with a cosine schedule after a short warm-up, modality
dropout, and the epoch with the least log loss on validation posts, seen whole and by each modality alone.
The same seed gives the same head, on one thread to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax
from torch.optim.lr_scheduler import LambdaLR

from posthue.model.fusion import Fusion
from posthue.training.features.post_features import PostFeatures, views
from posthue.training.recipes.head_settings import HeadSettings
from posthue.training.stages.losses import (
    class_weights_of,
    focal_weight,
    modality_states,
    scheme_losses,
    weighted_targets,
)
from posthue.training.stages.optimizers import make_optimizer

Ints = npt.NDArray[np.int64]
Logits = dict[str, npt.NDArray[np.float32]]

#: How much each modality state counts when the epoch is chosen: whole posts, text alone, image alone.
STATE_WEIGHTS = (0.5, 0.25, 0.25)
#: Rows that are predicted at a time.
PREDICT_ROWS = 512


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """A head at its best epoch. losses: the validation loss of every epoch; epoch: the best, from 1."""

    fusion: Fusion
    epoch: int
    losses: tuple[float, ...]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use so many threads for a while; the order of sums, so the last bits, depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_head(
    make: Callable[[], Fusion],
    train: PostFeatures,
    validation: PostFeatures,
    settings: HeadSettings,
    *,
    seed: int = 0,
    report: Callable[[int, float], None] | None = None,
) -> TrainedHead:
    """Train the fusion that ``make`` builds; the global random state is left as it was.

    report: called with the epoch, from 1, and the validation loss; it may raise to end the training.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fusion = make()
        optimizer = _optimizer(fusion, settings)
        steps = math.ceil(len(train) / settings.batch_size)
        schedule = LambdaLR(optimizer, _cosine(settings.epochs * steps, settings.warmup))
        weights = class_weights_of(train.targets, settings.class_weights)
        rng = np.random.default_rng(seed)
        training = _Training(fusion, settings, weights, optimizer, schedule, rng)
        losses, best = [], _state(fusion)
        for epoch in range(1, settings.epochs + 1):
            training.epoch(train)
            losses.append(validation_loss(fusion, validation))
            if losses[-1] == min(losses):
                best = _state(fusion)
            if report is not None:
                report(epoch, losses[-1])
            if epoch - _best_epoch(losses) >= settings.patience or math.isnan(losses[-1]):
                break
        fusion.load_state_dict(best)
        return TrainedHead(fusion.eval(), _best_epoch(losses), tuple(losses))


@torch.inference_mode()
def head_logits(fusion: Fusion, posts: PostFeatures, present: Tensor) -> Logits:
    """Return scheme → logits [n, labels] of posts of which ``present`` [n, 2] is shown."""
    fusion.eval()
    parts: list[dict[str, Tensor]] = []
    for start in range(0, len(posts), PREDICT_ROWS):
        rows = np.arange(start, min(start + PREDICT_ROWS, len(posts)))
        text, image = posts.batch(rows, sequences=fusion.wants_sequences)
        parts.append(fusion(text, image, present[start : start + PREDICT_ROWS]).logits)
    return {scheme: torch.cat([part[scheme] for part in parts]).numpy() for scheme in posts.targets}


def validation_loss(fusion: Fusion, posts: PostFeatures) -> float:
    """Return the mean log loss over the modality states, weighted by STATE_WEIGHTS."""
    return mean_over_states(fusion, posts, _log_loss)


def mean_over_states(
    fusion: Fusion, posts: PostFeatures, measure: Callable[[npt.NDArray[np.float32], Tensor], float]
) -> float:
    """Return a measure of logits and targets [n, labels] over whole posts, text alone and image alone.

    It is weighted by STATE_WEIGHTS; infinite without a post that can be read.
    """
    total = weight = 0.0
    both = posts.text is not None and posts.image is not None
    for (present, rows), share in list(zip(views(posts), STATE_WEIGHTS, strict=True))[: 3 if both else 1]:
        if not bool(rows.any()):
            continue
        some = posts.select(rows.nonzero().squeeze(1).numpy())
        for scheme, logits in head_logits(fusion, some, present[rows]).items():
            total += share * measure(logits, some.targets[scheme])
            weight += share
    return total / weight if weight else math.inf


def _log_loss(logits: npt.NDArray[np.float32], targets: Tensor) -> float:
    losses = -(targets * log_softmax(torch.from_numpy(logits), -1)).sum(-1)
    return float(losses.sum() / targets.sum().clamp(min=1e-9))


@dataclass(frozen=True, slots=True)
class _Training:
    """A training of a head. class_weights: scheme → [labels]. rng: of the order of the posts."""

    fusion: Fusion
    settings: HeadSettings
    class_weights: Mapping[str, Tensor]
    optimizer: torch.optim.Optimizer
    schedule: LambdaLR
    rng: np.random.Generator

    def epoch(self, posts: PostFeatures) -> None:
        """Train on all posts once."""
        self.fusion.train()
        order = self.rng.permutation(len(posts))
        for start in range(0, len(order), self.settings.batch_size):
            loss = self._batch_loss(posts, order[start : start + self.settings.batch_size])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.fusion.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()

    def _batch_loss(self, posts: PostFeatures, rows: Ints) -> Tensor:
        index = torch.from_numpy(rows)
        text, image = posts.batch(rows, sequences=self.fusion.wants_sequences)
        targets = {scheme: values[index] for scheme, values in posts.targets.items()}
        dropout = self.settings.modality_dropout if text and image else 0.0
        states = modality_states(posts.present[index], dropout)
        if self.fusion.wants_sequences and len(states) > 1:  # attention three times over costs too much
            states = [_drawn(states)]
        weighted = weighted_targets(
            targets,
            weight=torch.ones(len(rows)),
            class_weights=self.class_weights,
            label_smoothing=self.settings.label_smoothing,
        )
        total = torch.zeros(())
        for i, (present, probability) in enumerate(states):
            output = self.fusion(text, image, present, weighted if i == 0 else None)
            total = total + self._state_loss(output.logits, targets, probability)
            if i == 0 and output.loss is not None:
                total = total + output.loss
        return total

    def _state_loss(
        self, logits: Mapping[str, Tensor], targets: Mapping[str, Tensor], weight: Tensor
    ) -> Tensor:
        if self.settings.loss == "focal":
            weight = weight * focal_weight(logits, targets, self.settings.focal_gamma)
        return scheme_losses(
            logits,
            targets,
            weight=weight,
            class_weights=self.class_weights,
            label_smoothing=self.settings.label_smoothing,
        )


def _drawn(states: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Draw one state per row by its probability."""
    chosen = torch.multinomial(torch.stack([probability for _, probability in states], 1), 1).squeeze(1)
    present = torch.stack([view for view, _ in states], 1)[torch.arange(len(chosen)), chosen]
    return present, torch.ones(len(chosen))


def _optimizer(fusion: nn.Module, settings: HeadSettings) -> torch.optim.Optimizer:
    parameters = list(fusion.parameters())
    shared = {"lr": settings.learning_rate}
    decayed = {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay}
    plain = {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0}
    return make_optimizer(settings.optimizer, [decayed | shared, plain | shared])


def _cosine(total: int, warmup: float) -> Callable[[int], float]:
    """Return the schedule. Unlike that of transformers, it does not spend a step at a rate of zero."""
    warm = max(1, round(total * warmup))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))

    return factor


def _state(fusion: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in fusion.state_dict().items()}


def _best_epoch(losses: Sequence[float]) -> int:
    return 1 + min(range(len(losses)), key=lambda i: (losses[i], i))
