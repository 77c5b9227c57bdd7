"""Requests a second of ``posthue serve`` and of a plain FastAPI endpoint around the transformers pipeline.

    python benchmarks/serve_load.py                                1, 8 and 64 clients, 10 s each, 3 rounds

The same MiniLM weights in both; one post, text only, a request; every request another text; nothing cached.
The load comes from wrk (apt-get install wrk), one server is at work at a time, and the servers take turns. A
ratio is the median over the rounds, against the better of two ways to write the plain endpoint. A client of
our own then sends posts at the same concurrency and compares every answer with the offline prediction.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from _measuring import RESULTS, made_texts, write_results
from posthue.runtime.backends.devices import choose_threads

KINDS = ("posthue", "plain-threads", "plain-async")
#: int8 activations are scaled by batch, so company moves a probability a little; another's answer, a lot.
TOLERANCE = 0.05
_LUA = Path(__file__).with_name("_wrk_posts.lua")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=int, default=10, help="of each run of wrk")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--checked", type=int, default=1000, help="answers compared per concurrency")
    parser.add_argument("--threads", type=int, help="of every server's model; all cores if left out")
    parser.add_argument("--encoders", help="folder of local encoders, looked in before the Hub")
    parser.add_argument("--output", type=Path, default=RESULTS / "serve_load.csv")
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        print("skipped: wrk is not installed (apt-get install wrk)")
        raise SystemExit(0)
    return args


def main() -> None:
    args = parse_args()
    from _same_weights import be_quiet, text_contest

    be_quiet()
    threads = choose_threads(args.threads)
    texts = made_texts(20_000)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        contest = text_contest(Path(scratch) / "text", texts[:64], models=args.encoders, threads=threads)
        contest.classifier.save_pretrained(Path(scratch) / "plain")
        contest.tokenizer.save_pretrained(Path(scratch) / "plain")
        bodies = Path(scratch) / "bodies.jsonl"
        bodies.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        folders = {"posthue": Path(scratch) / "text"}
        ports = {
            kind: stack.enter_context(server(kind, folders.get(kind, Path(scratch) / "plain"), threads))
            for kind in KINDS
        }
        measured = measure(args, ports, bodies)
        rows = []
        for clients in args.concurrency:
            checked = check(contest.posthue, ports["posthue"], texts[-args.checked :], clients)
            rows += table(clients, measured[clients], threads, checked)
    write_results(args.output, rows)


def measure(args: argparse.Namespace, ports: dict[str, int], bodies: Path) -> dict[int, dict[str, list[Any]]]:
    """wrk's answers by concurrency and kind, one per round; each round starts with another server."""
    for port in ports.values():
        wrk(port, 2, 2, bodies, 19_000)
    found: dict[int, dict[str, list[Any]]] = {}
    for clients in args.concurrency:
        found[clients] = {kind: [] for kind in KINDS}
        for number in range(args.rounds):
            turn = number % len(KINDS)
            for kind in (*KINDS[turn:], *KINDS[:turn]):
                start = (number * 5000) % 18_000
                found[clients][kind].append(wrk(ports[kind], clients, args.seconds, bodies, start))
    return found


def wrk(port: int, clients: int, seconds: int, bodies: Path, start: int) -> dict[str, float]:
    """Run wrk; requests a second, latencies in ms, and what went wrong."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", str(_LUA)]
    url = f"http://127.0.0.1:{port}/v1/predict"
    done = subprocess.run(
        [*command, url, "--", str(bodies), str(start)], capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    found: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    return found


def check(classifier: Any, port: int, texts: Sequence[str], clients: int) -> dict[str, object]:
    """Compare the server's answers with the offline prediction; ids show an answer of somebody else."""
    expected = [classifier.predict(text)["sentiment"] for text in texts]

    def ask(part: range) -> list[dict[str, Any] | None]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        found = []
        for number in part:
            body = json.dumps({"text": texts[number], "id": str(number)})
            connection.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            found.append(json.loads(content) if answer.status == 200 else None)
        connection.close()
        return found

    with ThreadPoolExecutor(clients) as pool:
        parts = [range(first, len(texts), clients) for first in range(clients)]
        answers = {
            n: a
            for part, some in zip(parts, pool.map(ask, parts), strict=True)
            for n, a in zip(part, some, strict=True)
        }
    lost = sum(answer is None for answer in answers.values())
    apart = [
        max(
            abs(answer["sentiment"]["probabilities"][label] - p)
            for label, p in expected[n].probabilities.items()
        )
        if answer["id"] == str(n)
        else 1.0
        for n, answer in answers.items()
        if answer is not None
    ]
    labels = sum(a is not None and a["sentiment"]["label"] == expected[n].label for n, a in answers.items())
    return {
        "checked": len(texts),
        "lost": lost,
        "wrong": sum(value > TOLERANCE for value in apart),
        "same label": labels,
        "largest difference": round(max(apart, default=1.0), 4),
    }


def table(
    clients: int, found: dict[str, list[Any]], threads: int, checked: dict[str, object]
) -> list[dict[str, object]]:
    best = [
        max(a["rps"], b["rps"]) for a, b in zip(found["plain-threads"], found["plain-async"], strict=True)
    ]
    ratios = [ours["rps"] / theirs for ours, theirs in zip(found["posthue"], best, strict=True)]
    rows = []
    for kind, runs in found.items():
        p50, p99 = median(run["p50"] for run in runs), median(run["p99"] for run in runs)
        ours = kind == "posthue"
        rows.append(
            {
                "clients": clients,
                "server": kind,
                "requests/s": round(median(run["rps"] for run in runs), 1),
                "ratio": f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ours else "",
                "p50 ms": round(p50, 1),
                "p99 ms": round(p99, 1),
                "p99/p50": round(p99 / p50, 2),
                "errors": round(sum(run["errors"] for run in runs)),
                **(checked if ours else dict.fromkeys(checked, "")),
                "threads": threads,
            }
        )
    return rows


@contextmanager
def server(kind: str, folder: Path, threads: int) -> Iterator[int]:
    """Run one server as a process of its own; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = Path(__file__).with_name("_servers.py")
    process = subprocess.Popen([sys.executable, str(script), kind, str(folder), str(port), str(threads)])
    try:
        wait_until_ready(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def wait_until_ready(process: subprocess.Popen[bytes], port: int, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
