"""A thin Kubernetes client on urllib3: discovery, reads, server-side apply, watch, with retries of what is safe."""

import base64
import json
import os
import random
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from gitops.clients.api_errors import refusal
from gitops.clients.cluster import ApiError, Expired, Kind, Kinds, Listing, WatchEvent
from gitops.clients.discovery import ACCEPT, PATHS, DiscoveryCache, read_kinds
from gitops.clients.kubeconfig import Connection, Credential, Endpoint
from gitops.clients.pace import Pace
from gitops.errors import GitopsError
from gitops.objects import MANAGER, KubeObject, ObjectRef

if TYPE_CHECKING:
    import urllib3

CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 65.0
"""Seconds. The API server gives up on a request after 60 by default, and says so; let it."""
ATTEMPTS = 8
"""How often a request is sent before its failure is the answer."""
LONGEST_PAUSE = 30.0
"""Seconds that a Retry-After can ask for."""
RETRIED = (429, 500, 502, 503, 504)
CHUNK = 1 << 16
"""Bytes of a long answer that are taken at a time, at most."""
PAGE = 500
"""Objects in one page of a list, as kubectl asks."""
NO_SUCH_PATH = "could not find the requested resource"
"""What the server says of a path that it does not serve, other than of an object that is not there."""
DEFINES_KINDS = frozenset({"CustomResourceDefinition", "APIService"})
"""What is served changes with these."""

T = TypeVar("T")


