"""What the operator of a server can set. Every limit has a default that is safe for a small machine."""

from __future__ import annotations

from dataclasses import dataclass, fields

from posthue.errors import InputError

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """The limits and switches of one server.

    max_queue: posts that may wait for the model; more are answered 503 with Retry-After.
    max_held: bytes of request bodies in memory together; more are answered 503.
    token_budget: tokens that the model takes at once (a picture counts as 256).
    workers: threads that run the model.
    max_text: characters of one text. max_image: bytes of one picture. max_pixels: of one picture.
    max_batch: posts of one batch request. max_body: bytes of one request.
    timeout: seconds from the last byte of a request to its answer. body_timeout: seconds to send a body.
    api_key: None: the server is open. Else requests must carry it.
    cors_origins: origins whose pages may call the API; none by default.
    fetch_urls: whether ``image_url`` is fetched; never from private addresses.
    web: whether the pages are served. max_upload: bytes of one uploaded table. max_rows: rows of one.
    job_seconds: how long the result of an uploaded table is kept after somebody last looked at it.
    max_jobs: uploaded tables that are kept; one that failed or was fetched makes room for a new one.
    """

    max_queue: int = 512
    max_held: int = 256 * MEGABYTE
    token_budget: int = 2048
    workers: int = 1
    max_text: int = 20_000
    max_image: int = 10 * MEGABYTE
    max_pixels: int = 50_000_000
    max_batch: int = 128
    max_body: int = 32 * MEGABYTE
    timeout: float = 30.0
    body_timeout: float = 60.0
    api_key: str | None = None
    cors_origins: tuple[str, ...] = ()
    fetch_urls: bool = False
    web: bool = True
    max_upload: int = 200 * MEGABYTE
    max_rows: int = 200_000
    job_seconds: float = 900.0
    max_jobs: int = 8

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
                raise InputError(f"{field.name} must be more than 0, not {value}")
        if self.max_batch > self.max_queue:
            raise InputError("max_batch must not be more than max_queue: such a batch would never fit")
        if self.api_key is not None and not self.api_key.strip():
            raise InputError("the API key is empty: set one, or unset POSTHUE_API_KEY")
