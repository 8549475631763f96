"""One HTTP server as a client sees it: connections, key, time limit, and what went wrong.

Invariants: the key lives in the session's header and nowhere else, every text taken from outside is
scrubbed of it before it becomes an error message; every failure leaves here as the ``CallFailed``
subclass that says whether asking again makes sense; nothing is sent twice.

One session a server, no limit on connections (the engine decides how many calls are in flight), no
cookies, one preset time limit and bodies that are bytes already: at a hundred calls in flight what
remains is aiohttp's own cost (0.11 ms of CPU a call).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from io import BytesIO
from time import time
from typing import Any, BinaryIO
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from assay import __version__
from assay.errors import (
    BadRequest,
    CallFailed,
    ConnectionFailed,
    ContentRefused,
    EndpointUnusable,
    NotSupported,
    RateLimited,
    ServerFailed,
    TimedOut,
    UsageError,
)

_REFUSALS = frozenset(
    (
        "content_filter",
        "content_policy_violation",
        "ResponsibleAIPolicyViolation",
        "data_inspection_failed",
        "flagged_input",
    )
)
"""Words for "our filter declined": OpenAI and Azure, DashScope, OpenRouter."""

_HOPELESS = frozenset(("insufficient_quota", "invalid_api_key", "billing_hard_limit_reached", "account_deactivated"))
"""Words for what no waiting mends, whatever the status."""

_LONGEST = 300
"""Characters of a server's own words that an error message repeats."""

_CONNECT_SECONDS = 30.0
_UPLOAD_SECONDS = 3600.0
_ERROR_BODY = 65536
_LARGE_BODY = 1 << 20

_Sending = AbstractAsyncContextManager[aiohttp.ClientResponse]
_Chunks = AbstractAsyncContextManager[AsyncIterator[bytes]]


