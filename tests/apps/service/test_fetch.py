from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from serving import png
from starlette.testclient import TestClient

import posthue
from posthue.apps.server import create_app
from posthue.apps.service.fetch import Fetcher, is_public
from posthue.apps.service.problems import ApiError
from posthue.apps.service.settings import ServeSettings

LOOPBACK = "127.0.0.1"


class Site(BaseHTTPRequestHandler):
    """A web site with a picture, redirects, and bad habits; it notes what it is asked for."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append((self.headers["Host"], self.path))
        getattr(self, "page_" + self.path[1:].partition("?")[0].replace(".", "_"), self.page_none)()

    def page_none(self) -> None:
        self.send_error(404)

    def page_a_png(self) -> None:
        self._send(png())

    def page_there(self) -> None:
        self._redirect(self.path.partition("?")[2])

    def page_endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"3e8\r\n" + bytes(1000) + b"\r\n")
        except OSError:
            self.close_connection = True

    def page_liar(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "999999999")
        self.end_headers()
        self.close_connection = True

    def page_packed(self) -> None:
        self._send(png(), ("Content-Encoding", "gzip"))

    def page_empty(self) -> None:
        self._send(b"")

    def page_slow(self) -> None:
        self.server.gone.wait(5)  # type: ignore[attr-defined]

    def _redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Site.asked.clear()
    server = ThreadingHTTPServer((LOOPBACK, 0), Site)
    server.gone = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_address[1]
    server.gone.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join(5)


class Names:
    """A name server of our own: each name has a list of answers, the last one for ever."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.names.get(host)
        if answers is None:
            return [host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def fetcher(names: Names, **more: object) -> Fetcher:
    """Everything as in earnest, but the addresses of the fake sites count as public."""
    settings = {"max_bytes": 10_000, "seconds": 2.0, "resolve": names, "any_port": True} | more
    return Fetcher(**settings)  # type: ignore[arg-type]


def local_is_public(address: str) -> bool:
    return address == LOOPBACK or is_public(address)


def fetch(found: Fetcher, url: str) -> bytes:
    return asyncio.run(found.fetch(url))


def refusal(found: Fetcher, url: str) -> str:
    with pytest.raises(ApiError) as refused:
        fetch(found, url)
    assert refused.value.status == 422
    return refused.value.message


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::", "localhost", "127.1", "0x7f.1", ""),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


def test_a_picture_is_fetched_from_the_checked_address(port: int) -> None:
    names = Names(pictures_example=[[LOOPBACK]])
    found = fetcher(names, allowed=local_is_public)
    assert fetch(found, f"http://pictures.example:{port}/a.png") == png()
    assert Site.asked == [(f"pictures.example:{port}", "/a.png")]


def test_redirects_are_followed_and_checked_again(port: int) -> None:
    names = Names(a_example=[[LOOPBACK]], b_example=[[LOOPBACK]], inside_example=[["10.0.0.5"]])
    found = fetcher(names, allowed=local_is_public)
    good = f"http://a.example:{port}/there?http://b.example:{port}/a.png"
    assert fetch(found, good) == png()
    assert names.asked == ["a.example", "b.example"]
    for inside in ("http://inside.example/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/"):
        assert "not on the public internet" in refusal(found, f"http://a.example:{port}/there?{inside}")
    for other in ("file:///etc/passwd", "gopher://a.example/", "ftp://a.example/x"):
        assert "only http" in refusal(found, f"http://a.example:{port}/there?{other}")


def test_more_than_three_redirects_are_too_many(port: int) -> None:
    found = fetcher(Names(a_example=[[LOOPBACK]]), allowed=local_is_public)
    url = f"http://a.example:{port}/a.png"
    for _ in range(3):
        url = f"http://a.example:{port}/there?{url}"
    assert fetch(found, url) == png()
    assert "more than 3 redirects" in refusal(found, f"http://a.example:{port}/there?{url}")


def test_one_private_address_among_public_ones_is_enough_to_refuse(port: int) -> None:
    names = Names(
        both_example=[["93.184.216.34", "10.0.0.1"]], mapped_example=[["::ffff:10.0.0.1"]], none_example=[[]]
    )
    for host in ("both.example", "mapped.example", "none.example"):
        assert "not on the public internet" in refusal(fetcher(names), f"http://{host}:{port}/a.png")
    assert Site.asked == []


def test_a_name_that_changes_after_the_check_changes_nothing(port: int) -> None:
    """DNS rebinding: the second answer would be private, and nobody asks for it."""
    names = Names(rebind_example=[[LOOPBACK], ["10.0.0.1"]])
    found = fetcher(names, allowed=local_is_public)
    assert fetch(found, f"http://rebind.example:{port}/a.png") == png()
    assert names.asked == ["rebind.example"]
    assert "not on the public internet" in refusal(found, f"http://rebind.example:{port}/a.png")


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "http://[::ffff:7f00:1]/", "http://2130706433/", "http://0x7f000001/"),
        *("http://localhost/", "http://017700000001/", "https://10.0.0.1/", "http://[::]/"),
    ],
)
def test_the_real_resolver_leads_to_no_address_inside(url: str) -> None:
    message = refusal(Fetcher(max_bytes=1000, seconds=5), url)
    assert "not on the public internet" in message or "cannot be fetched" in message


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://a.example:8080/", "ports 80 and 443"),
        ("http://me:pw@a.example/", "user name"),
        ("http:///a.png", "only http"),
        ("//a.example/a.png", "only http"),
        ("http://a.example:99999/", "cannot be fetched"),
        ("http://" + "a" * 300 + "/", "cannot be fetched"),
        ("http://[::1/", "cannot be fetched"),
    ],
)
def test_addresses_that_are_not_asked(url: str, reason: str) -> None:
    names = Names(a_example=[["93.184.216.34"]])
    assert reason in refusal(fetcher(names, any_port=False), url)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("endless", "more than 10,000 bytes"),
        ("liar", "more than 10,000 bytes"),
        ("packed", "compressed"),
        ("empty", "empty"),
        ("nothing", "answered 404"),
        ("slow", "did not answer within 0.3 s"),
    ],
)
def test_bad_sites(port: int, page: str, reason: str) -> None:
    found = fetcher(
        Names(a_example=[[LOOPBACK]]), allowed=local_is_public, seconds=0.3 if page == "slow" else 2.0
    )
    assert reason in refusal(found, f"http://a.example:{port}/{page}")


def test_the_api_fetches_when_it_is_turned_on(tiny_bundle: Path, port: int) -> None:
    names = Names(a_example=[[LOOPBACK]])
    classifier = posthue.load(tiny_bundle, threads=1)
    settings = ServeSettings(fetch_urls=True, web=False)
    with TestClient(
        create_app(classifier, settings, fetcher=fetcher(names, allowed=local_is_public))
    ) as client:
        found = client.post("/v1/predict", json={"image_url": f"http://a.example:{port}/a.png"})
        assert found.json()["sentiment"]["label"] == "negative"
        both = client.post("/v1/predict", json={"image": "eA==", "image_url": "http://a.example/"})
        assert both.json()["message"] == "give image or image_url, not both"
        batch = client.post("/v1/predict/batch", json={"posts": [{"image_url": "http://a.example/a.png"}]})
        assert "single posts only" in batch.json()["predictions"][0]["error"]
    with TestClient(create_app(classifier, settings)) as client:
        inside = client.post("/v1/predict", json={"image_url": "http://127.0.0.1/a.png"})
        assert inside.json()["error"] == "not_fetched"
