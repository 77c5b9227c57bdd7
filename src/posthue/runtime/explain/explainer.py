"""Explaining one post by asking the model again about variants of it, through the same encoders and head.

Each variant is encoded once; the head is nearly free (see game.py for what a variant is worth).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from posthue.errors import EmptyPostError, LabelError, RowError, choices
from posthue.posts import Modality, Post, Prediction, SchemeResult, State
from posthue.runtime.explain import patches
from posthue.runtime.explain.explanation import Explanation, WordPart
from posthue.runtime.explain.kernel_shap import shapley, subsets
from posthue.runtime.explain.owen import Game
from posthue.runtime.explain.words import cut, keep
from posthue.runtime.inference.cache import EncodedModality
from posthue.runtime.inference.head import Head
from posthue.runtime.inference.scheme_result import contributions, shares

if TYPE_CHECKING:
    from posthue.runtime.inference.engine import Engine

TEXT_BUDGET = 128


class Explainer:
    """Explains the answers of one engine. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.encoder = engine, engine.encoder
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

    def game(self, scheme: str, modality: Modality, encoded: dict[Modality, EncodedModality]) -> Game:
        """Return the game of one modality of a post; ``encoded`` holds what the post has."""
        other = Modality.IMAGE if modality is Modality.TEXT else Modality.TEXT
        prior = np.array(self._config.priors[scheme])
        return Game(self._head, scheme, prior, modality, encoded.get(other))

    def _with_parts(self, begun: Explanation) -> Explanation:
        """Add the words and the regions of what the post has."""
        encoded = self.encoder.encode_post(begun.post, begun.result.by_modality)
        index = self._config.schemes[begun.scheme].index(begun.label)
        if Modality.TEXT in encoded:
            game = self.game(begun.scheme, Modality.TEXT, encoded)
            begun = self._words(begun, game, encoded[Modality.TEXT], index)
        if Modality.IMAGE in encoded:
            game = self.game(begun.scheme, Modality.IMAGE, encoded)
            begun = self._regions(begun, game, index)
        return begun

    def _words(self, begun: Explanation, game: Game, whole: EncodedModality, index: int) -> Explanation:
        text = self.encoder.prepare(begun.post.text)
        places = cut(text)
        masks, weights = subsets(len(places), TEXT_BUDGET)
        texts = [keep(text, places, mask.tolist()) for mask in masks]
        variants = self.encoder.encode_texts(texts, keep=False)
        values = game.values([None, whole, *variants])[:, [index]]
        found = shapley(masks, weights, values[2:], values[0], values[1])[:, 0].tolist()
        words = tuple(WordPart(text[a:b], a, b, value) for (a, b), value in zip(places, found, strict=True))
        return replace(begun, text=text, words=words, evaluations=begun.evaluations + len(masks))

    def _regions(self, begun: Explanation, game: Game, index: int) -> Explanation:
        picture = self.encoder.decode(begun.post)
        masks = patches.picture_masks()
        variants = self.encoder.encode_decoded(patches.hide(picture, patches.blurred(picture), masks))
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
                self.encoder.decode(post)
            except RowError as error:
                return error
        return RowError(reason)


def _of_label(result: SchemeResult, label: str) -> dict[State, float]:
    """Return the probability of a label by state, as ``contributions`` wants it."""
    found = {State(str(m)): alone[label] for m, alone in result.by_modality.items()}
    return found | ({State.BOTH: result.probabilities[label]} if len(found) == 2 else {})
