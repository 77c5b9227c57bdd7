"""Integrated gradients of a torch model: which tokens and pixels its answer comes from.

Sundararajan, Taly and Yan 2017, arXiv 1703.01365. For models in training; for bundles there is
``PostClassifier.explain``, which needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from posthue.errors import EmptyPostError, LabelError
from posthue.model.post_model import PostModel
from posthue.model.processor import PostProcessor
from posthue.posts import Post


@dataclass(frozen=True, slots=True)
class Attribution:
    """What each token and each pixel adds to the label's log-odds against all other labels.

    tokens: (token, value) in order. pixels: float32 [height, width], or None for a post without a picture.
    total: the difference that they share out: the log-odds of the post less those of the baseline (token
    vectors and pixels of zeros); the values sum to it, but for the error of the numerical integral.
    """

    scheme: str
    label: str
    tokens: tuple[tuple[str, float], ...]
    pixels: npt.NDArray[np.float32] | None
    total: float

    @property
    def explained(self) -> float:
        """The sum of all values; the closer to ``total``, the better the integral."""
        return sum(v for _, v in self.tokens) + (0.0 if self.pixels is None else float(self.pixels.sum()))


def explain_torch(
    model: PostModel,
    processor: PostProcessor,
    post: Post,
    *,
    scheme: str = "sentiment",
    label: str | None = None,
    steps: int = 24,
) -> Attribution:
    """Return integrated gradients of one post for ``label`` (None: the one with the highest logit).

    Raises LabelError for a scheme or label that the model lacks, EmptyPostError for a post with nothing in
    it, ImageError for a picture that cannot be read.
    """
    labels = model.config.schemes.get(scheme)
    if labels is None or (label is not None and label not in labels):
        raise LabelError(f"this model has no {label or 'labels'} of {scheme}; it has {model.config.schemes}")
    if not post.modalities:
        raise EmptyPostError("the post has neither text nor image")
    model.eval()
    inputs = {name: value.to(model.device) for name, value in processor([post]).items()}
    with torch.no_grad():
        logits = model(**inputs).logits[scheme]
    index = labels.index(label) if label else int(logits.argmax())
    path = _Path(model, inputs, scheme, index)
    text, image = path.integrate(steps)
    ids = inputs["input_ids"][0].tolist() if text is not None else []
    names = processor.tokenizer.convert_ids_to_tokens(ids)
    values = text.tolist() if text is not None else []
    return Attribution(
        scheme=scheme,
        label=labels[index],
        tokens=tuple(zip(names, values, strict=True)),
        pixels=None if image is None else image.float().cpu().numpy(),
        total=path.total(),
    )


class _Path:
    """The straight line from a baseline of zeros to a post, and the log-odds of a label along it."""

    def __init__(self, model: PostModel, inputs: dict[str, Tensor], scheme: str, index: int) -> None:
        self._model, self._inputs, self._scheme, self._index = model, inputs, scheme, index
        self._scaled: Tensor | None = None

    def integrate(self, steps: int) -> tuple[Tensor | None, Tensor | None]:
        """Return the attributions of tokens [length] and of pixels [height, width]; midpoint rule."""
        places = (torch.arange(steps, device=self._model.device) + 0.5) / steps
        pixels, score = self._run(places)
        wanted = [tensor for tensor in (self._scaled, pixels) if tensor is not None]
        grads = iter(torch.autograd.grad(score.sum(), wanted))
        text = self._times_input(self._scaled, next(grads), places) if self._scaled is not None else None
        image = self._times_input(pixels, next(grads), places) if pixels is not None else None
        return (
            None if text is None else text.sum(-1),
            None if image is None else image.sum(0),
        )

    def total(self) -> float:
        """Return the log-odds at the end of the line less those at its start."""
        _, score = self._run(torch.tensor([0.0, 1.0], device=self._model.device))
        return float((score[1] - score[0]).detach())

    def _times_input(self, scaled: Tensor, grad: Tensor, places: Tensor) -> Tensor:
        """Return mean gradient times input, of one post."""
        whole = scaled[-1].detach() / places[-1]
        return grad.mean(0) * whole

    def _run(self, places: Tensor) -> tuple[Tensor | None, Tensor]:
        """Return the scaled pixels and the log-odds [places]; keeps the scaled token vectors."""
        inputs = {name: v.expand(len(places), *v.shape[1:]) for name, v in self._inputs.items()}
        pixels = inputs.get("pixel_values")
        if pixels is not None:
            pixels = (pixels * places.view(-1, 1, 1, 1)).detach().requires_grad_()
            inputs["pixel_values"] = pixels
        hook = self._hook(places)
        try:
            logits = self._model(**inputs).logits[self._scheme]
        finally:
            if hook is not None:
                hook.remove()
        others = torch.cat([logits[:, : self._index], logits[:, self._index + 1 :]], dim=1)
        return pixels, logits[:, self._index] - others.logsumexp(1)

    def _hook(self, places: Tensor) -> Any:
        """Scale the token vectors on their way from the embedding table into the encoder."""
        self._scaled = None
        if self._model.text is None or "input_ids" not in self._inputs:
            return None

        def scale(module: Any, given: Any, vectors: Tensor) -> Tensor:
            self._scaled = (vectors * places.view(-1, 1, 1)).detach().requires_grad_()
            return self._scaled

        return self._model.text.backbone.get_input_embeddings().register_forward_hook(scale)
