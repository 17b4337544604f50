"""Requests to an API server: logged in, at a pace that it keeps up with, and sent again while that may help."""

import base64
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from gitops import __version__
from gitops.clients.api_errors import refusal
from gitops.clients.cluster import UNTYPED, ApiError, Expired
from gitops.clients.connection import Connection, Credential
from gitops.clients.pace import Pace
from gitops.clients.pools import lasting, pool_of, shown
from gitops.errors import GitopsError

if TYPE_CHECKING:
    import urllib3

CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 65.0
"""Seconds. The API server gives up on a request after 60 by default, and says so; let it."""
FIRST_WORD, SILENCE = 25.0, 130.0
"""Seconds that a server which has not said anything yet may keep silent on a request, and one that has: the first may
be no API server at all, the second is busy, or makes place for another."""
ATTEMPTS = 8
"""How often a request is sent before its failure is the answer."""
UNHEARD = 3
"""How often where nobody listens, or says nothing until time is up: enough to tell."""
LONGEST_PAUSE = 30.0
"""Seconds that a Retry-After can ask for."""
RETRIED = (429, 500, 502, 503, 504)
OVERTAKEN = b"the object has been modified"
"""Of a write that the server tried a few times, and that others' writes always came before."""
CHUNK = 1 << 16
"""Bytes of a long answer that are taken at a time, at most."""
EARLY = timedelta(seconds=60)
"""How long before it expires a credential is renewed; after half of its life where that is short."""
OFTEN = timedelta(seconds=10)
"""A credential is used for so long at least, whatever it says: by a clock that is ahead, all are expired at once."""
SKEW = timedelta(minutes=5)
"""By how much a clock must differ for that to be the reason of a refusal: a signed token is good for 15 minutes."""


