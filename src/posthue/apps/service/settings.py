"""What the operator of a server can set. Every limit has a default that is safe for a small machine."""

from __future__ import annotations

from dataclasses import dataclass

from posthue.errors import InputError
from posthue.settings import Count, Positive, check_settings

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """The limits and switches of one server."""

    max_queue: Count = 512
    """Posts that may wait for the model; more are answered 503 with Retry-After."""
    max_held: Count = 256 * MEGABYTE
    """Bytes of request bodies in memory together; more are answered 503."""
    token_budget: Count = 2048
    """Tokens that the model takes at once (a picture counts as 256)."""
    workers: Count = 1
    """Threads that run the model."""
    max_text: Count = 20_000
    """Characters of one text."""
    max_image: Count = 10 * MEGABYTE
    """Bytes of one picture."""
    max_pixels: Count = 50_000_000
    """Pixels of one picture."""
    max_batch: Count = 128
    """Posts of one batch request."""
    max_body: Count = 32 * MEGABYTE
    """Bytes of one request."""
    timeout: Positive = 30.0
    """Seconds from the last byte of a request to its answer."""
    body_timeout: Positive = 60.0
    """Seconds to send a body."""
    api_key: str | None = None
    """Requests must carry it. None: the server is open."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API; none by default."""
    fetch_urls: bool = False
    """Whether ``image_url`` is fetched; never from private addresses."""
    web: bool = True
    """Whether the pages are served."""
    max_upload: Count = 200 * MEGABYTE
    """Bytes of one uploaded table."""
    max_rows: Count = 200_000
    """Rows of one uploaded table."""
    job_seconds: Positive = 900.0
    """How long the result of an uploaded table is kept after somebody last looked at it."""
    max_jobs: Count = 8
    """Uploaded tables that are kept; one that failed or was fetched makes room for a new one."""

    def __post_init__(self) -> None:
        check_settings(self)
        if self.max_batch > self.max_queue:
            raise InputError("max_batch must not be more than max_queue: such a batch would never fit")
        if self.api_key is not None and not self.api_key.strip():
            raise InputError("the API key is empty: set one, or unset POSTHUE_API_KEY")
