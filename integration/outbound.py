"""The only place with an HTTP client: sends what an adapter or ``nexara.py`` builds.

No redirects, no proxies or passwords from the environment, no cookies, TLS verified, at most a megabyte read, and an end in
sight: whatever a peer does, a call is over after its total time. The address that was checked is the one that is dialled.
"""

from __future__ import annotations

import contextlib
import http.cookiejar
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from integration.addresses import AddressError, check_url, resolve
from integration.metrics import count_call
from integration.redaction import REDACTED, redact_headers
from orders.logs import request_id_var
from providers.outbound import OutboundAnswer, OutboundRequest

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TOTAL_TIMEOUT_S = 3.0, 10.0, 12.0
MAX_READ = 1024 * 1024
MAX_STORED = 16 * 1024
CHUNK = 64 * 1024


class SendError(Exception):
    """There is no answer. ``code`` is stable; a passing failure is worth another try."""

    def __init__(self, code: str, message: str, *, is_passing: bool = True) -> None:
        self.code, self.message, self.is_passing = code, message, is_passing
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer and how long it took, in milliseconds."""

    answer: OutboundAnswer
    duration_ms: float


class _Watch(threading.local):
    """Who wants to know the socket of this thread's call."""

    started: Callable[[Any], None] | None = None


_watch = _Watch()


class _CheckedConnection:
    """Dials only an address that was checked; the name stays for the certificate and the Host header."""

    _scheme = "http"

    def _new_conn(self: Any) -> socket.socket:
        try:
            addresses = resolve(self.host, self.port, scheme=self._scheme)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError = OSError("the name has no address")
        for address in addresses:
            try:
                made = create_connection(
                    (address, self.port),
                    self.timeout,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as error:
                failure = error
                continue
            if _watch.started:
                _watch.started(made)
            return made
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from failure
        raise NewConnectionError(self, f"Failed to establish a new connection: {failure}") from failure

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        # A connection from the pool: its socket is there already.
        if _watch.started and self.sock is not None:
            _watch.started(self.sock)
        return super().request(*args, **kwargs)  # type: ignore[misc]


class _CheckedHTTPConnection(_CheckedConnection, HTTPConnection):
    pass


class _CheckedHTTPSConnection(_CheckedConnection, HTTPSConnection):
    _scheme = "https"


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _CheckedHTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _CheckedHTTPSConnection


class CheckedAdapter(requests.adapters.HTTPAdapter):
    """The transport of every call."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _Sessions(threading.local):
    """A session per thread: connections are kept, and nothing is shared."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers = requests.structures.CaseInsensitiveDict({"Accept-Encoding": "identity"})
        self.session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        for prefix in ("http://", "https://"):
            self.session.mount(prefix, CheckedAdapter(pool_connections=8, pool_maxsize=2, max_retries=0))


_sessions = _Sessions()


def send(
    request: OutboundRequest,
    *,
    peer: str = "",
    idempotency_key: str = "",
    timeout_s: float = READ_TIMEOUT_S,
    total_s: float = TOTAL_TIMEOUT_S,
) -> Sent:
    """Make one call; return its answer, whatever its status. Raises SendError where there is none.

    ``timeout_s`` is the longest silence, ``total_s`` the longest call; ``peer`` is whom it is counted for.
    """
    started = time.monotonic()
    outcome: str | int = "failed"
    try:
        sent = _send(request, idempotency_key, timeout_s, total_s)
        outcome = sent.answer.status
        return sent
    except SendError as error:
        outcome = error.code
        raise
    finally:
        took = time.monotonic() - started
        count_call(peer, outcome, took)
        logger.debug(
            "Called %s at %s (%s): %s in %.0f ms", peer, _host(request.url), request.method, outcome, took * 1000
        )


def _send(request: OutboundRequest, idempotency_key: str, timeout_s: float, total_s: float) -> Sent:
    try:
        check_url(request.url)
    except AddressError as error:
        raise SendError("address_refused", f"This address is not called: {error}.", is_passing=False) from error
    headers = {"Accept": "application/json", "User-Agent": "restaurant-integration/1.0", **request.headers}
    if request.content_type:
        headers["Content-Type"] = request.content_type
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    if request_id := request_id_var.get():
        headers["X-Request-Id"] = request_id
    started = time.monotonic()
    alarm = _Alarm(total_s)
    try:
        with alarm:
            answer = _exchange(request, headers, timeout_s, started + total_s)
    except Exception as error:
        raise _send_error(error, alarm) from error
    if alarm.has_rung:
        # What the cut left over can look like an answer.
        raise SendError("timeout", "The call took too long.")
    return Sent(answer, round((time.monotonic() - started) * 1000, 3))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def shake_hands(url: str) -> str:
    """Connect to an address's host as a call does; return the version of TLS, ``""`` without TLS. Raises SendError."""
    try:
        parts = urlsplit(check_url(url))
        kind = _CheckedHTTPSConnection if parts.scheme == "https" else _CheckedHTTPConnection
        connection: Any = kind(parts.hostname or "", parts.port, timeout=CONNECT_TIMEOUT_S)
        if parts.scheme == "https":
            connection.ca_certs = certifi.where()
            connection.cert_reqs = "CERT_REQUIRED"
        try:
            connection.connect()
            return str(connection.sock.version()) if parts.scheme == "https" else ""
        finally:
            connection.close()
    except AddressError as error:
        raise SendError("address_refused", f"This address is not called: {error}.", is_passing=False) from error
    except ssl.SSLError as error:
        raise SendError("tls_failed", "The peer's certificate or its TLS is not right.") from error
    except Exception as error:
        raise _send_error(error, None) from error


def _exchange(request: OutboundRequest, headers: dict[str, str], timeout_s: float, until: float) -> OutboundAnswer:
    response = _sessions.session.request(
        request.method,
        request.url,
        data=request.body or None,
        headers=headers,
        timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
        allow_redirects=False,
        stream=True,
    )
    try:
        if not response.headers:
            # A peer that dies after its status line: Python's client takes that for an answer.
            raise SendError("connection_lost", "The connection broke before the answer was there.")
        body, is_cut = _read(response, until)
    finally:
        response.close()
    return OutboundAnswer(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=body,
        is_cut=is_cut,
    )


def _read(response: requests.Response, until: float) -> tuple[bytes, bool]:
    """Read the body up to the limit; tell whether it was longer."""
    parts, size = [], 0
    while size <= MAX_READ:
        if time.monotonic() > until:
            raise SendError("timeout", "The answer took too long.")
        # read1 gives what is there: a peer that drips byte by byte is noticed between two of them.
        part = response.raw.read1(CHUNK, decode_content=True)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)[:MAX_READ], size > MAX_READ


