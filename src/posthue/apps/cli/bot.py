"""``posthue bot``: the Telegram bot."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from traceback import format_tb
from typing import Annotated

import typer

import posthue
from posthue.apps.cli.options import Model, Threads
from posthue.errors import InputError, MissingExtraError, PosthueError


def bot(
    *,
    model: Model = "default",
    threads: Threads = None,
    webhook_url: Annotated[
        str | None,
        typer.Option(help="Public address that Telegram sends updates to. Default: long polling."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address that the webhook listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port that the webhook listens on.")] = 8081,
    feedback: Annotated[
        Path | None,
        typer.Option(help="Show right/wrong buttons, and append the feedback to this csv or jsonl file."),
    ] = None,
    keep_posts: Annotated[
        bool, typer.Option("--keep-posts", help="Store the post with its feedback; users are informed.")
    ] = False,
    explain: Annotated[bool, typer.Option(help="Explain the label by words and regions.")] = True,
    journal: Annotated[
        Path | None,
        typer.Option(help="File of the answered update ids. Default: in the user's state folder."),
    ] = None,
    max_image_mb: Annotated[
        int, typer.Option(min=1, max=20, help="Size limit of a picture in megabytes.")
    ] = 10,
    api_url: Annotated[str, typer.Option(help="Address of the Bot API server.")] = "https://api.telegram.org",
    album_seconds: Annotated[
        float, typer.Option(min=0.05, help="Seconds without a new picture after which an album is complete.")
    ] = 1.0,
    grace: Annotated[
        float, typer.Option(min=0.1, help="Seconds to finish accepted posts when stopped.")
    ] = 30.0,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every retry, never a post.")] = False,
) -> None:
    """Run the Telegram bot.

    Its token is in POSTHUE_BOT_TOKEN. Posts are not stored.
    """
    from posthue.apps.telegram.scrubbing import Scrubber, guard, log
    from posthue.apps.telegram.settings import BotSettings, read_secret, read_token

    if sys.platform == "win32":
        raise InputError("the bot runs on Linux and macOS; on Windows, use WSL")
    token, secret = read_token(), read_secret()
    try:
        from posthue.apps.telegram.bot import run
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "aiogram", "bot") from None
    scrub = Scrubber(token, *([secret] if secret else []))
    guard(scrub, verbose=verbose)
    settings = BotSettings(
        api_url=api_url,
        journal=journal,
        feedback=feedback,
        keep_posts=keep_posts,
        webhook_url=webhook_url,
        host=host,
        port=port,
        explain=explain,
        max_image=max_image_mb * 2**20,
        album_seconds=album_seconds,
        grace=grace,
    )
    classifier = posthue.load(model, threads=threads)
    try:
        asyncio.run(run(token, classifier, settings, secret=secret, ready=_say))
    except PosthueError as error:
        raise InputError(scrub(str(error))) from None
    except Exception as error:
        log.critical("the bot stopped\n%s", "".join(format_tb(error.__traceback__)))  # no words: no posts
        raise InputError(
            f"the bot stopped ({type(error).__name__}); what was not answered comes again"
        ) from None


def _say(line: str) -> None:
    typer.echo(f"posthue: {line}; Ctrl+C stops it", err=True)
