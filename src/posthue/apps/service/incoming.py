"""From a request to posts: JSON or a form, checked, with pictures decoded from base64 or fetched."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from anyio import to_thread
from pydantic import ValidationError
from starlette.datastructures import Headers

from posthue.apps.service.bodies import form_fields
from posthue.apps.service.fetch import Fetcher
from posthue.apps.service.problems import ApiError, too_large, unreadable
from posthue.apps.service.schemas import BatchIn, ExplainIn, PostIn, RefusedPost, parse
from posthue.apps.service.settings import ServeSettings
from posthue.data.images.opening import open_source
from posthue.errors import ImageError
from posthue.posts import Post, Prediction

_FORM = "multipart/form-data"
_JSON = ("application/json", "")


class Incoming:
    """Turns request bodies into posts, within the limits of the settings."""

    def __init__(self, settings: ServeSettings, fetcher: Fetcher | None) -> None:
        self._settings = settings
        self._fetcher = fetcher

    async def post(self, headers: Headers, body: bytes) -> Post:
        """Return the post of a predict request; raise ApiError."""
        if content_type(headers) == _FORM:
            return await self._form_post(await form_fields(headers, body))
        return await self.from_json(parse(PostIn, json_body(headers, body)))

    async def explain(self, headers: Headers, body: bytes) -> tuple[Post, str | None, str | None]:
        """Return the post of an explain request, the scheme and the label; raise ApiError."""
        if content_type(headers) == _FORM:
            fields = await form_fields(headers, body)
            names = [fields.pop(name, None) or None for name in ("scheme", "label")]
            scheme, label = (_text(value, "scheme or label") for value in names)
            return await self._form_post(fields), scheme, label
        parsed = parse(ExplainIn, json_body(headers, body))
        return await self.from_json(parsed), parsed.scheme, parsed.label

    async def batch(self, headers: Headers, body: bytes) -> list[Post | Prediction]:
        """Return the posts of a batch request; in the place of a broken one a prediction with its error."""
        items = parse(BatchIn, json_body(headers, body)).posts
        if len(items) > self._settings.max_batch:
            raise too_large(f"the batch has {len(items):,} posts; the limit is {self._settings.max_batch:,}")
        posts: list[Post | Prediction] = []
        for item in items:
            try:
                if isinstance(item, RefusedPost):
                    raise unreadable(item.problem)
                if item.image_url:
                    raise unreadable("image_url: pictures are fetched for single posts only")
                posts.append(await self.from_json(item))
            except ApiError as problem:
                if problem.status == 503:
                    raise
                posts.append(Prediction(id=item.id, error=problem.message))
        return posts

    async def from_json(self, parsed: PostIn) -> Post:
        """Return one post; raise ApiError."""
        self._check_text(parsed.text)
        if parsed.image and parsed.image_url:
            raise unreadable("give image or image_url, not both")
        image = self._decoded(parsed.image) if parsed.image else None
        if parsed.image_url:
            image = await self._fetched(parsed.image_url)
        if image is not None:
            await self._check_picture(image)
        return Post(text=parsed.text, image=image, id=parsed.id)

    async def _form_post(self, fields: Mapping[str, str | bytes]) -> Post:
        image = fields.get("image") or None
        if isinstance(image, str):
            raise unreadable("image: send the picture as a file (with a file name)")
        text = _text(fields.get("text"), "text")
        if unknown := sorted(set(fields) - {"text", "image", "id"}):
            raise unreadable(f"the form has an unknown field: {unknown[0][:60]!r}")
        self._check_text(text)
        if image is not None:
            self._check_size(len(image))
            await self._check_picture(image)
        try:
            return Post(text=text, image=image, id=PostIn(id=_text(fields.get("id"), "id")).id)
        except ValidationError:
            raise unreadable("id: has more than 200 characters") from None

    def _check_text(self, text: str | None) -> None:
        if text and len(text) > self._settings.max_text:
            limit = self._settings.max_text
            raise too_large(f"the text has {len(text):,} characters; the limit is {limit:,}")

    def _check_size(self, size: int) -> None:
        if size > self._settings.max_image:
            raise too_large(f"the picture has {size:,} bytes; the limit is {self._settings.max_image:,}")

    def _decoded(self, text: str) -> bytes:
        if text.startswith("data:"):
            text = text.partition(",")[2]
        self._check_size(len(text) * 3 // 4 - 2)
        try:
            image = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise unreadable("image: this is not base64") from None
        if not image:
            raise unreadable("image: the picture is empty (0 bytes)")
        self._check_size(len(image))
        return image

    async def _fetched(self, url: str) -> bytes:
        if self._fetcher is None:
            raise unreadable("image_url: this server fetches no pictures; send the picture itself as image")
        return await self._fetcher.fetch(url)

    async def _check_picture(self, image: bytes) -> None:
        await to_thread.run_sync(check_picture, image, self._settings.max_pixels)


def check_picture(image: bytes, max_pixels: int) -> None:
    """Raise ApiError 422 unless the bytes begin as a picture of at most ``max_pixels``."""
    try:
        with open_source(image) as (opened, _):
            width, height = opened.size
    except ImageError as error:
        raise ApiError(422, "not_an_image", str(error)) from None
    if width * height > max_pixels:
        message = f"the picture has {width:,} x {height:,} pixels; the limit is {max_pixels:,}"
        raise ApiError(422, "too_many_pixels", message)


def content_type(headers: Headers) -> str:
    """Return the media type without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def json_body(headers: Headers, body: bytes) -> bytes:
    """Return the body; raise ApiError 415 if it says that it is something else than JSON."""
    if content_type(headers) not in _JSON:
        raise ApiError(
            415, "unsupported_type", "send application/json, or multipart/form-data where it is taken"
        )
    return body


def _text(value: str | bytes | None, name: str) -> str | None:
    if isinstance(value, bytes):
        raise unreadable(f"{name}: this is a file, and a text is wanted")
    return value
