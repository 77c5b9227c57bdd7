from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import exchange, held_classifier, json_request, png, running, status_of
from starlette.testclient import TestClient

import posthue
from posthue.apps.server import create_app
from posthue.apps.service.schemas import BatchIn, parse
from posthue.apps.service.settings import ServeSettings
from posthue.errors import InputError
from posthue.posts import Post
from posthue.runtime.explain import Explanation

SMALL = ServeSettings(max_text=100, max_image=5000, max_body=20_000, max_batch=4, max_pixels=1_000_000)


@pytest.fixture(scope="module")
def client(tiny_bundle: Path) -> Iterator[TestClient]:
    with TestClient(create_app(posthue.load(tiny_bundle, threads=1), SMALL)) as found:
        yield found


def encoded(image: bytes) -> str:
    return base64.b64encode(image).decode()


def test_json_gives_the_offline_prediction(client: TestClient, tiny_bundle: Path) -> None:
    found = client.post("/v1/predict", json={"text": "happy day", "image": encoded(png()), "id": "7"})
    expected = posthue.load(tiny_bundle).predict(Post(text="happy day", image=png(), id="7")).to_dict()
    assert found.status_code == 200
    assert found.json() == json.loads(json.dumps(expected))
    assert found.headers["cache-control"] == "no-store"


def test_a_data_uri_and_a_form_say_the_same(client: TestClient) -> None:
    uri = f"data:image/png;base64,{encoded(png())}"
    by_json = client.post("/v1/predict", json={"text": "sad", "image": uri}).json()
    by_form = client.post("/v1/predict", data={"text": "sad"}, files={"image": ("a.png", png())})
    assert by_form.status_code == 200
    assert by_form.json() == by_json
    assert by_json["sentiment"]["shares"].keys() == {"text", "image"}


@pytest.mark.parametrize(
    ("body", "status", "code", "reason"),
    [
        ({}, 422, "not_predicted", "neither text nor image"),
        ({"text": " "}, 422, "not_predicted", "neither text nor image"),
        ({"text": 7}, 422, "unreadable", "text: Input should be a valid string"),
        ({"txt": "happy"}, 422, "unreadable", "txt: Extra inputs are not permitted"),
        ([], 422, "unreadable", "should be an object"),
        ({"image": "???"}, 422, "unreadable", "not base64"),
        ({"image": "data:,"}, 422, "unreadable", "empty"),
        ({"image": encoded(b"hello there")}, 422, "not_an_image", "not a picture"),
        ({"image": encoded(png(size=(2000, 600)))}, 422, "too_many_pixels", "2,000 x 600 pixels"),
        ({"image": encoded(png()[:60])}, 422, "not_predicted", "damaged"),
        ({"text": "x" * 101}, 413, "too_large", "101 characters; the limit is 100"),
        ({"image": encoded(bytes(6000))}, 413, "too_large", "the limit is 5,000"),
        ({"text": "x" * 30_000}, 413, "too_large", "20,000 bytes"),
        ({"image_url": "http://example.com/a.png"}, 422, "unreadable", "fetches no pictures"),
    ],
)
def test_what_is_wrong_is_said(client: TestClient, body: object, status: int, code: str, reason: str) -> None:
    found = client.post("/v1/predict", json=body)
    assert (found.status_code, found.json()["error"]) == (status, code)
    assert reason in found.json()["message"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"", "application/json", 422),
        (b'{"text": "\xff"}', "application/json", 422),
        (b'{"text": "happy \\ud800"}', "application/json", 200),
        (b"[" * 9000, "application/json", 422),
        (b'{"text": "happy"}', "", 200),
        (b'{"text": "happy"}', "application/json; charset=utf-8", 200),
        (b"text=happy", "application/x-www-form-urlencoded", 415),
        (b"happy", "text/plain", 415),
        (b"nothing", "multipart/form-data", 422),
        (b"nothing", "multipart/form-data; boundary=b", 422),
        (
            b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nhi\r\n',
            "multipart/form-data; boundary=b",
            422,
        ),
    ],
)
def test_odd_bodies(client: TestClient, content: bytes, kind: str, status: int) -> None:
    headers = {"content-type": kind} if kind else {}
    assert client.post("/v1/predict", content=content, headers=headers).status_code == status


def test_odd_forms(client: TestClient) -> None:
    image = ("a.png", png())
    assert client.post("/v1/predict", data={"text": "a"}, files={"picture": image}).status_code == 422
    assert client.post("/v1/predict", files={"text": image}).status_code == 422
    assert client.post("/v1/predict", files=[("image", image), ("image", image)]).status_code == 422
    assert client.post("/v1/predict", data={"image": "a.png"}, files={"x": b""}).status_code == 422
    too_long = client.post("/v1/predict", data={"text": "a", "id": "x" * 201}, files={"image": image})
    assert "200 characters" in too_long.json()["message"]


