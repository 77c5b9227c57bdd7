"""Fusions: how the two modalities of a post become one decision. One file per fusion, one registry."""

from __future__ import annotations

from posthue.model.fusion.attention import AttentionFusion
from posthue.model.fusion.base import (
    Fusion,
    FusionOutput,
    FusionSettings,
    Targets,
    check_fusion_options,
    make_fusion,
)
from posthue.model.fusion.common_space import CommonSpaceFusion
from posthue.model.fusion.early import EarlyFusion
from posthue.model.fusion.gated import GatedFusion
from posthue.model.fusion.joint import JointFusion
from posthue.model.fusion.late import LateFusion, tune_late_weight
from posthue.model.fusion.single import SingleModality

__all__ = [
    "AttentionFusion",
    "CommonSpaceFusion",
    "EarlyFusion",
    "Fusion",
    "FusionOutput",
    "FusionSettings",
    "GatedFusion",
    "JointFusion",
    "LateFusion",
    "SingleModality",
    "Targets",
    "check_fusion_options",
    "make_fusion",
    "tune_late_weight",
]
