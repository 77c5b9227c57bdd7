"""One modality only: the unimodal baselines, and the stage that fine-tunes one encoder alone."""

from __future__ import annotations

from torch import Tensor, nn

from posthue.errors import RecipeError
from posthue.model.encoders.encoders import EncodedBatch
from posthue.model.fusion.base import Fusion, FusionOutput, FusionSettings, Targets
from posthue.model.fusion.options import Dropout, Hidden, Temperature
from posthue.model.fusion.parts import scheme_heads


class SingleModality(Fusion, kind="single"):
    """softmax(W·g(dropout(x)) + b) on the vector of the only encoder.

    dropout: share of the vector's entries zeroed in training.
    hidden: width of a GELU layer g in between (0: none); 32 in Serra et al. 2023.
    temperature: what the logits are divided by in training, beside soft targets that were softened by the
    same number (Hinton et al. 2015); answers are given at temperature 1.
    """

    def __init__(
        self,
        settings: FusionSettings,
        *,
        dropout: Dropout = 0.1,
        hidden: Hidden = 0,
        temperature: Temperature = 1.0,
    ) -> None:
        super().__init__(settings)
        if (settings.text_dim is None) == (settings.image_dim is None):
            raise RecipeError("fusion 'single' wants exactly one encoder, text or image")
        dim = settings.text_dim or settings.image_dim or 0
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Sequential(nn.Linear(dim, hidden), nn.GELU()) if hidden else nn.Identity()
        self.temperature = temperature
        self.heads = scheme_heads(hidden or dim, settings.schemes)

    def forward(
        self,
        text: EncodedBatch | None,
        image: EncodedBatch | None,
        present: Tensor,
        targets: Targets | None = None,
    ) -> FusionOutput:
        """Classify the vector that is there."""
        encoded = text if text is not None else image
        if encoded is None:
            raise RecipeError("a batch without the model's only modality")
        vector = self.hidden(self.dropout(encoded.pooled))
        divisor = self.temperature if self.training else 1.0
        return FusionOutput({name: head(vector) / divisor for name, head in self.heads.items()})