def test_a_batch_keeps_order_and_says_what_is_wrong_with_each(client: TestClient) -> None:
    posts = [{"text": "happy"}, {"image": "?", "id": "b"}, {}, {"text": "sad", "id": "d"}]
    found = client.post("/v1/predict/batch", json={"posts": posts}).json()["predictions"]
    assert [one.get("sentiment", {}).get("label") for one in found] == ["positive", None, None, "negative"]
    assert [one["id"] for one in found] == [None, "b", None, "d"]
    assert found[1]["error"] == "image: this is not base64"
    assert "neither text nor image" in found[2]["error"]


def test_a_wrong_post_does_not_stop_its_batch(client: TestClient) -> None:
    posts = [
        {"txt": "x", "id": "a"},
        {"text": "happy"},
        {"text": 7, "id": 8},
        {"text": "sad", "id": "d" * 201},
    ]
    counted = _failed_posts(client)
    answer = client.post("/v1/predict/batch", json={"posts": posts})
    assert answer.status_code == 200
    found = answer.json()["predictions"]
    assert [one["id"] for one in found] == ["a", None, None, None]
    assert [one["error"] is None for one in found] == [False, True, False, False]
    assert found[0]["error"] == "txt: Extra inputs are not permitted"
    assert "200 characters" in found[3]["error"]
    assert _failed_posts(client) == counted + 3
    for broken in ([{"text": "a"}, 7], {}, None):
        refused = client.post("/v1/predict/batch", json={"posts": broken})
        assert refused.status_code == 422
        assert len(refused.json()["message"]) < 100


def _failed_posts(client: TestClient) -> int:
    lines = client.get("/metrics").text.splitlines()
    return int(float(next(line for line in lines if 'outcome="failed"' in line).split()[-1]))


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (r"\ud83d", "\ufffd"),
        (r"a\uDE00b", "a\ufffdb"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\ufffd"),
        (r"\ud83d\n", "\ufffd\n"),
    ],
)
def test_half_an_emoji_stops_nobody(client: TestClient, sent: str, taken: str) -> None:
    body = f'{{"posts": [{{"text": "happy {sent}"}}, {{"text": "sad"}}]}}'
    assert parse(BatchIn, body.encode()).posts[0].text == f"happy {taken}"
    answer = client.post("/v1/predict/batch", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert [found["error"] for found in answer.json()["predictions"]] == [None, None]


def test_batches_have_limits(client: TestClient) -> None:
    assert client.post("/v1/predict/batch", json={"posts": []}).status_code == 422
    many = client.post("/v1/predict/batch", json={"posts": [{"text": "a"}] * 5})
    assert many.status_code == 413
    assert many.json()["message"] == "the batch has 5 posts; the limit is 4"


def test_an_explanation_adds_up(client: TestClient) -> None:
    found = client.post("/v1/explain", json={"text": "happy day", "image": encoded(png())}).json()
    assert found["scheme"] == "sentiment"
    total = found["prior"] + sum(found["contributions"].values())
    assert total == pytest.approx(found["probability"], abs=1e-6)
    assert "happy" in "".join(word["text"] for word in found["words"])
    form = client.post(
        "/v1/explain", data={"text": "sad", "scheme": "emotion", "label": "joy"}, files={"image": b""}
    )
    assert form.json()["label"] == "joy"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"text": "a", "scheme": "moods"}, "moods"),
        ({"text": "a", "label": "jolly"}, "jolly"),
        ({}, "neither text nor image"),
    ],
)
def test_what_cannot_be_explained(client: TestClient, body: object, reason: str) -> None:
    found = client.post("/v1/explain", json=body)
    assert found.status_code == 422
    assert reason in found.json()["message"]


def test_the_model_is_shown_without_paths(client: TestClient, tiny_bundle: Path) -> None:
    found = client.get("/v1/model")
    assert found.json()["schemes"]["sentiment"] == ["negative", "neutral", "positive"]
    assert found.json()["limits"]["max_batch"] == 4
    assert str(tiny_bundle) not in found.text


def test_health_and_unknown_paths(client: TestClient) -> None:
    assert client.get("/healthz").text == "alive\n"
    assert client.get("/readyz").status_code == 200
    assert client.get("/v1/nothing").json()["error"] == "not_found"
    assert client.get("/v1/predict").json()["error"] == "wrong_method"