class _Alarm:
    """Ends this thread's call after its total time, by shutting its socket down: headers can drip too."""

    def __init__(self, after_s: float) -> None:
        self.has_rung = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(after_s, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> None:
        _watch.started = self._use
        self._timer.start()

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        _watch.started = None
        with self._lock:
            self._close()

    def _use(self, made: socket.socket) -> None:
        with self._lock:
            self._close()
            # A descriptor of its own: TLS takes the first one over, and its own shutdown would wait for the peer.
            self._socket = socket.socket(fileno=os.dup(made.fileno()))
            if self.has_rung:
                self._shut_down()

    def _ring(self) -> None:
        with self._lock:
            self.has_rung = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _send_error(error: Exception, alarm: _Alarm | None) -> SendError:
    """Say what a failure of the client means; its own text can quote the address, so it is not passed on."""
    causes = list(_causes(error))
    refused = next((cause for cause in causes if isinstance(cause, AddressError)), None)
    if refused is not None:
        return SendError("address_refused", f"This address is not called: {refused}.", is_passing=False)
    if alarm is not None and alarm.has_rung:
        return SendError("timeout", "The call took too long.")
    if isinstance(error, SendError):
        return error
    if any(isinstance(cause, (NameResolutionError, socket.gaierror)) for cause in causes):
        return SendError("dns_failed", "The host's name has no address.")
    if isinstance(error, requests.exceptions.SSLError) or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return SendError("tls_failed", "The peer's certificate or its TLS is not right.")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return SendError("connect_timeout", "The peer did not take the connection in time.")
    if isinstance(error, requests.exceptions.Timeout) or any(isinstance(cause, TimeoutError) for cause in causes):
        return SendError("timeout", "The peer did not answer in time.")
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        return SendError("connect_failed", "The peer does not take connections.")
    return SendError("connection_lost", "The connection broke before the answer was there.")


def _causes(error: BaseException | None) -> Any:
    """Yield a failure and what it comes from: urllib3 keeps a cause as ``reason`` or among the arguments."""
    seen: set[int] = set()
    stack: list[object] = [error]
    while stack:
        found = stack.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        stack += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]


def recorded_request(request: OutboundRequest) -> dict[str, Any]:
    """Return what of a request may be kept: nothing of its secrets."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    kept = redact_headers({k: REDACTED if k in request.secret_headers else v for k, v in headers.items()})
    body = REDACTED if request.hides_body else stored_text(request.body)
    return {"method": request.method, "url": request.url[:2000], "request_headers": kept, "request_body": body}


def stored_text(body: bytes, hidden: tuple[str, ...] = ()) -> str:
    """Return the first 16 KiB of a body as text that a database takes, with known secrets out of it."""
    text = body.decode("utf-8", "replace")
    for secret in hidden:
        if len(secret) >= 6:
            text = text.replace(secret, REDACTED)
    return text.replace("\x00", "\ufffd").encode()[:MAX_STORED].decode("utf-8", "ignore")
