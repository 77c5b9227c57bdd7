"""Thousands of malformed and hostile requests against ``posthue serve``, over raw sockets.

    python benchmarks/hostile_requests.py                       10,000 requests
    python benchmarks/hostile_requests.py --n 2000 --model DIR

Counted are the status codes, whatever was a 5xx other than a deliberate 503, and the server's memory after
each fifth of the requests. At the end, a good post must be predicted.
Seeded: a failure can be had again with --seed.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import random
import re
import socket
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from _measuring import RESULTS, write_results

PATHS = (
    "/v1/predict",
    "/v1/predict/batch",
    "/v1/explain",
    "/predict",
    "/",
    "/why",
    "/posts/upload?name=a.csv",
)
_TYPES = (
    "application/json",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "text/plain",
    "",
    "\x7f/\x01",
)
_JSON = "Content-Type: application/json"
_GOOD = {"text": "what a happy day"}
_STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="folder of the bundle; the shipped model if left out")
    parser.add_argument("--output", type=Path, default=RESULTS / "hostile_requests.csv")
    args = parser.parse_args()
    with serving(args.model) as (process, port):
        counts: Counter[str] = Counter()
        memory = []
        for fifth in range(5):
            attack(port, range(fifth * args.n // 5, (fifth + 1) * args.n // 5), args, counts)
            memory.append(resident(process.pid))
        assert process.poll() is None, "the server died"
        answer = talk(port, request("POST", "/v1/predict", json.dumps(_GOOD).encode(), "application/json"))
        assert b'"label"' in answer, answer[:200]
    bad = sum(n for status, n in counts.items() if status.startswith("5") and status != "503")
    write_results(
        args.output,
        [
            {
                "requests": args.n,
                "5xx other than 503": bad,
                "answers": " ".join(f"{status}:{n}" for status, n in sorted(counts.items())),
                "memory after each fifth, MB": " ".join(f"{held / 1e6:.0f}" for held in memory),
                "still answers": "yes",
            }
        ],
    )
    if bad:
        raise SystemExit(1)


@contextmanager
def serving(model: str | None) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run ``posthue serve`` on a free port."""
    command = [sys.executable, "-m", "posthue", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, *(["--model", model] if model else [])], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    found = re.search(r":(\d+)/", process.stderr.readline())
    assert found is not None
    Thread(target=deque, args=(process.stderr, 0), daemon=True).start()  # a full pipe would stop the server
    try:
        port = int(found[1])
        while b"ready" not in talk(port, request("GET", "/readyz", b"", "")):
            pass
        yield process, port
    finally:
        process.terminate()
        process.wait(60)


def attack(port: int, numbers: range, args: argparse.Namespace, counts: Counter[str]) -> None:
    def one(number: int) -> str:
        draw = random.Random(f"{args.seed} {number}")
        make = draw.choice(ATTACKS)
        found = _STATUS.match(talk(port, make(draw), hang_up=make in UNFINISHED))
        status = found[1].decode() if found else "closed"
        if status.startswith("5") and status != "503":
            print(f"request {number} of seed {args.seed} ({make.__name__}) was answered {status}")
        return status

    with ThreadPoolExecutor(args.clients) as pool:
        counts.update(pool.map(one, numbers))


def talk(port: int, content: bytes, *, seconds: float = 30, hang_up: bool = False) -> bytes:
    """Send bytes; return the beginning of the answer, nothing where there is none.

    hang_up: say that nothing more comes, so that the server does not wait for the rest of a broken request.
    """
    address = ("127.0.0.1", port)
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=seconds) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(content)
            if hang_up:
                connection.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    return connection.recv(4096)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(seconds)
        return connection.recv(4096)
    return b""


def request(method: str, path: str, body: bytes, kind: str, *headers: str) -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    if kind:
        head.append(f"Content-Type: {kind}")
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace") + body


def noise(draw: random.Random) -> bytes:
    return draw.randbytes(draw.randrange(1, 400)) + b"\r\n\r\n"


def broken_http(draw: random.Random) -> bytes:
    good = bytearray(request("POST", draw.choice(PATHS), json.dumps(_GOOD).encode(), draw.choice(_TYPES)))
    for _ in range(draw.randrange(1, 8)):
        good[draw.randrange(len(good))] = draw.randrange(256)
    return bytes(good)


def cut_short(draw: random.Random) -> bytes:
    good = request("POST", draw.choice(PATHS), json.dumps(_GOOD).encode(), "application/json")
    return good[: draw.randrange(len(good))]


def false_length(draw: random.Random) -> bytes:
    length = draw.choice(["-1", "99999999999999999999", "1e3", "0x10", " 5", "5, 5", "\u0665", "33554433"])
    lines = [f"POST {draw.choice(PATHS)} HTTP/1.1", "Host: x", _JSON, f"Content-Length: {length}", "", "{}"]
    return "\r\n".join(lines).encode("utf-8")


def odd_chunks(draw: random.Random) -> bytes:
    lines = ["POST /v1/predict HTTP/1.1", "Host: x", _JSON, "Transfer-Encoding: chunked", "", ""]
    head = "\r\n".join(lines).encode()
    sizes = (b"5", b"FFFFFFFFFFFFFFFF", b"-1", b"zz", b"", b"5;x=y", b"0")
    return head + b"".join(draw.choice(sizes) + b"\r\n" + draw.randbytes(5) + b"\r\n" for _ in range(4))


def smuggled(draw: random.Random) -> bytes:
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
    return b"POST /v1/predict HTTP/1.1\r\nHost: x\r\n" + both + b"\r\n0\r\n\r\nGET /" + draw.randbytes(5)