def test_metrics_count_routes_and_never_paths(client: TestClient) -> None:
    client.get("/secret-words-of-a-client")
    client.post("/v1/predict", json={"text": "happy"})
    found = client.get("/metrics")
    assert found.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "secret" not in found.text
    lines = dict(line.rsplit(" ", 1) for line in found.text.splitlines() if not line.startswith("#"))
    assert float(lines['posthue_requests_total{route="/v1/predict",status="200"}']) >= 1
    assert float(lines['posthue_requests_total{route="other",status="404"}']) >= 1
    assert float(lines['posthue_request_seconds_bucket{le="+Inf",route="/v1/predict"}']) >= 1
    assert float(lines["posthue_batch_posts_count"]) >= 1
    assert float(lines["posthue_queue_posts"]) == 0
    assert {name.partition("{")[0] for name in lines} == {
        *("posthue_requests_total", "posthue_posts_total", "posthue_queue_posts"),
        *(f"posthue_request_seconds_{kind}" for kind in ("bucket", "count", "sum")),
        *(f"posthue_batch_posts_{kind}" for kind in ("bucket", "count", "sum")),
    }


def test_each_app_counts_for_itself(client: TestClient, tiny_bundle: Path) -> None:
    client.post("/v1/predict", json={"text": "happy"})
    with TestClient(create_app(posthue.load(tiny_bundle))) as other:
        assert 'posthue_posts_total{outcome="predicted"} 0.0' in other.get("/metrics").text


def test_no_origin_may_call_unless_it_is_named(client: TestClient, tiny_bundle: Path) -> None:
    origin = {"Origin": "https://app.example"}
    assert "access-control-allow-origin" not in client.get("/v1/model", headers=origin).headers
    settings = ServeSettings(cors_origins=("https://app.example",))
    with TestClient(create_app(posthue.load(tiny_bundle), settings)) as other:
        found = other.get("/v1/model", headers=origin)
        assert found.headers["access-control-allow-origin"] == "https://app.example"
        stranger = other.get("/v1/model", headers={"Origin": "https://else.example"})
        assert "access-control-allow-origin" not in stranger.headers


def test_a_page_of_a_named_origin_can_read_that_its_key_is_wrong(tiny_bundle: Path) -> None:
    settings = ServeSettings(cors_origins=("https://app.example",), api_key="s3cret")
    with TestClient(create_app(posthue.load(tiny_bundle), settings)) as client:
        found = client.get("/v1/model", headers={"Origin": "https://app.example"})
        assert found.status_code == 401
        assert found.headers["access-control-allow-origin"] == "https://app.example"


def test_a_key_is_asked_for_everywhere_but_health(tiny_bundle: Path) -> None:
    with TestClient(create_app(posthue.load(tiny_bundle), ServeSettings(api_key="s3cret"))) as client:
        for path in ("/", "/v1/model", "/metrics", "/openapi.json", "/static/app.js"):
            assert client.get(path).status_code == 401
        assert client.post("/v1/predict", json={"text": "happy"}).json()["error"] == "no_key"
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        for headers in ({"Authorization": "Bearer s3cret"}, {"X-API-Key": "s3cret"}):
            assert client.get("/v1/model", headers=headers).status_code == 200
        assert client.get("/", auth=("anybody", "s3cret")).status_code == 200
        for wrong in ("Bearer nope", "Bearer", "Basic ???", "Basic c3Zl", "s3cret"):
            assert client.get("/v1/model", headers={"Authorization": wrong}).status_code == 401


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(InputError, match="max_queue: 0 is not a whole number of at least 1"):
        ServeSettings(max_queue=0)
    with pytest.raises(InputError, match="would never fit"):
        ServeSettings(max_queue=10, max_batch=20)
    with pytest.raises(InputError, match="key is empty"):
        ServeSettings(api_key=" ")


