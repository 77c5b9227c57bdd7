"""Fetching a picture from the web for a client, without becoming a door into the operator's own network.

Off unless the operator turns it on. Names are resolved here, every address is checked, and the connection
goes to a checked address, so a name that resolves differently a moment later (DNS rebinding) changes nothing.
Redirects go through the same gate. What is fetched is bounded in bytes and time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from posthue._version import __version__
from posthue.apps.service.problems import ApiError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_CHUNK = 1 << 16
_NAT64 = tuple(
    map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "2002::/16", "2001::/32"))
)


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet.

    Loopback, private, link-local, shared, reserved and multicast addresses do not, nor do IPv6 addresses that
    hold an IPv4 one (mapped, 6to4, Teredo, NAT64), whatever they hold.

    >>> is_public("93.184.216.34"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1")
    (True, False, False)
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False  # with a scope (fe80::1%eth0), or no address at all
    if isinstance(ip, ipaddress.IPv6Address) and _holds_ipv4(ip):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _holds_ipv4(address: ipaddress.IPv6Address) -> bool:
    return address.ipv4_mapped is not None or any(address in network for network in _NAT64)


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, as the system resolves it."""
    loop = asyncio.get_running_loop()
    entries = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in entries]


@dataclass(frozen=True, slots=True)
class WebResponse:
    """One answer of a web server: its status, where it redirects to, and the body of a 200."""

    status: int
    location: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches pictures. Every failure is an ApiError 422 that does not tell what the inside looks like.

    allowed: whether an address may be connected to. ports: by scheme, the ports that may be asked.
    """

    max_bytes: int
    seconds: float = 10.0
    resolve: Resolve = resolve
    allowed: Callable[[str], bool] = is_public
    any_port: bool = False

    async def fetch(self, url: str) -> bytes:
        """Return the bytes behind ``url``; raise ApiError."""
        try:
            async with asyncio.timeout(self.seconds):
                return await self._follow(url)
        except TimeoutError:
            raise _failed(f"the server did not answer within {self.seconds:g} s") from None
        except (OSError, h11.ProtocolError, ssl.SSLError, EOFError, UnicodeError, ValueError):
            raise _failed("it cannot be fetched") from None

    async def _follow(self, url: str) -> bytes:
        for _ in range(_MOST_REDIRECTS + 1):
            parts = self._checked(url)
            response = await self._get(parts)
            if response.status not in _REDIRECTS:
                return self._body(response)
            url = urljoin(url, response.location)
        raise _failed(f"there are more than {_MOST_REDIRECTS} redirects")

    def _body(self, response: WebResponse) -> bytes:
        if response.status != 200:
            raise _failed(f"the server answered {response.status}")
        if not response.body:
            raise _failed("the answer is empty")
        return response.body

    def _checked(self, url: str) -> SplitResult:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise _failed("only http and https addresses are fetched")
        if parts.username is not None or parts.password is not None:
            raise _failed("addresses with a user name are not fetched")
        if not self.any_port and parts.port not in (None, _PORTS[parts.scheme]):
            raise _failed("only the ports 80 and 443 are asked")
        return parts

    async def _get(self, parts: SplitResult) -> WebResponse:
        port = parts.port or _PORTS[parts.scheme]
        host = (parts.hostname or "").encode("idna").decode("ascii")
        addresses = list(await self.resolve(host, port))
        if not addresses or not all(map(self.allowed, addresses)):
            raise _failed("this address is not on the public internet")
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        reader, writer = await asyncio.open_connection(
            addresses[0], port, ssl=tls, server_hostname=host if tls else None
        )
        try:
            return await self._exchange(parts, host, reader, writer)
        finally:
            writer.close()

    async def _exchange(
        self, parts: SplitResult, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> WebResponse:
        connection = h11.Connection(our_role=h11.CLIENT)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = h11.Request(method="GET", target=_ascii(target), headers=_headers(parts, host))
        writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        await writer.drain()
        status, location, body = 0, "", bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Response):
                status = event.status_code
                location = _header(event, b"location")
                self._check_answer(event)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self.max_bytes:
                    raise self._too_large()
            elif isinstance(event, h11.EndOfMessage):
                return WebResponse(status, location, bytes(body))
            elif not isinstance(event, h11.InformationalResponse):
                raise EOFError

    def _check_answer(self, event: h11.Response) -> None:
        if _header(event, b"content-encoding") not in ("", "identity"):
            raise _failed("the answer is compressed")
        length = _header(event, b"content-length")
        if length.isdecimal() and int(length[:20]) > self.max_bytes:
            raise self._too_large()

    def _too_large(self) -> ApiError:
        return _failed(f"the picture has more than {self.max_bytes:,} bytes, which is the limit")


def _headers(parts: SplitResult, host: str) -> list[tuple[str, str]]:
    name = f"[{host}]" if ":" in host else host
    return [
        ("Host", f"{name}:{parts.port}" if parts.port else name),
        ("User-Agent", f"posthue/{__version__}"),
        ("Accept", "image/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]


def _header(event: h11.Response, name: bytes) -> str:
    return next((value.decode("latin-1").strip() for key, value in event.headers if key == name), "")


def _ascii(target: str) -> bytes:
    """Return the target with everything but printable ASCII as percent escapes."""
    return b"".join(
        bytes([byte]) if 0x21 <= byte <= 0x7E else b"%%%02X" % byte
        for byte in target.encode("utf-8", "replace")
    )


def _failed(reason: str) -> ApiError:
    return ApiError(422, "not_fetched", f"image_url: {reason}")
