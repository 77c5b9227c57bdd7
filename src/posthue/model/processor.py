"""The processor: posts in, tensors out. The same cleaning and decoding as the runtime, from the same code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, ProcessorMixin

from posthue.data.images.decode import decode_image, to_pixels
from posthue.data.images.spec import ImageSpec
from posthue.data.text import normalise_tweet
from posthue.posts import Modality, Post


class PostProcessor(ProcessorMixin):
    """Turn posts into the inputs of PostModel.

    tokenizer: of the text encoder. spec: how pictures are prepared (ImageSpec as a dict, as it is saved).
    max_length: texts are cut to so many tokens.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, spec: dict[str, Any] | None = None, max_length: int = 128
    ) -> None:
        super().__init__(tokenizer)
        self.spec = spec or ImageSpec().to_dict()
        self.max_length = max_length

    @property
    def image_spec(self) -> ImageSpec:
        """How pictures are prepared."""
        return ImageSpec.from_dict(self.spec)

    def __call__(self, posts: Sequence[Post], *, skip: Sequence[str] = ()) -> dict[str, Tensor]:
        """Return present [batch, 2] and the inputs of the modalities that any post of the batch has.

        skip: modalities whose inputs are not wanted, because their features are already there. Pictures of
        one batch must be of one prepared size (see ImageSpec). Raises ImageError for a picture that cannot
        be decoded.
        """
        present = torch.tensor([[m in post.modalities for m in Modality] for post in posts])
        inputs = {"present": present}
        if "text" not in skip and bool(present[:, 0].any()):
            inputs |= self.tokens([post.text or "" for post in posts])
        if "image" not in skip and bool(present[:, 1].any()):
            inputs["pixel_values"] = self.pixels(posts)
        return inputs

    def tokens(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Normalise and tokenise texts; return input_ids and attention_mask [batch, length]."""
        encoded = self.tokenizer(
            [normalise_tweet(text) for text in texts],
            truncation=True,
            max_length=self.max_length,
            padding=True,
            return_tensors="pt",
        )
        return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"]}

    def pixels(self, posts: Sequence[Post]) -> Tensor:
        """Decode the pictures; return [batch, 3, side, side], zeros where a post has none."""
        spec = self.image_spec
        decoded = {
            i: decode_image(post.image, spec) for i, post in enumerate(posts) if post.image is not None
        }
        side = next(iter(decoded.values())).shape[0]
        images = np.zeros((len(posts), side, side, 3), dtype=np.uint8)
        for row, image in decoded.items():
            images[row] = image
        return torch.from_numpy(to_pixels(images, spec))
