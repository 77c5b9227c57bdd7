"""One modality only: the unimodal baselines, and the stage that fine-tunes one encoder alone."""

from __future__ import annotations

from torch import Tensor, nn

from posthue.errors import RecipeError
from posthue.model.encoders import Encoded
from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, scheme_heads


class SingleModality(Fusion, kind="single"):
    """softmax(W·dropout(x) + b) on the vector of the only encoder.

    dropout: share of the vector's entries zeroed in training.
    """

    def __init__(self, settings: FusionSettings, *, dropout: float = 0.1) -> None:
        super().__init__(settings)
        if (settings.text_dim is None) == (settings.image_dim is None):
            raise RecipeError("fusion 'single' wants exactly one encoder, text or image")
        dim = settings.text_dim or settings.image_dim or 0
        self.dropout = nn.Dropout(dropout)
        self.heads = scheme_heads(dim, settings.schemes)

    def forward(self, text: Encoded | None, image: Encoded | None, present: Tensor) -> FusionOutput:
        """Classify the vector that is there."""
        encoded = text if text is not None else image
        if encoded is None:
            raise RecipeError("a batch without the model's only modality")
        vector = self.dropout(encoded.pooled)
        return FusionOutput({name: head(vector) for name, head in self.heads.items()})