class Transport:
    """Sends requests to one server as one user. Safe to use from several threads."""

    def __init__(
        self,
        connection: Connection,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.pace = Pace()
        self._endpoint = connection.endpoint
        self._login = connection.login
        self._headers = connection.headers
        self._sleep = sleep
        self._now = now
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._renew: datetime | None = None
        self._pool: urllib3.PoolManager | None = None
        self._certificate = ""
        self._answered = False
        self._given_up = ""
        """What to say of a server that never said anything: it is asked nothing more."""

    def send(
        self,
        method: str,
        path: str,
        subject: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        """One request, sent again while that is safe and may help. All of ours are: each is idempotent or carries a
        precondition (uid, resource version, "must not exist"). Raises `ApiError` with the server's refusal."""
        url = self._endpoint.server + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {"Accept": accept} | ({"Content-Type": content_type} if data else {})
        logged_in_again, silent = False, 0.0
        for attempt in range(1, ATTEMPTS + 1):
            response, seconds = self._try(method, url, subject, headers, data, attempt, silent)
            if response is None:
                silent += seconds
                continue
            if response.status < 300:
                self.pace.faster()
                return response.data
            if response.status == 401 and not logged_in_again:
                logged_in_again = True
                self._forget_credential()
                continue
            if attempt == ATTEMPTS or not _worth_retrying(method, response.status, response.data):
                raise self._refusal(subject, response)
            if response.status == 429:
                self.pace.slower()
            self._sleep(self._pause(attempt, response.headers.get("Retry-After")))
        raise GitopsError(subject, f"{self._endpoint.server} refused the credentials twice", "log in again")

    def lines(self, path: str, subject: str, query: Mapping[str, str], seconds: float) -> Iterator[bytes]:
        """Lines of a long answer, as they come. Ends quietly when the connection does: the caller watches again.
        Raises `Expired` where the caller must list first."""
        import urllib3

        url = f"{self._endpoint.server}{path}?{urlencode(query)}"
        pool, headers = self._connected({"Accept": "application/json"})
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=seconds)
        try:
            response = pool.request(
                "GET", url, headers=headers, retries=False, redirect=False, timeout=timeout, preload_content=False
            )
        except (urllib3.exceptions.HTTPError, OSError):
            return
        try:
            if response.status in (401, 410):
                # Who is refused hears it of the list, which logs in again.
                raise Expired(subject, f"the watch ended with HTTP {response.status}", status=response.status)
            if response.status in RETRIED:
                self._sleep(self._pause(1, response.headers.get("Retry-After")))
                return
            if response.status >= 300:
                raise self._refusal(subject, response)
            yield from _split(response)
        finally:
            response.close()

    def _try(
        self,
        method: str,
        url: str,
        subject: str,
        headers: Mapping[str, str],
        data: bytes | None,
        attempt: int,
        silent: float,
    ) -> "tuple[urllib3.BaseHTTPResponse | None, float]":
        """One attempt, after others took `silent` seconds, and the seconds that it took. No answer after a failure of
        the network that is worth another attempt."""
        import urllib3

        began = time.monotonic()
        try:
            with self.pace.slot():
                pool, all_headers = self._connected(headers)
                began, timeout = time.monotonic(), self._timeout(silent)
                response = pool.request(
                    method, url, body=data, headers=all_headers, retries=False, redirect=False, timeout=timeout
                )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if found := lasting(error, self._endpoint.server):
                raise found from error
            seconds = time.monotonic() - began
            # Cut off half-way: as often as any other failure.
            often = attempt >= (UNHEARD if _unheard(error) else ATTEMPTS)
            if often or silent + seconds >= self._longest_silence():
                raise self._silence(subject, error, silent + seconds) from error
            self._sleep(self._pause(attempt, None))
            return None, seconds
        self._answered, self._given_up = True, ""
        return response, time.monotonic() - began

    def _longest_silence(self) -> float:
        return SILENCE if self._answered else FIRST_WORD

    def _timeout(self, silent: float) -> "urllib3.Timeout":
        import urllib3

        if self._given_up:
            raise self._no_answer(self._given_up)
        left = max(0.1, self._longest_silence() - silent)
        return urllib3.Timeout(connect=min(CONNECT_TIMEOUT, left), read=min(READ_TIMEOUT, left))

    def _silence(self, subject: str, error: Exception, seconds: float) -> GitopsError:
        """What there is to say of a server that was silent for so many seconds. One that never said anything is asked
        nothing more: each of many environments would take as long again."""
        import urllib3

        proxy = self._pool.proxy if self._pool else None
        if proxy and isinstance(error, urllib3.exceptions.ProxyError):
            problem = f"cannot be reached through the proxy {shown(str(proxy))} ({_reason(error)})"
            return GitopsError(self._endpoint.server, problem, "check HTTPS_PROXY and NO_PROXY, or its proxy-url")
        late = isinstance(error, urllib3.exceptions.TimeoutError) and "timed out" in str(error)
        why = f"timed out after {seconds:.0f} s" if late else _reason(error)
        problem = f"does not answer ({why}), asked about {subject}"
        if not self._answered and seconds >= FIRST_WORD:
            self._given_up = problem
        return self._no_answer(problem)

    def _no_answer(self, problem: str) -> GitopsError:
        return GitopsError(self._endpoint.server, problem, "check the network and the endpoint")

    def _refusal(self, subject: str, response: "urllib3.BaseHTTPResponse") -> ApiError:
        error = refusal(subject, response.status, response.data)
        if response.status == 401 and (said := self._skew(response.headers.get("Date"))):
            error = ApiError(subject, error.problem, said, 401, error.reason)
        return error

    def _skew(self, date: str | None) -> str:
        """What there is to do where this machine's clock is far from the server's."""
        moment = _moment(date)
        ahead = self._now() - moment if moment else timedelta()
        if abs(ahead) < SKEW:
            return ""
        minutes, how = abs(ahead).total_seconds() / 60, "ahead" if ahead > timedelta() else "behind"
        return f"set this machine's clock, which is {minutes:.0f} min {how}: tokens are signed by it"

    def _pause(self, attempt: int, retry_after: str | None) -> float:
        """Seconds until the next attempt: what the server asks for, else growing, and never all at once."""
        asked: float = 0.05 * 2**attempt
        if retry_after and retry_after.strip().isdigit():
            asked = float(retry_after)
        elif moment := _moment(retry_after):
            asked = max(0.0, (moment - self._now()).total_seconds())
        return min(asked, LONGEST_PAUSE) + random.uniform(0, 0.1)  # noqa: S311 - jitter, not cryptography

    def _connected(self, headers: Mapping[str, str]) -> "tuple[urllib3.PoolManager, urllib3.HTTPHeaderDict]":
        """The pool, and `headers` with those that say who we are, both fresh."""
        import urllib3

        with self._lock:
            if self._credential is None:
                self._log_in()
            elif self._renew and self._now() >= self._renew:
                self._log_in_anew(self._credential)
            assert self._pool is not None
            assert self._credential is not None
            every = urllib3.HTTPHeaderDict({**headers, "User-Agent": f"gitops/{__version__}"})
            every.extend(self._headers)
            every.extend(self._authorization(self._credential))
            return self._pool, every

    def _log_in(self) -> None:
        fresh, now = self._login(), self._now()
        if self._pool is None or fresh.certificate != self._certificate:
            self._pool, self._certificate = pool_of(self._endpoint, fresh), fresh.certificate
        life = fresh.expires - now if fresh.expires else None
        self._renew = now + max(life - EARLY, life / 2, OFTEN) if life is not None else None
        self._credential = fresh

    def _log_in_anew(self, present: Credential) -> None:
        """Renew what is about to expire. Where that fails for a moment, what is there does until it has expired."""
        try:
            self._log_in()
        except GitopsError:
            if present.expires is None or present.expires <= self._now():
                raise
            self._renew = self._now() + OFTEN

    def _forget_credential(self) -> None:
        with self._lock:
            self._credential = None

    def _authorization(self, credential: Credential) -> dict[str, str]:
        if credential.token:
            if not credential.token.isascii() or not credential.token.isprintable() or " " in credential.token:
                problem = "the token to log in with is none: it has a space, a line break or a letter that none has"
                raise GitopsError(self._endpoint.name, problem, "check where it comes from")
            return {"Authorization": f"Bearer {credential.token}"}
        if credential.basic:
            return {"Authorization": "Basic " + base64.b64encode(credential.basic.encode()).decode()}
        return {}


def _worth_retrying(method: str, status: int, body: bytes) -> bool:
    if status == 409:
        # An apply is of no version of the object: others were quicker, time and again.
        return method == "PATCH" and OVERTAKEN in body
    lasting = status == 500 and any(words.encode() in body for words in UNTYPED)
    return status in RETRIED and not lasting


def _moment(date: str | None) -> datetime | None:
    """An HTTP date; None where it is none."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC) if date else None
    except ValueError:
        return None


def _unheard(error: Exception) -> bool:
    """Whether nobody took the connection, or nobody spoke on it: not even TLS, or for longer than a server takes."""
    import urllib3

    inner = error.args[-1] if isinstance(error, urllib3.exceptions.ProxyError) else error
    kinds = urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.NewConnectionError
    kinds |= urllib3.exceptions.NameResolutionError | urllib3.exceptions.SSLError
    return isinstance(inner, kinds | urllib3.exceptions.ReadTimeoutError)


def _reason(error: BaseException) -> str:
    """The innermost sentence of a chain of network errors."""
    import urllib3

    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "timed out"
    text = str(error.args[-1] if error.args else error)
    return text.rpartition(": ")[2].strip("()'\" ") or type(error).__name__


def _split(response: "urllib3.BaseHTTPResponse") -> Iterator[bytes]:
    import urllib3

    buffer = b""
    try:
        # What there is, as it comes: where a proxy has joined the chunks, `stream` would wait for the answer's end.
        while chunk := response.read1(CHUNK):
            buffer += chunk
            *lines, buffer = buffer.split(b"\n")
            yield from (line for line in lines if line)
    except (urllib3.exceptions.HTTPError, OSError):
        return
