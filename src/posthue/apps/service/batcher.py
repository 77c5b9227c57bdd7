"""Many clients, one model: a bounded queue in front of the engine.

A worker does not wait for a batch to fill: it takes what is queued, up to a budget of tokens.
Under load the queue fills while the model works, so batches grow by themselves (the engine sorts each by
length). Single posts go before bulk work (batch requests, uploaded tables), which always keeps a share.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from posthue.apps.service.metrics import Metrics
from posthue.posts import Post, Prediction

Predict = Callable[[Sequence[Post]], list[Prediction]]
_BULK_SHARE = 0.25
_IMAGE_TOKENS = 256
_LETTERS_A_TOKEN = 4


class QueueFullError(Exception):
    """There is no room for these posts now."""


class ClosedError(Exception):
    """The batcher takes no more work: the server is stopping."""


class PendingRequest:
    """The posts of one request. ``future`` has their predictions, in order, when all are there."""

    def __init__(self, posts: Sequence[Post]) -> None:
        self.future: Future[list[Prediction]] = Future()
        self._predictions: list[Prediction | None] = [None] * len(posts)
        self._missing = len(posts)
        self._lock = threading.Lock()

    def put(self, position: int, prediction: Prediction) -> None:
        """Store the prediction of one post; the last one completes the future."""
        with self._lock:
            self._predictions[position] = prediction
            self._missing -= 1
            complete = self._missing == 0
        if complete and self.future.set_running_or_notify_cancel():
            self.future.set_result([prediction for prediction in self._predictions if prediction])

    def fail(self, error: BaseException) -> None:
        """Complete the future with an error, once."""
        with self._lock:
            if not self.future.done() and self.future.set_running_or_notify_cancel():
                self.future.set_exception(error)

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done()


@dataclass(frozen=True, slots=True)
class QueuedPost:
    """One post in the queue, and where its prediction goes."""

    post: Post
    request: PendingRequest
    position: int
    tokens: int


class Batcher:
    """Runs ``predict`` on what many threads submit. Start it, submit, close it.

    max_queue: posts that may wait. token_budget: tokens of one batch (padding not counted).
    """

    def __init__(
        self,
        predict: Predict,
        *,
        max_queue: int,
        token_budget: int,
        workers: int = 1,
        longest: int = 128,
        metrics: Metrics | None = None,
    ) -> None:
        self._predict = predict
        self._max_queue, self._token_budget, self._longest = max_queue, token_budget, longest
        self._metrics = metrics or Metrics()
        self._single: deque[QueuedPost] = deque()
        self._bulk: deque[QueuedPost] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"posthue-batch-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Take no more work, finish what was accepted, and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def depth(self) -> int:
        """How many posts wait."""
        return len(self._single) + len(self._bulk)

    def submit(self, posts: Sequence[Post], *, bulk: bool = False) -> Future[list[Prediction]]:
        """Queue the posts, all or none; raise QueueFullError or ClosedError."""
        request = PendingRequest(posts)
        queued = [QueuedPost(post, request, at, self._tokens(post)) for at, post in enumerate(posts)]
        with self._changed:
            if self._closed:
                raise ClosedError("the server is stopping")
            if self.depth + len(posts) > self._max_queue:
                raise QueueFullError(f"{self.depth} posts wait already")
            (self._bulk if bulk else self._single).extend(queued)
            self._changed.notify()
        if not posts:
            request.future.set_result([])
        return request.future

    def _tokens(self, post: Post) -> int:
        text = min(self._longest, 2 + len(post.text) // _LETTERS_A_TOKEN) if post.text else 0
        return text + (_IMAGE_TOKENS if post.image is not None else 0)

    def _work(self) -> None:
        while batch := self._take():
            self._metrics.batch(len(batch))
            self._run(batch)

    def _take(self) -> list[QueuedPost]:
        """Wait for work and return a batch; empty when the batcher is closed and drained."""
        with self._changed:
            while True:
                while not self.depth and not self._closed:
                    self._changed.wait()
                reserved = self._token_budget * _BULK_SHARE if self._bulk else 0
                batch, used = _dequeue(self._single, self._token_budget - reserved)
                batch += _dequeue(self._bulk, self._token_budget - used, always=not batch or reserved > 0)[0]
                if batch or not self.depth:
                    if batch or self._closed:
                        return batch
                    continue  # all that waited had been abandoned

    def _run(self, batch: list[QueuedPost]) -> None:
        try:
            predictions = self._predict([queued.post for queued in batch])
        except (
            Exception
        ) as error:  # whatever a model does, the worker lives, and the others get their answers
            if len(batch) == 1:
                batch[0].request.fail(error)
                return
            for queued in batch:
                self._run([queued])
            return
        for queued, prediction in zip(batch, predictions, strict=True):
            queued.request.put(queued.position, prediction)


def _dequeue(queue: deque[QueuedPost], budget: float, *, always: bool = True) -> tuple[list[QueuedPost], int]:
    """Take posts from the left of a queue while they fit the budget; one in any case where ``always``."""
    batch: list[QueuedPost] = []
    used = 0
    while queue:
        queued = queue[0]
        if queued.request.abandoned:
            queue.popleft()
            continue
        if used + queued.tokens > budget and (batch or not always):
            break
        batch.append(queue.popleft())
        used += queued.tokens
    return batch, used