def odd_method_or_path(draw: random.Random) -> bytes:
    method = draw.choice(
        ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "CONNECT", "BREW", "x" * 500]
    )
    path = draw.choice(
        [
            *(
                "/../../etc/passwd",
                "//",
                "/%00",
                "/%ff%fe",
                "/" + "a" * 5000,
                "/v1/predict/",
                "*",
                "http://x/",
            ),
            *("/posts/jobs/..%2f..", "/static/../../cli.py", "/explore?job=%00", "/posts/jobs/x/result"),
            "/?" + "a&" * 2000,
        ]
    )
    return request(method, path, b"", "", f"X-{draw.randrange(9)}: {'y' * draw.randrange(9000)}")


def odd_value(draw: random.Random, depth: int = 0) -> object:
    kinds: list[Callable[[], object]] = [
        lambda: None,
        lambda: draw.choice([True, 0, -1, 1e308, 10**30, 0.5]),
        lambda: "".join(chr(draw.randrange(0x1, 0xD7FF)) for _ in range(draw.randrange(200))),
        lambda: draw.choice(["", " ", "\0", "\u202e", "🙂" * 300, "a" * 25_000, "http " * 900, "@" * 999]),
        lambda: base64.b64encode(picture(draw)).decode(),
        lambda: (
            "data:image/png;base64," + base64.b64encode(draw.randbytes(50)).decode()[: draw.randrange(60)]
        ),
    ]
    if depth < 3:
        kinds.append(lambda: [odd_value(draw, depth + 1) for _ in range(draw.randrange(5))])
        kinds.append(lambda: {"text": odd_value(draw, depth + 1), "image": odd_value(draw, depth + 1)})
    return draw.choice(kinds)()


def odd_json(draw: random.Random) -> bytes:
    names = ["text", "image", "id", "image_url", "posts", "scheme", "label", "__class__"]
    value: object = {name: odd_value(draw) for name in draw.sample(names, draw.randrange(4))}
    if draw.random() < 0.3:
        value = {"posts": [value] * draw.randrange(200)}
    body = json.dumps(value).encode()
    if draw.random() < 0.2:
        body = body.replace(b"}", draw.choice([b"", b"}}", b",}", b"\xff}"]))
    return request("POST", draw.choice(PATHS), body, draw.choice(_TYPES[:1] * 4 + _TYPES))


def deep_json(draw: random.Random) -> bytes:
    opening = draw.choice([b"[", b'{"a":', b'{"posts":['])
    return request("POST", "/v1/predict", opening * draw.randrange(100, 100_000), "application/json")


def odd_words(draw: random.Random) -> bytes:
    body = draw.choice(
        [rb'{"text": "\ud800"}', b'{"text": "\xc0\x80"}', b'{"text": NaN}', b'{"text":"a","text":"b"}']
    )
    return request("POST", draw.choice(PATHS[:2]), body, "application/json")


def picture(draw: random.Random) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    kind = draw.choice(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
    size = (draw.randrange(1, 60), draw.randrange(1, 60))
    Image.new("RGB", size, draw.choice(["red", "lime"])).save(stream, kind)
    content = bytearray(stream.getvalue())
    for _ in range(draw.randrange(12)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    return bytes(content[: draw.choice([len(content)] * 3 + [draw.randrange(len(content))])])


def huge_picture(draw: random.Random) -> bytes:
    """A PNG that declares more pixels than there are bytes in the machine."""
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", draw.choice([60_000, 2**31 - 1]), 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    body = json.dumps({"image": base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk).decode()}).encode()
    return request("POST", "/v1/predict", body, "application/json")


def odd_form(draw: random.Random) -> bytes:
    def part(name: str, content: bytes, file: str = "") -> bytes:
        named = f'; filename="{file}"' if file else ""
        return (
            f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
            + content
            + b"\r\n"
        )

    parts = [
        part("text", draw.randbytes(draw.randrange(100))),
        part("image", picture(draw), draw.choice(["a.png", "../../x", "\0", "a" * 3000])),
        part(draw.choice(["", "text", "x" * 2000]), b"hi"),
        b"--b\r\nContent-Disposition: form-data\r\n\r\n\r\n",
        b"--b\r\n" + b"X: y\r\n" * draw.randrange(2000) + b"\r\n",
    ]
    body = b"".join(draw.sample(parts, draw.randrange(1, 5))) + draw.choice(
        [b"--b--\r\n", b"", b"--b", b"--c--"]
    )
    return request("POST", draw.choice(PATHS[:6]), body, draw.choice(_TYPES[1:3]))


def odd_table(draw: random.Random) -> bytes:
    name = draw.choice(
        ["a.csv", "a.zip", "a.jsonl", "..%2f..%2fa.csv", "%00.csv", "a.csv.gz", "", "a." + "b" * 300]
    )
    body = draw.choice(
        [
            b"text\n/etc/passwd\n",
            b"PK\x03\x04" + draw.randbytes(99),
            draw.randbytes(500),
            b"text,image\na,/etc/passwd\n",
        ]
    )
    return request("POST", f"/posts/upload?name={name}&as={draw.choice(['csv', 'jsonl', 'exe'])}", body, "")


ATTACKS: tuple[Callable[[random.Random], bytes], ...] = (
    *(noise, broken_http, cut_short, false_length, odd_chunks, smuggled, odd_method_or_path),
    *(odd_json, odd_json, odd_json, deep_json, odd_words, huge_picture, odd_form, odd_form, odd_table),
)

#: Those that may leave a server waiting for more.
UNFINISHED = (noise, broken_http, cut_short, false_length, odd_chunks, smuggled)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


if __name__ == "__main__":
    main()
