"""Fusions: how the two modalities of a post become one decision. One file per fusion, one registry."""

from __future__ import annotations

from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, make_fusion
from posthue.model.fusion.joint import JointFusion
from posthue.model.fusion.single import SingleModality

__all__ = ["Fusion", "FusionOutput", "FusionSettings", "JointFusion", "SingleModality", "make_fusion"]
