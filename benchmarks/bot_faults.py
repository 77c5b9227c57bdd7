"""The Telegram bot under faults: none lost, none answered twice.

The real bot process against a Bot API server of our own (tests/apps/telegram/fake_bot_api.py), over HTTP:
flood limits, 5xx, pages in place of answers, connections that break, restarts of the server, and kill -9 of
the bot. Prints what was sent and what came of it as JSON; exits with 1 if a message was lost, or answered
twice outside the one window that is documented (a kill between Telegram's taking the reply and the journal).

    python benchmarks/bot_faults.py --updates 1000 --kills 5 --restarts 5
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "apps" / "telegram")]

from bot_process import BotProcess, document, message, photo, picture  # noqa: E402
from fake_bot_api import SENDING, FakeBotApi  # noqa: E402

from bundle_factory import make_bundle  # noqa: E402
from posthue.apps.telegram.incoming import album_of  # noqa: E402

CHATS = 40


def make_updates(count: int, rng: random.Random) -> tuple[list[dict[str, Any]], list[set[int]]]:
    """Return updates, and for each reply that is due the numbers of the messages that it may answer."""
    updates: list[dict[str, Any]] = []
    due: list[set[int]] = []
    while len(updates) < count:
        number, chat = 10_000 + len(updates), 100 + rng.randrange(CHATS)
        kind = rng.choices(
            ["text", "photo", "both", "file", "album", "sticker", "broken"], [30, 15, 20, 8, 8, 4, 3]
        )[0]
        if kind == "broken":
            updates.append(rng.choice([{"message": 7}, {"message": {"text": "x"}}, {"unknown": {}}]))
            continue
        if kind == "album":
            size = min(rng.randint(2, 4), count - len(updates))
            for part in range(size):
                updates.append(message(number + part, chat, media_group_id=str(number), **photo("red")))
            due.append(set(range(number, number + size)))
            continue
        content: dict[str, Any] = {
            "text": {"text": rng.choice(["what a happy day", "so sad", "the day"])},
            "photo": photo(rng.choice(["red", "green"])),
            "both": photo(rng.choice(["red", "green"]), caption="happy"),
            "file": document(rng.choice(["red", "torn"]), caption="sad"),
            "sticker": {"dice": {"emoji": "🎲", "value": 3}},
        }[kind]
        updates.append(message(number, chat, **content))
        due.append({number})
    return updates, due


def make_faults(rng: random.Random) -> Any:
    """Return what goes wrong: about one call in seven."""

    def faults(method: str, number: int) -> tuple[Any, ...] | None:
        if method not in (*SENDING, "getUpdates", "getFile", "file"):
            return None
        kinds = [None, ("flood", 1), ("error", 500), ("error", 502), ("garbage",), ("drop",)]
        weights = [86, 3, 3, 2, 3, 3]
        fault = rng.choices(kinds, weights)[0]
        return (
            ("error", 503)
            if method == "file" and fault is not None and fault[0] in ("flood", "garbage")
            else fault
        )

    return faults


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=3600, help="seconds until the run is given up")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    updates, due = make_updates(args.updates, rng)
    with tempfile.TemporaryDirectory() as folder, FakeBotApi() as api:
        api.files = {"red": picture("red"), "green": picture("green"), "torn": picture()[:60]}
        found = run(api, Path(folder), updates, due, args, rng)
    print(json.dumps(found, indent=1))
    sys.exit(1 if found["lost"] or found["twice"] else 0)


def run(
    api: FakeBotApi, folder: Path, updates: list[Any], due: list[set[int]], args: Any, rng: random.Random
) -> Any:
    bundle = make_bundle(folder / "tiny")
    api.faults = make_faults(rng)
    sent_at: list[float] = []
    killed_at: list[float] = []
    restarted_at: list[float] = []
    api.on_sent = lambda sent: sent_at.append(time.monotonic())
    marks = sorted(rng.sample(range(1, max(2, len(due) - 5)), args.kills + args.restarts))
    shocks = ["kill"] * args.kills + ["restart"] * args.restarts
    rng.shuffle(shocks)
    begun, bot = time.monotonic(), BotProcess(api, bundle, folder, "--no-explain")
    feed = list(updates)
    try:
        while not finished(api, due) and time.monotonic() - begun < args.patience:
            api.put(*portion(feed, rng.randint(1, 60)))
            time.sleep(rng.uniform(0.1, 0.6))
            if marks and len(api.sent) >= marks[0]:
                marks.pop(0)
                time.sleep(rng.uniform(0, 0.5))
                if shocks.pop() == "kill":
                    killed_at.append(time.monotonic())
                    bot.kill()
                    bot = BotProcess(api, bundle, folder, "--no-explain")
                else:
                    restarted_at.append(time.monotonic())
                    api.stop()
                    time.sleep(rng.uniform(0, 1))
                    api.start()
        seconds = time.monotonic() - begun
        time.sleep(3)  # whatever would come twice comes now
        status = bot.stop()
    finally:
        bot.kill()
    return predicted(api, due, sent_at, killed_at, restarted_at) | {
        "updates": len(updates),
        "seconds": round(seconds, 1),
        "last_exit": status,
        "unconfirmed": len(api.updates),
        "token_in_log": api.token.partition(":")[2] in bot.said(),
        "seed": args.seed,
    }


def portion(feed: list[Any], size: int) -> list[Any]:
    """Take some updates from the front; an album, which comes to Telegram as a whole, is not cut."""
    while (
        0 < size < len(feed)
        and album_of(feed[size]) is not None
        and album_of(feed[size]) == album_of(feed[size - 1])
    ):
        size += 1
    taken = feed[:size]
    del feed[:size]
    return taken


def finished(api: FakeBotApi, due: list[set[int]]) -> bool:
    answered = {one.replied_to for one in list(api.sent)}
    return all(numbers & answered for numbers in due)


def predicted(
    api: FakeBotApi,
    due: list[set[int]],
    sent_at: list[float],
    killed_at: list[float],
    restarted_at: list[float],
) -> dict[str, Any]:
    """Count what was lost, and what came twice: in the window of a kill or of a restart, and outside them."""
    times: dict[int, list[float]] = {}
    for one, at in zip(api.sent, sent_at, strict=True):
        times.setdefault(one.replied_to, []).append(at)
    lost = twice = window = cut = 0
    for numbers in due:
        answers = sorted(at for number in numbers for at in times.get(number, ()))
        lost += not answers
        for first, second in pairwise(answers):
            killed = any(first <= at < second and at - first < 1 for at in killed_at)
            # a server that stops cuts the answers it has not written: what they said was done
            stopped = not killed and any(first < at + 3.5 and at < second for at in restarted_at)
            window, cut, twice = window + killed, cut + stopped, twice + (not killed and not stopped)
    return {
        "due": len(due),
        "replies": len(api.sent),
        "lost": lost,
        "twice": twice,
        "twice_in_the_window_of_a_kill": window,
        "twice_in_the_window_of_a_restart": cut,
        "kills": len(killed_at),
        "restarts": len(restarted_at),
        "faults": dict(Counter(api.faulted)),
    }


if __name__ == "__main__":
    main()