class Endpoint:
    """A server, its key and its connections.

    Paths are appended to ``base_url``; one that begins with ``/`` to the server's root, which is
    ``base_url`` without a final ``/v1``.

    Args:
        base_url: Such as ``http://127.0.0.1:8000/v1``.
        key: Sent as a bearer token; ``None`` sends none.
        key_name: The environment variable that the key came from, for messages.
        timeout: Seconds from sending a request to its last byte.
    """

    def __init__(self, base_url: str, *, key: str | None = None, key_name: str = "", timeout: float = 600.0) -> None:
        self._root = _address(base_url)
        self._key = key
        self._key_name = key_name
        self._timeout = timeout
        self._proxy = _proxy(self._root)
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}
        self.where = f"{self._root.host}:{self._root.port}"

    async def post(self, path: str, body: bytes) -> bytes:
        """Send JSON and return the whole reply. Raises ``CallFailed`` subclasses."""
        return await self._whole(self._send(path, body))

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """Fetch a document. Raises ``CallFailed`` subclasses."""
        return await self._whole(self._open().get(self._url(path), params=query, allow_redirects=False))

    async def upload(self, path: str, file: BinaryIO, filename: str, **fields: str) -> bytes:
        """Send a file as a form, piece by piece, and return the reply; closes ``file``.

        Raises ``CallFailed`` subclasses.
        """
        form = aiohttp.FormData(fields)
        form.add_field("file", file, filename=filename, content_type="application/octet-stream")
        body = form()
        return await self._whole(
            self._open().post(
                self._url(path),
                data=body,
                headers={"Content-Type": body.headers["Content-Type"]},
                timeout=self._unhurried(_UPLOAD_SECONDS),
                allow_redirects=False,
            )
        )

    def download(self, path: str) -> _Chunks:
        """Fetch a document of any size and give its chunks as they come. Raises ``CallFailed`` subclasses."""
        getting = self._open().get(self._url(path), timeout=self._unhurried(None), allow_redirects=False)
        return self._chunks(getting)

    def stream(self, path: str, body: bytes) -> _Chunks:
        """Send JSON and give the reply's chunks as they come. Raises ``CallFailed`` subclasses."""
        return self._chunks(self._send(path, body))

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def failed(self, kind: type[CallFailed], what: str, **details: Any) -> CallFailed:
        """An error of ``kind`` whose message names the server and holds no key."""
        return kind(f"{self.where} {self.scrub(what)}", **details)

    def scrub(self, text: str) -> str:
        """``text`` on one line, without the key, at a length that a person reads."""
        if self._key:
            text = text.replace(self._key, "***")
        text = " ".join(text.split())
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

    def reported(self, error: Any, status: int | None, headers: Mapping[str, str] | None = None) -> CallFailed:
        """The failure that an error document reports, under a status of 300 or more or none."""
        words, codes = explain(error)
        if status is None:
            return self.failed(_kind(500, codes, None), f"sent an error in place of a reply: {words}")
        wait = retry_after(headers or {})
        kind = _kind(status, codes, wait)
        return self.failed(kind, f"says {status}: {self._advice(status, kind, words)}", status=status, retry_after=wait)

    def _send(self, path: str, body: bytes) -> _Sending:
        data = body if len(body) < _LARGE_BODY else BytesIO(body)  # which aiohttp sends piece by piece
        return self._open().post(self._url(path), data=data, allow_redirects=False)

    @asynccontextmanager
    async def _chunks(self, sending: _Sending) -> AsyncIterator[AsyncIterator[bytes]]:
        try:
            async with sending as response:
                if response.status >= 300:
                    raise await self._rejection(response)
                yield response.content.iter_any()
                await _drain(response)
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken(error) from None

    async def _whole(self, sending: _Sending) -> bytes:
        try:
            async with sending as response:
                if response.status >= 300:
                    raise await self._rejection(response)
                return await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken(error) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"Content-Type": "application/json", "User-Agent": f"assay/{__version__}"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=headers,
                proxy=self._proxy,
                timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=_CONNECT_SECONDS),
            )
        return self._session

    def _unhurried(self, total: float | None) -> aiohttp.ClientTimeout:
        """For what may be gigabytes: the usual limit holds between two pieces, not for the whole."""
        return aiohttp.ClientTimeout(total=total, sock_connect=_CONNECT_SECONDS, sock_read=self._timeout)

    def _url(self, path: str) -> URL:
        url = self._urls.get(path)
        if url is None:
            outer = self._root.parent if path.startswith("/") and self._root.name == "v1" else self._root
            url = self._urls[path] = outer.joinpath(path.lstrip("/"))
        return url

    async def _rejection(self, response: aiohttp.ClientResponse) -> CallFailed:
        body = bytearray()
        with suppress(aiohttp.ClientError):  # the status alone says enough
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) >= _ERROR_BODY:
                    break
        text = body[:_ERROR_BODY].decode("utf-8", "replace")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = text
        if response.status < 400 and "Location" in response.headers:
            document = f"it redirects to {response.headers['Location']}: set base_url to where the API is"
        return self.reported(document, response.status, response.headers)

    def _advice(self, status: int, kind: type[CallFailed], words: str) -> str:
        if status == 401 and self._key:
            # The server's own words are left out: some repeat a part of the key.
            return f"the key in {self._key_name} was rejected"
        if status == 401:
            return f"it wants a key: put one in the environment variable {self._key_name}"
        if kind is EndpointUnusable and status == 404:
            return f"no such model or address: check the model's name and base_url ({words})"
        return words

    def _broken(self, error: Exception) -> CallFailed:
        """The failure behind an exception of aiohttp or the operating system."""
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return self.failed(ConnectionFailed, f"cannot be reached within {_CONNECT_SECONDS:g} s")
        if isinstance(error, TimeoutError):
            return self.failed(TimedOut, f"sent no complete reply within {self._timeout:g} s")
        if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)):
            return self.failed(EndpointUnusable, f"cannot be reached over TLS ({what})")
        if isinstance(error, aiohttp.ClientConnectorError):
            return self.failed(ConnectionFailed, f"cannot be reached ({what})")
        if isinstance(error, aiohttp.ClientResponseError):
            return self.failed(ServerFailed, f"does not speak HTTP as expected ({error.message})")
        return self.failed(ConnectionFailed, f"dropped the connection ({what})")


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read what follows the end of a streamed answer (a few bytes), so that the connection can be used again."""
    with suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout(1):
            while not response.content.at_eof():
                await response.content.readany()


def explain(document: Any) -> tuple[str, frozenset[str]]:
    """What an error document says: its words, and its machine-readable codes.

    Understands ``{"error": {...}}``, ``{"error": "..."}``, ``{"message": ...}``, ``{"detail": ...}`` and
    plain text.
    """
    error = document.get("error") or document if isinstance(document, dict) else document
    if not isinstance(error, dict):
        text = str(error)
        page = re.search(r"<title>([^<]{1,200})</title>", text[:4096], re.IGNORECASE)
        return (f"an HTML page, {page[1].strip()!r}" if page else text.strip() or "(nothing)"), frozenset()
    words = error.get("message") or error.get("detail") or error
    inner, metadata = error.get("innererror"), error.get("metadata")
    codes = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    if isinstance(metadata, dict):
        codes.extend(metadata)
    return words if isinstance(words, str) else json.dumps(words), frozenset(c for c in codes if isinstance(c, str))


def _kind(status: int, codes: frozenset[str], wait: float | None) -> type[CallFailed]:
    """The class of failure that a status stands for (see ``errors.py``)."""
    if codes & _REFUSALS:
        return ContentRefused
    if codes & _HOPELESS:
        return EndpointUnusable
    if status == 429 or (status in (503, 529) and wait is not None):
        return RateLimited
    if status < 400 or status in (401, 402, 403, 404, 405, 410):
        return EndpointUnusable
    if status == 501:
        return NotSupported
    if status in (408, 409, 425) or status >= 500:
        return ServerFailed
    return BadRequest


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a reply asks to wait: ``retry-after-ms``, or ``Retry-After`` as seconds or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("Retry-After", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        # Measured against the server's own clock where it tells it, which may differ from ours.
        until = parsedate_to_datetime(headers["Retry-After"]).timestamp()
        now = parsedate_to_datetime(headers["Date"]).timestamp() if "Date" in headers else time()
    except (KeyError, ValueError, OverflowError):
        return None
    return max(0.0, until - now)


def read_key(name: str) -> str | None:
    """The key in the environment variable ``name``. Raises ``UsageError`` where no header can carry it."""
    key = os.environ.get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError(f"the key in {name} holds characters that no key has: it may have been pasted with others")
    return key or None


def _address(base_url: str) -> URL:
    try:
        url = URL(base_url.rstrip("/"))
    except ValueError:
        url = URL()
    if url.user or url.password:
        raise UsageError("base_url holds a user or password, which would be stored: put a key in the environment")
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"base_url={base_url} will not do: an address such as http://127.0.0.1:8000/v1 is expected")
    if url.query_string or url.fragment:
        raise UsageError(f"base_url={base_url} will not do: nothing may follow the path")
    return url


def _proxy(url: URL) -> str | None:
    """The proxy that the environment names for an address, looked up once instead of at each call."""
    host = url.host or ""
    if host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host):
        return None
    proxy = getproxies().get(url.scheme)
    if proxy and not proxy.startswith(("http://", "https://")):
        raise UsageError(f"the environment names a {proxy.partition(':')[0]} proxy: only HTTP proxies will do")
    return proxy
