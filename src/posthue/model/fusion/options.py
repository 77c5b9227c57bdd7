"""What the options of the fusions may hold, checked without building a model."""

from __future__ import annotations

from typing import Annotated

from posthue.settings import Range

#: Of entries zeroed in training.
Dropout = Annotated[float, Range(least=0.0, most=0.95)]
#: Of a loss in a sum of losses.
Weight = Annotated[float, Range(least=0.0, most=100.0)]
#: Of a layer.
Width = Annotated[int, Range(least=1, most=8192)]
#: Of a layer that may be left out.
Hidden = Annotated[int, Range(least=0, most=8192)]
Heads = Annotated[int, Range(least=1, most=64)]
#: Rows and columns of patches.
Grid = Annotated[int, Range(least=0, most=32)]
#: What similarities are divided by.
Temperature = Annotated[float, Range(least=0.001, most=100.0)]
