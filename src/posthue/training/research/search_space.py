"""Where ``posthue tune`` looks: how a head is trained, and the options of its fusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from posthue.model.fusion.base import Fusion
from posthue.model.fusion.options import Hidden
from posthue.settings import OneOf, options_of, rules_of
from posthue.training.recipes.head_settings import HeadSettings
from posthue.training.recipes.schema import LOSSES, OPTIMIZERS
from posthue.training.research.candidates import Candidate

_Draw = Callable[[Any, str], Any]


def suggest(trial: Any, candidate: Candidate) -> Candidate:
    """Return the candidate with the settings that an Optuna trial draws; options given by name stay."""
    options = dict(candidate.options)
    for name, draw in fusion_space(candidate.kind).items():
        if name not in candidate.fixed:
            options[name] = draw(trial, f"fusion_{name}")
    return replace(candidate, options=options, settings=_settings(trial, candidate))


def fusion_space(kind: str) -> dict[str, _Draw]:
    """Return option → how it is drawn, for the options of a fusion that are worth a search."""
    hints = options_of(Fusion.kinds[kind])
    space = {name: _SPACES[name] for name in hints if name in _SPACES}
    for name, hint in hints.items():
        rule = next(iter(rules_of(hint)), None)
        if isinstance(rule, OneOf):
            space[name] = _choice(*rule.known())
        elif name == "hidden":
            space[name] = _choice(*((0, 64, 256) if hint == Hidden else (64, 128, 256)))
    return space


def _settings(trial: Any, candidate: Candidate) -> HeadSettings:
    optimizer = trial.suggest_categorical("optimizer", list(OPTIMIZERS))
    if optimizer == "sgd":  # its step is that of the gradient itself
        rate = trial.suggest_float("sgd_learning_rate", 3e-3, 0.5, log=True)
        decay = trial.suggest_float("sgd_weight_decay", 1e-5, 1e-2, log=True)
    else:
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
        decay = trial.suggest_float("weight_decay", 1e-3, 1.0, log=True)
    loss = trial.suggest_categorical("loss", list(LOSSES))
    gamma = trial.suggest_float("focal_gamma", 0.5, 3.0) if loss == "focal" else 2.0
    dropout = trial.suggest_float("modality_dropout", 0.0, 0.4) if candidate.modality is None else 0.0
    return replace(
        candidate.settings,
        optimizer=optimizer,
        learning_rate=rate,
        weight_decay=decay,
        loss=loss,
        focal_gamma=gamma,
        modality_dropout=dropout,
        epochs=trial.suggest_int("epochs", 5, 40),
        batch_size=trial.suggest_categorical("batch_size", [32, 64, 128, 256]),
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2),
        class_weights=trial.suggest_categorical("class_weights", ["none", "sqrt"]),
    )


def _choice(*values: Any) -> _Draw:
    return lambda trial, name: trial.suggest_categorical(name, list(values))


def _range(low: float, high: float, *, log: bool = False) -> _Draw:
    return lambda trial, name: trial.suggest_float(name, low, high, log=log)


_SPACES: Mapping[str, _Draw] = {
    "dropout": _range(0.0, 0.7),
    "image_dropout": _range(0.0, 0.9),
    "dim": _choice(64, 128, 256),
    "heads": _choice(1, 2, 4, 8),
    "weight": _range(0.05, 2.0, log=True),
    "margin": _range(0.05, 0.6),
    "auxiliary": _range(0.25, 4.0, log=True),
}