class KubernetesCluster:
    """`Cluster` of a real API server. Safe to use from several threads."""

    def __init__(
        self,
        connection: Connection,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        cache: Path | None = None,
    ) -> None:
        """`cache` is the folder where what the server serves is remembered between runs; None: each run asks."""
        self._cache = DiscoveryCache(cache, connection.endpoint.server, connection.endpoint.ca) if cache else None
        self._endpoint = connection.endpoint
        self._login = connection.login
        self._sleep = sleep
        self._now = now
        self._pace = Pace()
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._pool: urllib3.PoolManager | None = None
        self._kinds: Kinds | None = None

    @property
    def name(self) -> str:
        return self._endpoint.name

    # --- reading

    def kinds(self, refresh: bool = False) -> Kinds:
        if self._kinds is None and not refresh:
            self._kinds = self._cache.find() if self._cache else None
        if self._kinds is None or refresh:
            documents = [self._json("GET", path, self.name, accept=ACCEPT) for path in PATHS]
            if any(document.get("kind") != "APIGroupDiscoveryList" for document in documents):
                raise GitopsError(self.name, "the API server is too old (before 1.27)", "upgrade the cluster")
            self._kinds = read_kinds(documents)
            if self._cache:
                self._cache.keep(self._kinds)
        return self._kinds

    def _with_kind(self, group: str, kind: str, version: str, ask: Callable[[Kind], T]) -> T | None:
        """What `ask` gives for a kind; None where it is not served. A kind that is remembered, and that the server does
        not know, is looked for anew."""
        served = self.kinds().find(group, kind, version)
        try:
            return ask(served) if served else None
        except ApiError as error:
            if not (self.kinds().remembered and error.status == 404 and NO_SUCH_PATH in error.problem):
                raise
            served = self.kinds(refresh=True).find(group, kind, version)
            return ask(served) if served else None

    def get(self, ref: ObjectRef, version: str = "") -> KubeObject | None:
        def ask(kind: Kind) -> KubeObject:
            return KubeObject(self._json("GET", _path(kind, ref.namespace, ref.name), str(ref)))

        try:
            return self._with_kind(ref.group, ref.kind, version, ask)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self,
        group: str,
        kind: str,
        namespace: str = "",
        version: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> Listing:
        query = {"limit": str(PAGE)}
        if fields:
            query["fieldSelector"] = _selector(fields)
        found = self._with_kind(group, kind, version, lambda served: self._pages(served, namespace, query))
        return found or Listing((), "")

    def _pages(self, served: Kind, namespace: str, query: Mapping[str, str]) -> Listing:
        subject = "/".join(part for part in (served.kind, namespace) if part)
        known = {"apiVersion": served.api_version, "kind": served.kind}
        objects: list[KubeObject] = []
        token = ""
        while True:
            page = self._json(
                "GET", _path(served, namespace), subject, {**query, **({"continue": token} if token else {})}
            )
            objects.extend(KubeObject({**known, **item}) for item in page.get("items") or [])
            token = page["metadata"].get("continue")
            if not token:
                return Listing(tuple(objects), page["metadata"].get("resourceVersion", ""))

    def watch(
        self,
        group: str,
        kind: str,
        namespace: str,
        resource_version: str,
        seconds: float,
        fields: Mapping[str, str] | None = None,
    ) -> Iterator[WatchEvent]:
        served = self.kinds().find(group, kind)
        if served is None:
            return
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(max(1, int(seconds))),
        } | ({"fieldSelector": _selector(fields)} if fields else {})
        subject = "/".join(part for part in (kind, namespace) if part)
        for line in self._lines(_path(served, namespace), subject, query, seconds + CONNECT_TIMEOUT):
            event = json.loads(line)
            if event["type"] == "ERROR":
                code = event["object"].get("code")
                if code == 410:
                    raise Expired(subject, "the watch is out of date", status=410)
                raise refusal(subject, code or 500, json.dumps(event["object"]).encode())
            yield WatchEvent(event["type"], KubeObject(event["object"]))

    def logs(self, namespace: str, pod: str, container: str, lines: int, previous: bool = False) -> str:
        query = {"container": container, "tailLines": str(lines), "previous": str(previous).lower()}
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log"
        return self._send("GET", path, f"Pod/{namespace}/{pod}", query).decode("utf-8", "replace")

    def preview(self, desired: KubeObject, force: bool = False) -> KubeObject:
        return self._apply(desired, force, MANAGER, dry_run=True)

    # --- writing

    def apply(self, desired: KubeObject, force: bool = False, manager: str = MANAGER) -> KubeObject:
        applied = self._apply(desired, force, manager, dry_run=False)
        self._forget_kinds(desired.kind)
        return applied

    def create(self, body: KubeObject) -> KubeObject:
        return self._write("POST", body, "")

    def replace(self, body: KubeObject) -> KubeObject:
        return self._write("PUT", body, body.name)

    def delete(self, ref: ObjectRef, uid: str = "", propagation: str = "Background") -> bool:
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}

        def ask(kind: Kind) -> bool:
            self._json("DELETE", _path(kind, ref.namespace, ref.name), str(ref), body=options)
            return True

        try:
            return bool(self._with_kind(ref.group, ref.kind, "", ask))
        except ApiError as error:
            # 409: another object bears the name by now, so the one that was meant is gone.
            if error.status == 404 or (error.status == 409 and uid and "uid" in error.problem.lower()):
                return False
            raise
        finally:
            self._forget_kinds(ref.kind)

    def _apply(self, desired: KubeObject, force: bool, manager: str, dry_run: bool) -> KubeObject:
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        if force:
            query["force"] = "true"
        if dry_run:
            query["dryRun"] = "All"
        content_type = "application/apply-patch+yaml"

        def ask(kind: Kind) -> dict[str, Any]:
            path = _path(kind, desired.namespace, desired.name)
            return self._json("PATCH", path, str(desired.ref), query, desired.body, content_type=content_type)

        return KubeObject(self._served(desired, ask), desired.origin)

    def _write(self, method: str, body: KubeObject, name: str) -> KubeObject:
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict"}

        def ask(kind: Kind) -> dict[str, Any]:
            return self._json(method, _path(kind, body.namespace, name), str(body.ref), query, body.body)

        written = KubeObject(self._served(body, ask))
        self._forget_kinds(body.kind)
        return written

    def _served(self, body: KubeObject, ask: Callable[[Kind], dict[str, Any]]) -> dict[str, Any]:
        """What `ask` gives for the kind of `body`. Raises `ApiError` where that is not served."""
        found = self._with_kind(body.group, body.kind, body.version, ask)
        if found is None:
            versions = self.kinds().versions(body.group, body.kind)
            hint = f"use {' or '.join(versions)}" if versions else "is its CRD in the overlay, or the API still there?"
            raise ApiError(str(body.ref), f"{self.name} serves no {body.api_version} {body.kind}", hint, 404)
        return found

    def _forget_kinds(self, written: str) -> None:
        """After a write that changes what is served, the next run asks."""
        if self._cache and written in DEFINES_KINDS:
            self._cache.forget()

    # --- transport

    def _json(
        self,
        method: str,
        path: str,
        subject: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        data = self._send(method, path, subject, query, body, content_type, accept)
        try:
            document: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise GitopsError(subject, f"{self.name} answered with what is not JSON", "is it an API server?") from error
        return document

    def _send(
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
        precondition (uid, resource version, "must not exist")."""
        url = self._endpoint.server + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        logged_in_again = False
        for attempt in range(1, ATTEMPTS + 1):
            headers = {"Accept": accept, "User-Agent": "gitops"} | ({"Content-Type": content_type} if data else {})
            response = self._try(method, url, subject, headers, data, attempt)
            if response is None:
                continue
            if response.status < 300:
                self._pace.faster()
                return response.data
            if response.status == 401 and not logged_in_again:
                logged_in_again = True
                self._forget_credential()
                continue
            if attempt == ATTEMPTS or not _worth_retrying(response.status, response.data):
                raise refusal(subject, response.status, response.data)
            if response.status == 429:
                self._pace.slower()
            self._sleep(_pause(attempt, response.headers.get("Retry-After")))
        raise GitopsError(subject, f"{self._endpoint.server} refused the credentials twice", "log in again")

    def _try(
        self, method: str, url: str, subject: str, headers: dict[str, str], data: bytes | None, attempt: int
    ) -> "urllib3.BaseHTTPResponse | None":
        """One attempt; None after a failure of the network that is worth another."""
        import urllib3

        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
        try:
            with self._pace.slot():
                pool, login = self._connected()
                return pool.request(
                    method, url, body=data, headers=headers | login, retries=False, redirect=False, timeout=timeout
                )
        except urllib3.exceptions.SSLError as error:
            raise GitopsError(self._endpoint.server, f"TLS failed: {_reason(error)}", "check the CA") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # Nobody listens: three tries are enough to tell. Cut off half-way: as often as any other failure.
            most = 3 if isinstance(error, urllib3.exceptions.ConnectTimeoutError) or _unreachable(error) else ATTEMPTS
            if attempt >= most:
                problem = f"does not answer ({_reason(error)}), asked about {subject}"
                raise GitopsError(self._endpoint.server, problem, "check the network and the endpoint") from error
            self._sleep(_pause(attempt, None))
            return None

    def _lines(self, path: str, subject: str, query: Mapping[str, str], seconds: float) -> Iterator[bytes]:
        """Lines of a long answer, as they come. Ends quietly when the connection does: the caller watches again."""
        import urllib3

        url = f"{self._endpoint.server}{path}?{urlencode(query)}"
        pool, login = self._connected()
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=seconds)
        try:
            response = pool.request(
                "GET",
                url,
                headers={"Accept": "application/json"} | login,
                retries=False,
                timeout=timeout,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError):
            return
        try:
            if response.status == 410:
                raise Expired(subject, "the watch is out of date", status=410)
            if response.status == 401:
                self._forget_credential()
                return
            if response.status in RETRIED:
                self._sleep(_pause(1, response.headers.get("Retry-After")))
                return
            if response.status >= 300:
                raise refusal(subject, response.status, response.data)
            yield from _split(response)
        finally:
            response.close()

    def _connected(self) -> "tuple[urllib3.PoolManager, dict[str, str]]":
        """The pool, and the header that says who we are, both fresh."""
        with self._lock:
            expires = self._credential.expires if self._credential else None
            if self._credential is None or (expires and expires - self._now() < timedelta(seconds=60)):
                fresh = self._login()
                if self._pool is None or fresh.certificate != (self._credential or fresh).certificate:
                    self._pool = _pool(self._endpoint, fresh)
                self._credential = fresh
            assert self._pool is not None
            return self._pool, _authorization(self._credential)

    def _forget_credential(self) -> None:
        with self._lock:
            self._credential = None


def _path(kind: Kind, namespace: str = "", name: str = "") -> str:
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    if kind.namespaced and namespace:
        base += f"/namespaces/{quote(namespace, safe='')}"
    return f"{base}/{kind.plural}" + (f"/{quote(name, safe='')}" if name else "")


def _selector(fields: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in fields.items())


def _worth_retrying(status: int, body: bytes) -> bool:
    # An apply of an unknown field, or of a text where a map belongs, is answered with 500 (kubernetes#110534), and so
    # it will be the next time.
    lasting = (b"field not declared in schema", b"failed to create typed patch object")
    return status in RETRIED and not (status == 500 and any(words in body for words in lasting))


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds until the next attempt: what the server asks for, else growing, and never all at once."""
    asked = float(retry_after) if retry_after and retry_after.isdigit() else 0.05 * 2**attempt
    return min(asked, LONGEST_PAUSE) + random.uniform(0, 0.1)  # noqa: S311 - jitter, not cryptography


def _unreachable(error: Exception) -> bool:
    import urllib3

    return isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError)


def _reason(error: BaseException) -> str:
    """The innermost sentence of a chain of network errors."""
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


def _authorization(credential: Credential) -> dict[str, str]:
    if credential.token:
        return {"Authorization": f"Bearer {credential.token}"}
    if credential.basic:
        return {"Authorization": "Basic " + base64.b64encode(credential.basic.encode()).decode()}
    return {}


def _pool(endpoint: Endpoint, credential: Credential) -> "urllib3.PoolManager":
    import urllib3

    options: dict[str, Any] = {"maxsize": 64, "num_pools": 4}
    if endpoint.server.startswith("https"):
        if endpoint.insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        options["ssl_context"] = _tls(endpoint, credential)
        options["assert_hostname"] = False if endpoint.insecure else endpoint.server_name or None
        if endpoint.server_name:
            options["server_hostname"] = endpoint.server_name
    if endpoint.proxy:
        return urllib3.ProxyManager(endpoint.proxy, **options)
    return urllib3.PoolManager(**options)


def _tls(endpoint: Endpoint, credential: Credential) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=endpoint.ca or None)
        if endpoint.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if credential.certificate:
            _load_certificate(context, credential)
    except (ssl.SSLError, ValueError) as error:
        raise GitopsError(endpoint.name, "its CA, certificate or key is not usable PEM", "check KUBECONFIG") from error
    return context


def _load_certificate(context: ssl.SSLContext, credential: Credential) -> None:
    """OpenSSL takes a certificate and key from a file only; it is ours alone, and gone at once."""
    descriptor, name = tempfile.mkstemp(prefix="gitops-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{credential.certificate}\n{credential.key}\n")
        context.load_cert_chain(name)
    finally:
        os.unlink(name)
