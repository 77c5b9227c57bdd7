"""Explaining one post by asking the model again about variants of it, through the same encoders and head.

Each variant is encoded once; the head is nearly free (see game.py for what a variant is worth).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from posthue.errors import EmptyPostError, LabelError, RowError, choices
from posthue.posts import Modality, Post, Prediction, SchemeResult, State
from posthue.runtime.explain import patches
from posthue.runtime.explain.explanation import Explanation, WordPart
from posthue.runtime.explain.kernel_shap import shapley, subsets
from posthue.runtime.explain.owen import Game
from posthue.runtime.explain.words import cut, keep
from posthue.runtime.inference.cache import EncodedCache, EncodedModality
from posthue.runtime.inference.head import Head
from posthue.runtime.inference.scheme_result import contributions, shares
from posthue.runtime.inference.text_encoder import TextBatchEncoder

if TYPE_CHECKING:
    from posthue.runtime.inference.engine import Engine
    from posthue.runtime.inference.image_encoder import ImageBatchEncoder

TEXT_BUDGET = 128
_PICTURES_AT_ONCE = 8


class Explainer:
    """Explains the answers of one engine. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._config = engine.bundle.config
        self._head = Head(engine.sessions)

    def explain(self, post: Post, *, scheme: str = "sentiment", label: str | None = None) -> Explanation:
        """Return why the post has this label (None: the one that it was given) in this scheme.

        Raises LabelError for a scheme or label that the model lacks, EmptyPostError for a post without text
        and picture, ImageError for a picture that cannot be read, RowError for another post that cannot be
        predicted.
        """
        self._check(scheme, label)
        prediction = self._engine.predict([post])[0]
        if not prediction.ok or scheme not in prediction.schemes:
            raise self._refusal(post, prediction)
        result = prediction[scheme]
        chosen = label or result.label
        prior = self._config.priors[scheme]
        index = self._config.schemes[scheme].index(chosen)
        contributed = contributions(_of_label(result, chosen), prior[index])
        return self._with_parts(
            Explanation(
                post=post,
                prediction=prediction,
                scheme=scheme,
                label=chosen,
                prior=prior[index],
                contributions=contributed,
                shares=shares(contributed),
                without=self._without(scheme, result),
            )
        )

    def encoded(self, post: Post, result: SchemeResult) -> dict[Modality, EncodedModality]:
        """Return the encoded modalities of a post that ``result`` is based on."""
        found = {}
        if Modality.TEXT in result.by_modality:
            found[Modality.TEXT] = self.texts.encode([self.texts.prepare(post.text)])[0]
        if Modality.IMAGE in result.by_modality:
            found[Modality.IMAGE] = self.images.encode_decoded(self.decoded(post)[None])[0]
        return found

    def game(self, scheme: str, modality: Modality, encoded: dict[Modality, EncodedModality]) -> Game:
        """Return the game of one modality of a post; ``encoded`` holds what the post has."""
        other = Modality.IMAGE if modality is Modality.TEXT else Modality.TEXT
        prior = np.array(self._config.priors[scheme])
        return Game(self._head, scheme, prior, modality, encoded.get(other))

    def decoded(self, post: Post) -> npt.NDArray[np.uint8]:
        """Return the picture as the model sees it, uint8 [s, s, 3]; raise ImageError."""
        from posthue.data.images.decode import decode_image  # noqa: PLC0415  (Pillow)

        if post.image is None or self._config.image is None:
            raise EmptyPostError("the post has no picture that this bundle reads")
        return decode_image(post.image, self._config.image.spec)

    @cached_property
    def texts(self) -> TextBatchEncoder:
        """The text encoder."""
        part = self._config.text
        if part is None:
            raise EmptyPostError("this bundle has no text model")
        return TextBatchEncoder(part, self._engine.sessions, with_sequence=self._head.wants_text_sequence)

    @cached_property
    def images(self) -> ImageBatchEncoder:
        """The image encoder, with no cache: a variant of a picture never comes again."""
        from posthue.runtime.inference.image_encoder import ImageBatchEncoder  # noqa: PLC0415  (Pillow)

        part = self._config.image
        if part is None:
            raise EmptyPostError("this bundle has no image model")
        sequence = self._head.wants_image_sequence
        return ImageBatchEncoder(part, self._engine.sessions, EncodedCache(0), with_sequence=sequence)

    def encode_texts(self, texts: Sequence[str]) -> list[EncodedModality | None]:
        """Encode variants of a text; None for one with nothing left."""
        left = [text for text in texts if text]
        encoded = iter(self.texts.encode(left) if left else [])
        return [next(encoded) if text else None for text in texts]

    def encode_pictures(self, pictures: npt.NDArray[np.uint8]) -> list[EncodedModality | None]:
        """Encode variants of a picture, uint8 [n, s, s, 3]."""
        found: list[EncodedModality | None] = []
        for start in range(0, len(pictures), _PICTURES_AT_ONCE):
            found.extend(self.images.encode_decoded(pictures[start : start + _PICTURES_AT_ONCE]))
        return found

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What this bundle reads."""
        parts = {Modality.TEXT: self._config.text, Modality.IMAGE: self._config.image}
        return tuple(modality for modality, part in parts.items() if part is not None)

    def encode_posts(self, posts: Sequence[Post]) -> dict[Modality, list[EncodedModality | None]]:
        """Return each modality of many posts, encoded; None where a post has none that can be read."""
        found: dict[Modality, list[EncodedModality | None]] = {}
        if Modality.TEXT in self.modalities:
            found[Modality.TEXT] = self.encode_texts([self.texts.prepare(post.text) for post in posts])
        if Modality.IMAGE in self.modalities:
            sources = [post.image for post in posts if post.image is not None]
            read = iter(self.images.encode(sources) if sources else [])
            answers = [next(read) if post.image is not None else None for post in posts]
            found[Modality.IMAGE] = [a if isinstance(a, EncodedModality) else None for a in answers]
        return found

    def _with_parts(self, begun: Explanation) -> Explanation:
        """Add the words and the regions of what the post has."""
        encoded = self.encoded(begun.post, begun.result)
        index = self._config.schemes[begun.scheme].index(begun.label)
        if Modality.TEXT in encoded:
            game = self.game(begun.scheme, Modality.TEXT, encoded)
            begun = self._words(begun, game, encoded[Modality.TEXT], index)
        if Modality.IMAGE in encoded:
            game = self.game(begun.scheme, Modality.IMAGE, encoded)
            begun = self._regions(begun, game, index)
        return begun

    def _words(self, begun: Explanation, game: Game, whole: EncodedModality, index: int) -> Explanation:
        text = self.texts.prepare(begun.post.text)
        places = cut(text)
        masks, weights = subsets(len(places), TEXT_BUDGET)
        variants = self.encode_texts([keep(text, places, mask.tolist()) for mask in masks])
        values = game.values([None, whole, *variants])[:, [index]]
        found = shapley(masks, weights, values[2:], values[0], values[1])[:, 0].tolist()
        words = tuple(WordPart(text[a:b], a, b, value) for (a, b), value in zip(places, found, strict=True))
        return replace(begun, text=text, words=words, evaluations=begun.evaluations + len(masks))

    def _regions(self, begun: Explanation, game: Game, index: int) -> Explanation:
        picture = self.decoded(begun.post)
        masks = patches.asked_masks()
        variants = self.encode_pictures(patches.hide(picture, patches.blurred(picture), masks))
        heat = patches.heat(masks, game.values(variants)[:, index])
        return replace(begun, picture=picture, heat=heat, evaluations=begun.evaluations + len(masks))

    def _without(self, scheme: str, result: SchemeResult) -> dict[Modality, dict[str, float]]:
        """Return the probabilities that are left when a modality is missing."""
        labels = self._config.schemes[scheme].labels
        prior = dict(zip(labels, self._config.priors[scheme], strict=True))
        alone = result.by_modality
        return {m: dict(next((alone[o] for o in alone if o is not m), prior)) for m in alone}

    def _check(self, scheme: str, label: str | None) -> None:
        schemes = self._config.schemes
        if scheme not in schemes:
            raise LabelError(f"this model has no label scheme {scheme!r}; it has {choices(scheme, schemes)}")
        if label is not None:
            schemes[scheme].index(label)

    def _refusal(self, post: Post, prediction: Prediction) -> RowError:
        """Return the error, of the most fitting kind, that says why a post cannot be explained."""
        reason = prediction.error or "the post was not predicted"
        if isinstance(post.text, str | None) and not post.modalities:
            return EmptyPostError(reason)
        if post.image is not None:
            try:
                self.decoded(post)
            except RowError as error:
                return error
        return RowError(reason)


def _of_label(result: SchemeResult, label: str) -> dict[State, float]:
    """Return the probability of a label by state, as ``contributions`` wants it."""
    found = {State(str(m)): alone[label] for m, alone in result.by_modality.items()}
    return found | ({State.BOTH: result.probabilities[label]} if len(found) == 2 else {})
