"""A thin Kubernetes client on urllib3: discovery, reads, server-side apply, watch, with retries of what is safe."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from gitops.clients.cluster import ApiError, Expired, Kind, Kinds, Listing, WatchEvent
from gitops.clients.connection import Connection
from gitops.clients.discovery import ACCEPT, PATHS, DiscoveryCache, read_kinds
from gitops.clients.transport import CONNECT_TIMEOUT, Transport
from gitops.errors import GitopsError
from gitops.objects import MANAGER, KubeObject, ObjectRef

PAGE = 500
"""Objects in one page of a list, as kubectl asks."""
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""What is accepted where the metadata of objects is enough; a server that knows no such form gives the whole."""
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
        self._transport = Transport(connection, sleep, now)
        self._name = connection.endpoint.name
        self._kinds: Kinds | None = None

    def again(self) -> "KubernetesCluster":
        """The same cluster for another release: logged in by now, and asked anew what it serves."""
        other = copy(self)
        other._kinds = None
        return other

    @property
    def name(self) -> str:
        return self._name

    # --- reading

    def kinds(self, refresh: bool = False) -> Kinds:
        if self._kinds is None and not refresh:
            self._kinds = self._cache.find() if self._cache else None
        if self._kinds is None or refresh:
            documents = [self._json("GET", path, self.name, accept=ACCEPT) for path in PATHS]
            for document in documents:
                _check_discovery(document, self.name)
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
        brief: bool = False,
    ) -> Listing:
        query = {"limit": str(PAGE)}
        if fields:
            query["fieldSelector"] = _selector(fields)
        accept = METADATA if brief else "application/json"
        found = self._with_kind(group, kind, version, lambda served: self._pages(served, namespace, query, accept))
        return found or Listing((), "")

    def _pages(self, served: Kind, namespace: str, query: Mapping[str, str], accept: str) -> Listing:
        subject = "/".join(part for part in (served.kind, namespace) if part)
        known = {"apiVersion": served.api_version, "kind": served.kind}
        objects: list[KubeObject] = []
        token = ""
        while True:
            try:
                more = {"continue": token} if token else {}
                page = self._json("GET", _path(served, namespace), subject, {**query, **more}, accept=accept)
            except ApiError as error:
                if error.status != 410 or not token:
                    raise
                # What the token stands for is compacted: once more, in one piece.
                objects, token, query = [], "", {key: value for key, value in query.items() if key != "limit"}
                continue
            objects.extend(KubeObject({**item, **known}) for item in page.get("items") or [])
            about = page.get("metadata") or {}
            token = str(about.get("continue") or "")
            if not token:
                return Listing(tuple(objects), about.get("resourceVersion", ""))

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
        for line in self._transport.lines(_path(served, namespace), subject, query, seconds + CONNECT_TIMEOUT):
            event = _event(line, subject)
            if event["type"] == "ERROR":
                # Out of date, or a trouble of the server: the list tells which, and whether it lasts.
                problem = str(event["object"].get("message") or "the watch is out of date")
                raise Expired(subject, problem, status=event["object"].get("code") or 500)
            yield WatchEvent(event["type"], KubeObject(event["object"]))

    def logs(self, namespace: str, pod: str, container: str, lines: int, previous: bool = False) -> str:
        query = {"container": container, "tailLines": str(lines), "previous": str(previous).lower()}
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log"
        return self._send("GET", path, f"Pod/{namespace}/{pod}", query).decode("utf-8", "replace")

    def preview(self, desired: KubeObject, force: bool = False) -> KubeObject:
        return self._apply(desired, force, MANAGER, dry_run=True)

    def preview_update(self, body: KubeObject) -> KubeObject:
        return self._write("PUT", body, body.name, more={"dryRun": "All"})

    def rehearse(self, desired: KubeObject, namespace: str) -> None:
        self._write("POST", desired.with_metadata(namespace=namespace), "", str(desired.ref), {"dryRun": "All"})

    # --- writing

    def apply(self, desired: KubeObject, force: bool = False, manager: str = MANAGER) -> KubeObject:
        return self._written(desired, self._apply(desired, force, manager, dry_run=False))

    def create(self, body: KubeObject) -> KubeObject:
        return self._written(body, self._write("POST", body, ""))

    def replace(self, body: KubeObject) -> KubeObject:
        return self._written(body, self._write("PUT", body, body.name))

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

    def _write(
        self, method: str, body: KubeObject, name: str, subject: str = "", more: Mapping[str, str] | None = None
    ) -> KubeObject:
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", **(more or {})}

        def ask(kind: Kind) -> dict[str, Any]:
            return self._json(method, _path(kind, body.namespace, name), subject or str(body.ref), query, body.body)

        return KubeObject(self._served(body, ask))

    def _served(self, body: KubeObject, ask: Callable[[Kind], dict[str, Any]]) -> dict[str, Any]:
        """What `ask` gives for the kind of `body`. Raises `ApiError` where that is not served."""
        found = self._with_kind(body.group, body.kind, body.version, ask)
        if found is None:
            versions = self.kinds().versions(body.group, body.kind)
            hint = f"use {' or '.join(versions)}" if versions else "is its CRD in the overlay, or the API still there?"
            raise ApiError(str(body.ref), f"{self.name} serves no {body.api_version} {body.kind}", hint, 404)
        return found

    def _written(self, sent: KubeObject, answer: KubeObject) -> KubeObject:
        self._forget_kinds(sent.kind)
        return answer

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
            document = json.loads(data)
        except ValueError as error:
            raise GitopsError(subject, f"{self.name} answered with what is not JSON", "is it an API server?") from error
        if not isinstance(document, dict):
            raise GitopsError(subject, f"{self.name} answered with what is no object", "is it an API server?")
        return document

    def _send(self, method: str, path: str, subject: str, *rest: Any, **more: Any) -> bytes:
        return self._transport.send(method, path, subject, *rest, **more)


def _path(kind: Kind, namespace: str = "", name: str = "") -> str:
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    if kind.namespaced and namespace:
        base += f"/namespaces/{quote(namespace, safe='')}"
    return f"{base}/{kind.plural}" + (f"/{quote(name, safe='')}" if name else "")


def _check_discovery(document: Mapping[str, Any], name: str) -> None:
    """Raise `GitopsError` where what a server says that it serves is in no form that we read."""
    kind = document.get("kind")
    if kind in ("APIVersions", "APIGroupList"):
        raise GitopsError(name, "the API server is too old (before 1.27)", "upgrade the cluster")
    if kind != "APIGroupDiscoveryList":
        raise GitopsError(name, "does not say what it serves", "is it an API server, and is its address whole?")


def _event(line: bytes, subject: str) -> dict[str, Any]:
    """An event of a watch. Raises `Expired` where it is none: whatever spoke, the list tells what is there."""
    try:
        event = json.loads(line)
        if isinstance(event["object"], dict) and isinstance(event["type"], str):
            return dict(event)
    except (ValueError, KeyError, TypeError):
        pass
    raise Expired(subject, "the watch was broken into", status=500)


def _selector(fields: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in fields.items())