def test_a_full_queue_says_when_to_come_again(tiny_bundle: Path) -> None:
    classifier, engine = held_classifier(tiny_bundle)
    settings = ServeSettings(max_queue=1, max_batch=1, web=False)
    with running(classifier, settings) as port:
        answers: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: answers.append(exchange(port, json_request({"text": "happy"}))))
            for _ in range(2)
        ]
        threads[0].start()
        assert engine.at_work.wait(5)
        threads[1].start()
        while b"posthue_queue_posts 1" not in exchange(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
            time.sleep(0.01)
        refused = exchange(port, json_request({"text": "happy"}))
        engine.go.set()
        for thread in threads:
            thread.join(10)
    assert status_of(refused) == 503
    assert b"retry-after: 1" in refused.lower()
    assert [status_of(answer) for answer in answers] == [200, 200]


def test_a_request_that_waits_too_long_is_answered(tiny_bundle: Path) -> None:
    classifier, engine = held_classifier(tiny_bundle)
    with running(classifier, ServeSettings(timeout=0.2, web=False)) as port:
        answer = exchange(port, json_request({"text": "happy"}))
        engine.go.set()
        assert status_of(answer) == 503
        assert b"no answer within 0.2 s" in answer
        assert status_of(exchange(port, json_request({"text": "happy"}))) == 200


class SlowToExplain:
    """A classifier whose explanations wait until they are let go; it notes their texts."""

    def __init__(self, classifier: posthue.PostClassifier) -> None:
        self._explain = classifier.explain
        self.go = threading.Event()
        self.at_work = threading.Event()
        self.texts: list[str | None] = []

    def explain(self, post: Post, *, scheme: str, label: str | None) -> Explanation:
        self.texts.append(post.text)
        self.at_work.set()
        assert self.go.wait(20)
        return self._explain(post, scheme=scheme, label=label)


def test_an_explanation_that_takes_too_long_is_answered(tiny_bundle: Path) -> None:
    classifier = posthue.load(tiny_bundle, threads=1)
    slow = SlowToExplain(classifier)
    classifier.explain = slow.explain  # type: ignore[method-assign, assignment]
    asked = [json_request({"text": f"happy {number}"}, "/v1/explain") for number in range(9)]
    with running(classifier, ServeSettings(timeout=0.3, web=False)) as port:
        answers = [exchange(port, request) for request in asked[:3]]
        assert [status_of(answer) for answer in answers] == [503] * 3
        assert all(b"retry-after: 5" in answer.lower() for answer in answers)
        slow.go.set()
        assert status_of(exchange(port, asked[4])) == 200
    assert slow.texts == ["happy 0", "happy 4"]


def test_explanations_that_nobody_waits_for_are_skipped(tiny_bundle: Path) -> None:
    classifier = posthue.load(tiny_bundle, threads=1)
    slow = SlowToExplain(classifier)
    classifier.explain = slow.explain  # type: ignore[method-assign, assignment]
    asked = [json_request({"text": f"happy {number}"}, "/v1/explain") for number in range(9)]
    with running(classifier, ServeSettings(web=False)) as port:
        first = socket.create_connection(("127.0.0.1", port))
        first.sendall(asked[0])
        assert slow.at_work.wait(5)
        for request in asked[1:4]:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(request)
                time.sleep(0.1)
        time.sleep(0.2)
        threading.Timer(0.2, slow.go.set).start()
        assert status_of(exchange(port, asked[5])) == 200
        assert status_of(first.recv(100)) == 200
        first.close()
    assert slow.texts == ["happy 0", "happy 5"]


def test_stopping_answers_what_was_accepted(tiny_bundle: Path) -> None:
    classifier, engine = held_classifier(tiny_bundle)
    answers: list[bytes] = []
    with running(classifier, ServeSettings(web=False)) as port:
        threads = [
            threading.Thread(target=lambda: answers.append(exchange(port, json_request({"text": "sad"}))))
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        assert engine.at_work.wait(5)
        time.sleep(0.2)
        threading.Timer(0.3, engine.go.set).start()
    for thread in threads:
        thread.join(10)
    assert [status_of(answer) for answer in answers] == [200] * 5


def test_bodies_are_cut_off_at_the_limit(tiny_bundle: Path) -> None:
    settings = ServeSettings(max_body=1000, body_timeout=0.3, web=False)
    with running(posthue.load(tiny_bundle, threads=1), settings) as port:
        head = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        declared = exchange(port, head + b"Content-Length: 99999999999\r\n\r\n")
        assert status_of(declared) == 413
        chunks = b"".join(b"%x\r\n%s\r\n" % (500, b"a" * 500) for _ in range(5))
        chunked = exchange(port, head + b"Transfer-Encoding: chunked\r\n\r\n", then=chunks)
        assert status_of(chunked) == 413
        assert b"connection: close" in chunked.lower()
        slow = exchange(port, head + b"Content-Length: 100\r\n\r\n{")
        assert status_of(slow) == 408
        assert status_of(exchange(port, json_request({"text": "happy"}))) == 200


def test_bodies_together_have_a_limit(tiny_bundle: Path) -> None:
    settings = ServeSettings(max_held=600, web=False)
    with TestClient(create_app(posthue.load(tiny_bundle), settings)) as client:
        assert client.post("/v1/predict", json={"text": "x" * 700}).status_code == 503
        for _ in range(20):
            assert client.post("/v1/predict", json={"text": "happy " * 50}).status_code == 200
        assert client.app.state.service.budget.used == 0  # type: ignore[attr-defined]


def test_the_openapi_document_names_what_is_taken_and_answered(client: TestClient) -> None:
    found = client.get("/openapi.json").json()
    predict = found["paths"]["/v1/predict"]["post"]
    assert set(predict["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    assert {"200", "413", "422", "503"} <= set(predict["responses"])
    assert "/posts" not in found["paths"]
