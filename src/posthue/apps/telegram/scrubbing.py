"""Keeping secrets out of everything that is written: logs, warnings, tracebacks, and errors.

The token is part of every address of the Bot API, and libraries put addresses into their errors.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from urllib.parse import quote

MASK = "***"
log = logging.getLogger("posthue.bot")


class Scrubber:
    """Replaces secrets in texts; a token ``id:secret`` is found by its secret half, too, and URL-quoted."""

    def __init__(self, *secrets: str) -> None:
        halves = [secret.partition(":")[2] for secret in secrets]
        plain = {part for part in (*secrets, *halves) if part}
        forms = plain | {quote(part, safe="") for part in plain}
        self._secrets = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


class _ScrubbedFormatter(logging.Formatter):
    def __init__(self, scrub: Scrubber) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, tracebacks included, without the secrets."""
        return self._scrub(super().format(record))


def guard(scrub: Scrubber, *, verbose: bool = False) -> None:
    """Let all that this process logs, warns and fails with go to stderr through the scrubber."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_ScrubbedFormatter(scrub))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    log.setLevel(logging.INFO if verbose else logging.WARNING)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # its report of a failed log line would show the line's parts as they are
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("unexpected error", exc_info=(kind, error, trace))


def _log_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
