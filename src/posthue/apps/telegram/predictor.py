"""The model in a thread of its own: the event loop never waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthue.apps.telegram.picture import draw_album, draw_post
from posthue.apps.telegram.scrubbing import log
from posthue.errors import PosthueError
from posthue.posts import Post, Prediction
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.scoring.rows.summary import main_scheme

if TYPE_CHECKING:
    from posthue.runtime.explain import Explanation

_SLOW = 5.0  # seconds of one explanation; then none for a while
_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class BotAnswer:
    """What came of some posts. picture: encoded, None where none could be drawn."""

    predictions: tuple[Prediction, ...]
    explanation: Explanation | None = None
    picture: bytes | None = None


class Predictor:
    """Predicts, explains and draws, one after the other.

    A post is explained when no other waits, and not for some minutes after an explanation that took long.
    """

    def __init__(self, classifier: PostClassifier, *, explain: bool) -> None:
        self.classifier = classifier
        self.main = main_scheme(classifier.schemes)
        self._explain = explain
        self._explain_after = 0.0
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="posthue-predictor")

    async def predict(self, posts: Sequence[Post], language: str) -> BotAnswer:
        """Return the predictions of the posts of one message or album, and a picture."""
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._work, tuple(posts), language)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the thread go, when it is done."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _work(self, posts: tuple[Post, ...], language: str) -> BotAnswer:
        predictions = tuple(self.classifier.predict_many(posts))
        if not any(prediction.ok for prediction in predictions):
            return BotAnswer(predictions)
        explanation = self._explain_post(posts[0]) if len(posts) == 1 else None
        try:
            if len(posts) == 1:
                picture = draw_post(posts[0], predictions[0], explanation, language)
            else:
                picture = draw_album(posts, predictions, self.main, language)
        except Exception as error:  # the words of the reply say it all, too
            log.warning("no picture was drawn (%s)", type(error).__name__)
            picture = None
        return BotAnswer(predictions, explanation, picture)

    def _explain_post(self, post: Post) -> Explanation | None:
        begun = time.monotonic()
        if not self._explain or self._waiting > 1 or begun < self._explain_after:
            return None
        try:
            explanation = self.classifier.explain(post, scheme=self.main)
        except PosthueError as error:
            log.info("not explained (%s)", type(error).__name__)
            return None
        if time.monotonic() - begun > _SLOW:
            self._explain_after = time.monotonic() + _PAUSE
        return explanation
