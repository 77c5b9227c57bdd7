from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from posthue.apps.service.batcher import Batcher, ClosedError, QueueFullError
from posthue.posts import Post, Prediction


class Model:
    """Answers when let go; a post "broken" breaks the batch that it is in."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.at_work = threading.Event()
        self.batches: list[list[str]] = []

    def predict(self, posts: Sequence[Post]) -> list[Prediction]:
        texts = [post.text or "" for post in posts]
        self.batches.append(texts)
        self.at_work.set()
        assert self.go.wait(10)
        if "broken" in texts:
            raise RuntimeError("broken")
        return [Prediction(id=text) for text in texts]


def batcher(model: Model, **more: int) -> Batcher:
    found = Batcher(model.predict, **({"max_queue": 100, "token_budget": 1000} | more))  # type: ignore[arg-type]
    found.start()
    return found


def posts(*texts: str) -> list[Post]:
    return [Post(text=text) for text in texts]


def test_an_idle_model_starts_at_once_and_then_takes_all_that_waits() -> None:
    model = Model()
    queue = batcher(model)
    first = queue.submit(posts("a"))
    assert model.at_work.wait(5)
    others = [queue.submit(posts(text)) for text in "bcd"]
    model.go.set()
    assert [future.result(5)[0].id for future in (first, *others)] == list("abcd")
    assert model.batches == [["a"], ["b", "c", "d"]]
    queue.close()


def test_answers_come_in_the_order_of_the_posts() -> None:
    model = Model()
    model.go.set()
    queue = batcher(model, token_budget=8)
    texts = [str(number) for number in range(50)]
    assert [found.id for found in queue.submit(posts(*texts)).result(5)] == texts
    assert all(len(batch) <= 4 for batch in model.batches)
    assert queue.submit([]).result(1) == []
    queue.close()


def test_a_post_above_the_budget_goes_alone() -> None:
    model = Model()
    model.go.set()
    queue = batcher(model, token_budget=4)
    queue.submit(posts("x" * 400, "y")).result(5)
    assert model.batches == [["x" * 400], ["y"]]
    queue.close()


def test_a_full_queue_refuses_all_posts_of_a_request() -> None:
    model = Model()
    queue = batcher(model, max_queue=3)
    first = queue.submit(posts("a"))
    assert model.at_work.wait(5)
    waiting = queue.submit(posts("b", "c"))
    with pytest.raises(QueueFullError):
        queue.submit(posts("d", "e"))
    assert queue.depth == 2
    model.go.set()
    assert len(first.result(5)) + len(waiting.result(5)) == 3
    queue.close()


def test_single_posts_go_before_bulk_work_which_keeps_a_share() -> None:
    model = Model()
    queue = batcher(model, token_budget=8)  # a one-letter text is two tokens
    blocker = queue.submit(posts("0"))
    assert model.at_work.wait(5)
    bulk = queue.submit(posts(*"abcdef"), bulk=True)
    singles = [queue.submit(posts(text)) for text in "123456"]
    model.go.set()
    for future in (blocker, bulk, *singles):
        future.result(5)
    assert model.batches[1] == ["1", "2", "3", "a"]
    assert model.batches[2] == ["4", "5", "6", "b"]
    queue.close()


def test_one_broken_post_does_not_harm_the_others() -> None:
    model = Model()
    queue = batcher(model)
    first = queue.submit(posts("a"))
    assert model.at_work.wait(5)
    good, bad = queue.submit(posts("b", "c")), queue.submit(posts("broken"))
    model.go.set()
    assert [found.id for found in good.result(5)] == ["b", "c"]
    with pytest.raises(RuntimeError, match="broken"):
        bad.result(5)
    assert first.result(5)
    assert queue.submit(posts("d")).result(5)[0].id == "d"
    queue.close()


def test_what_nobody_waits_for_is_not_predicted() -> None:
    model = Model()
    queue = batcher(model)
    queue.submit(posts("a"))
    assert model.at_work.wait(5)
    given_up, wanted = queue.submit(posts("b")), queue.submit(posts("c"))
    assert given_up.cancel()
    model.go.set()
    assert wanted.result(5)[0].id == "c"
    assert model.batches == [["a"], ["c"]]
    queue.close()


def test_closing_finishes_what_was_accepted_and_takes_no_more() -> None:
    model = Model()
    queue = batcher(model)
    accepted = [queue.submit(posts(text)) for text in "abc"]
    closing = threading.Thread(target=queue.close)
    closing.start()
    while not queue._closed:
        pass
    with pytest.raises(ClosedError):
        queue.submit(posts("d"))
    model.go.set()
    closing.join(5)
    assert not closing.is_alive()
    assert [future.result(0)[0].id for future in accepted] == list("abc")
