"""The Hugging Face Trainer, with bucketed batches, two learning rates, and our losses and checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from accelerate.data_loader import prepare_data_loader
from datasets import Dataset
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from posthue.model.post_model import LABEL_PREFIX, PostModel, PostModelOutput
from posthue.training.datasets.batches import Collator, batch_kinds
from posthue.training.datasets.sampler import BucketBatchSampler
from posthue.training.recipes.schema import TrainSettings
from posthue.training.stages.batch_norm import MOMENTUM, anchor, trainable_norms
from posthue.training.stages.losses import focal_weight, modality_states, scheme_losses, weighted_targets
from posthue.training.stages.optimizers import make_optimizer

Evaluate = Callable[[PostModel], Mapping[str, float]]

#: Batches of pictures to which batch norms are anchored.
_ANCHOR_BATCHES = 16


class PostTrainer(Trainer):
    """Train a PostModel, for a stage of a recipe or on its own.

    class_weights: scheme → [labels]. check: computes the metrics of the validation sets, with
    ``score``.
    """

    model: PostModel
    train_dataset: Dataset

    def __init__(
        self,
        model: PostModel,
        args: TrainingArguments,
        *,
        settings: TrainSettings,
        dataset: Dataset,
        collator: Collator,
        class_weights: Mapping[str, Tensor],
        check: Evaluate,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            model, args, train_dataset=dataset, data_collator=collator, eval_dataset=dataset, **kwargs
        )
        self.settings = settings
        self.collator = collator
        self.class_weights = class_weights
        self.check = check

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return batches of like with like, in a new order every epoch."""
        kinds, lengths = batch_kinds(self.train_dataset), np.asarray(self.train_dataset["length"][:])
        if self.all_cached:  # vectors need no bucket, and mixed batches train more evenly
            kinds, lengths = np.zeros_like(kinds), np.zeros_like(lengths)
        sampler = BucketBatchSampler(
            kinds,
            lengths,
            batch_size=self._train_batch_size,
            seed=self.args.seed,
            shuffle=self.settings.shuffle,
            rank=self.args.process_index,
            processes=self.args.world_size,
        )
        loader = DataLoader(self.train_dataset, batch_sampler=sampler, collate_fn=self.data_collator)
        # The sampler deals the rows to the processes itself: accelerate would drop batches of uneven buckets.
        prepared: DataLoader[Any] = prepare_data_loader(
            loader, device=self.args.device, num_processes=1, process_index=0, put_on_device=True
        )
        return prepared

    def prepare_norms(self, *, anew: bool) -> None:
        """Make the image encoder's batch norms ready for training, where the stage trains them.

        anew: also anchor them to the first training pictures, which a checkpoint has behind it.
        """
        image = self.model.image
        self.model.train()
        norms = trainable_norms(image) if image is not None else []
        for norm in norms:
            norm.momentum = min(MOMENTUM, norm.momentum or MOMENTUM)
        if image is not None and norms and anew:
            batches = (
                inputs["pixel_values"] for inputs in self.get_train_dataloader() if "pixel_values" in inputs
            )
            anchor(image, norms, islice(batches, _ANCHOR_BATCHES))

    @property
    def all_cached(self) -> bool:
        """Whether every encoder's features are already there."""
        encoders = [name for name in ("text", "image") if getattr(self.model, name) is not None]
        return set(encoders) <= set(self.collator.features)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, PostModelOutput]:
        """Return the expected loss over modality dropout, plus the fusion's own loss."""
        weight = inputs.pop("weight")
        targets = {
            k.removeprefix(LABEL_PREFIX): inputs.pop(k) for k in [*inputs] if k.startswith(LABEL_PREFIX)
        }
        states = modality_states(inputs["present"], self.settings.modality_dropout)
        weighted = weighted_targets(
            targets,
            weight=weight,
            class_weights=self.class_weights,
            label_smoothing=self.settings.label_smoothing,
        )
        output = model(**inputs, states=torch.stack([present for present, _ in states]), targets=weighted)
        loss = torch.zeros((), device=weight.device)
        for logits, (_, probability) in zip(output.states, states, strict=True):
            weights = weight * probability
            if self.settings.loss == "focal":
                weights = weights * focal_weight(logits, targets, self.settings.focal_gamma)
            loss = loss + scheme_losses(
                logits,
                targets,
                weight=weights,
                class_weights=self.class_weights,
                label_smoothing=self.settings.label_smoothing,
            )
        if output.auxiliary is not None:
            loss = loss + output.auxiliary
        return (loss, output) if return_outputs else loss

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Make the stage's optimizer with its two learning rates; no decay on biases and norms."""
        if self.optimizer is None:
            decayed = set(self.get_decay_parameter_names(self.model))
            groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
            for name, parameter in self.model.named_parameters():
                if parameter.requires_grad:
                    groups.setdefault((name.startswith("fusion."), name in decayed), []).append(parameter)
            parameters = [self._group(*key, params) for key, params in groups.items()]
            self.optimizer = make_optimizer(self.settings.optimizer, parameters)
        return self.optimizer

    def _group(self, head: bool, decays: bool, params: list[nn.Parameter]) -> dict[str, Any]:  # noqa: FBT001
        rate = self.settings.head_learning_rate if head else self.settings.learning_rate
        return {"params": params, "lr": rate, "weight_decay": self.settings.weight_decay if decays else 0.0}

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """Run the stage's checks; log and return their metrics with the Trainer's prefix."""
        metrics = {
            f"{metric_key_prefix}_{k}": v
            for k, v in self.check(self.accelerator.unwrap_model(self.model)).items()
        }
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics
