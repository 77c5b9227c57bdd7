"""One model and its queue, as the routes of the API and of the page use it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

from posthue.apps.service.batcher import Batcher, ClosedError, QueueFullError
from posthue.apps.service.bodies import ByteBudget
from posthue.apps.service.fetch import Fetcher
from posthue.apps.service.incoming import Incoming
from posthue.apps.service.metrics import Metrics
from posthue.apps.service.problems import ApiError, busy, unreadable
from posthue.apps.service.settings import ServeSettings
from posthue.errors import PosthueError
from posthue.posts import Post, Prediction
from posthue.runtime.classifier import PostClassifier
from posthue.runtime.scoring.rows.summary import main_scheme

if TYPE_CHECKING:
    from posthue.runtime.explain import Explanation

Result = TypeVar("Result")
_MOST_EXPLAINING = 4
_LONGEST_TEXT = 128


class ServerPart(Protocol):
    """Something that lives as long as the server."""

    def start(self) -> None:
        """Begin."""

    def close(self) -> None:
        """Stop what runs, and delete what is left."""


class Service:
    """Predicts and explains posts for many clients at once."""

    def __init__(
        self, classifier: PostClassifier, settings: ServeSettings, *, fetcher: Fetcher | None = None
    ) -> None:
        self.classifier = classifier
        self.settings = settings
        self.metrics = Metrics()
        self.budget = ByteBudget(settings.max_held)
        own = Fetcher(max_bytes=settings.max_image) if settings.fetch_urls else None
        self.incoming = Incoming(settings, fetcher or own)
        self.ready = False
        self.parts: list[ServerPart] = []
        text = classifier.info.text
        self.batcher = Batcher(
            classifier.engine.predict,
            max_queue=settings.max_queue,
            token_budget=settings.token_budget,
            workers=settings.workers,
            longest=text.max_length if text else _LONGEST_TEXT,
            metrics=self.metrics,
        )
        self._explainer = ThreadPoolExecutor(1, thread_name_prefix="posthue-explain")
        self._places_to_explain = threading.BoundedSemaphore(_MOST_EXPLAINING)

    def start(self) -> None:
        """Start the workers and predict one post: the first client does not wait for the model to load."""
        self.batcher.start()
        if self.classifier.info.text:
            self.batcher.submit([Post(text="what a day")]).result()
        for part in self.parts:
            part.start()
        self.ready = True

    def close(self) -> None:
        """Finish what was accepted."""
        self.ready = False
        for part in self.parts:
            part.close()
        self._explainer.shutdown(cancel_futures=True)
        self.batcher.close()

    async def predict(self, posts: Sequence[Post], *, bulk: bool = False) -> list[Prediction]:
        """Return the predictions; raise ApiError 503 where the queue is full or the time is over."""
        predictions = await self._in_time(self.submit(posts, bulk=bulk))
        self.count(predictions)
        return predictions

    def count(self, predictions: Sequence[Prediction]) -> None:
        """Count posts that were answered; ``predict`` counts its own."""
        failed = sum(not prediction.ok for prediction in predictions)
        self.metrics.posts(predicted=len(predictions) - failed, failed=failed)

    async def _in_time(self, work: Future[Result]) -> Result:
        """Return the result; raise ApiError 503 after the time-out. Work that still waits is then skipped."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work), self.settings.timeout)
        except TimeoutError:
            message = f"no answer within {self.settings.timeout:g} s: the server has too much to do"
            raise busy(message, 5) from None

    def submit(self, posts: Sequence[Post], *, bulk: bool = False) -> Future[list[Prediction]]:
        """Queue the posts; raise ApiError 503 where there is no room."""
        try:
            return self.batcher.submit(posts, bulk=bulk)
        except QueueFullError:
            raise busy("the queue is full; try again soon") from None
        except ClosedError:
            raise _stopping() from None

    async def explain(self, post: Post, *, scheme: str | None, label: str | None) -> Explanation:
        """Return the explanation of a post, one at a time.

        Raises ApiError 422 where it cannot be explained, 503 without a place or after the time-out. Cancelled
        or too late, one that waits is skipped; one that runs keeps its place until it ends.
        """
        scheme = scheme or main_scheme(self.classifier.schemes)
        return await self._in_time(self._submit_explanation(post, scheme, label))

    def _submit_explanation(self, post: Post, scheme: str, label: str | None) -> Future[Explanation]:
        if not self._places_to_explain.acquire(blocking=False):
            raise busy("other posts are being explained; try again soon", 3)
        try:
            work = self._explainer.submit(_explain, self.classifier, post, scheme, label)
        except RuntimeError:  # it is shut down
            self._places_to_explain.release()
            raise _stopping() from None
        work.add_done_callback(lambda _: self._places_to_explain.release())
        return work


def _stopping() -> ApiError:
    return busy("the server is stopping", 5)


def _explain(classifier: PostClassifier, post: Post, scheme: str, label: str | None) -> Explanation:
    try:
        return classifier.explain(post, scheme=scheme, label=label)
    except PosthueError as error:
        raise unreadable(str(error)) from None
