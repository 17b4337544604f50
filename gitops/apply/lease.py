"""One deploy of an environment at a time: a Lease in the cluster, renewed while the run lives, with a fencing token.

The token counts the holders. It is written into the inventory before the first change, so that a run which lost its
lease without noticing (a machine that slept) is found out by the inventory as well as by its own clock.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gitops.clients.cluster import ApiError, Cluster, Conflict
from gitops.clients.fresh import is_before
from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef

LONG_DEAD = 240
"""Durations after which a lease is taken without watching it first: an hour, by which no two clocks should differ."""
RELEASES = 3
"""How often it is tried to give a lease up: an answer to a renewal that was lost makes the first meet our own."""
LOST = float("-inf")
"""Until when a lease is held that another run has."""


@dataclass(frozen=True)
class LeaseOptions:
    """How long a lease holds without being renewed, and how long to wait for somebody else's."""

    duration: float = 15.0
    """Seconds. A run that was killed blocks the next for no longer than this."""
    patience: float = 60.0
    """Seconds to wait for a deploy that is under way, before giving up."""
    poll: float = 0.5
    """Seconds between two looks at somebody else's lease."""


class Lease:
    """The lease `ref`, held as `holder` within `with`. Raises `GitopsError` where somebody else keeps it.

    `ref` is a Lease, or a ConfigMap that says the same, for roles that may write no Lease (the access policies of EKS
    leave them out). Its token is larger than `floor`, even where the lease was deleted meanwhile.
    """

    def __init__(
        self,
        cluster: Cluster,
        ref: ObjectRef,
        holder: str,
        options: LeaseOptions = LeaseOptions(),
        floor: int = 0,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._ref = ref
        self._holder = holder
        self._options = options
        self._floor = floor
        self._sleep = sleep
        self._monotonic = monotonic
        self._now = now
        self._held: KubeObject | None = None
        self.began = ""
        """When it was taken, by the server's clock; empty where the server does not say."""
        self._until = 0.0
        self._stop = threading.Event()
        self._renewing = threading.Lock()
        self._renewer: threading.Thread | None = None

    @property
    def token(self) -> int:
        """The fencing token: larger than every earlier holder's."""
        assert self._held is not None
        return int(_terms(self._held)["leaseTransitions"])

    @property
    def version(self) -> str:
        """The resource version that it was written at: what is read of the cluster afterwards is no older."""
        return str(self._held.metadata.get("resourceVersion", "")) if self._held else ""

    def __enter__(self) -> "Lease":
        try:
            self._acquire()
        except KeyboardInterrupt:
            self._abandon()
            raise
        self._renewer = threading.Thread(target=self._renew, daemon=True, name="lease")
        self._renewer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._renewer:
            self._renewer.join()
        self._release()

    def check(self) -> None:
        """Raise `GitopsError` once the lease may be somebody else's. Where it has run out and nobody took it (the API
        server was away, the machine slept), it is renewed: its resource version tells."""
        if self._monotonic() > self._until:
            self._renew_once()
        if self._monotonic() > self._until:
            problem = "was lost: another run has it, or the API server could not be reached to renew it"
            raise GitopsError(str(self._ref), problem, "run the deploy again")

    def _acquire(self) -> None:
        started = self._monotonic()
        seen: tuple[str, float] | None = None
        while True:
            asked = self._monotonic()
            found = self._cluster.get(self._ref)
            version = str(found.metadata["resourceVersion"]) if found else ""
            if seen is None or seen[0] != version:
                seen = (version, asked)
            if (found is None or self._is_free(found, asked - seen[1])) and self._take(found, asked):
                return
            if asked - started > self._options.patience:
                raise self._busy(found)
            self._sleep(self._options.poll)

    def _is_free(self, found: KubeObject, unchanged: float) -> bool:
        """Given up, ours already (an answer was lost), or not renewed for its whole duration."""
        spec = _terms(found)
        if spec.get("holderIdentity") in (None, "", self._holder):
            return True
        duration = float(spec.get("leaseDurationSeconds") or self._options.duration)
        age = self._now() - _moment(spec.get("renewTime"))
        return unchanged > duration or age > timedelta(seconds=LONG_DEAD * duration)

    def _take(self, found: KubeObject | None, asked: float) -> bool:
        """Write ourselves into the lease; False where somebody was faster."""
        transitions = int(_terms(found).get("leaseTransitions") or 0) if found else 0
        body = self._body(max(transitions, self._floor) + 1, self._now(), found)
        try:
            self._held = self._cluster.replace(body) if found else self._cluster.create(body)
        except ApiError as error:
            if isinstance(error, Conflict) or error.status in (404, 409):
                return error.status == 404 and self._gone(error)
            raise
        self._until = asked + self._options.duration
        self.began = max(
            (str(each.get("time") or "") for each in self._held.metadata.get("managedFields") or []), default=""
        )
        return True

    def _gone(self, error: ApiError) -> bool:
        """The lease, or its namespace, went away under us. Without a namespace there is nothing to wait for."""
        if self._cluster.get(ObjectRef("", "Namespace", "", self._ref.namespace)) is None:
            raise error
        return False

    def _body(
        self, transitions: int, acquired: datetime, found: KubeObject | None, holder: str | None = None
    ) -> KubeObject:
        metadata: dict[str, Any] = {
            "name": self._ref.name,
            "namespace": self._ref.namespace,
            "labels": {"app.kubernetes.io/managed-by": "gitops"},
        }
        if found:
            metadata["resourceVersion"] = found.metadata["resourceVersion"]
        spec = {
            "holderIdentity": self._holder if holder is None else holder,
            "leaseDurationSeconds": max(1, round(self._options.duration)),
            "acquireTime": _text(acquired),
            "renewTime": _text(self._now()),
            "leaseTransitions": transitions,
        }
        if self._ref.kind == "ConfigMap":
            data = {key: str(value) for key, value in spec.items()}
            return KubeObject({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
        return KubeObject({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})

    def _renew(self) -> None:
        while not self._stop.wait(self._options.duration / 3):
            self._renew_once()

    def _renew_once(self) -> None:
        with self._renewing:
            assert self._held is not None
            asked = self._monotonic()
            acquired = _moment(_terms(self._held)["acquireTime"])
            try:
                self._held = self._cluster.replace(self._body(self.token, acquired, self._held))
                self._until = asked + self._options.duration
            except Conflict:
                self._after_conflict(asked)
            except GitopsError:
                # The next round tries again; `check` tells when it is too late.
                return

    def _after_conflict(self, asked: float) -> None:
        """An answer that was lost makes the next renewal meet our own; anybody else's ends the lease."""
        try:
            found = self._cluster.get(self._ref)
        except GitopsError:
            return
        if found and not is_before(self.version, str(found.metadata["resourceVersion"])):
            # From a cache that is behind: it cannot be what the server has by now. The next round asks again.
            return
        spec = _terms(found) if found else {}
        if found and spec.get("holderIdentity") == self._holder and int(spec["leaseTransitions"]) == self.token:
            self._held, self._until = found, asked + self._options.duration
        else:
            self._until = LOST
            self._stop.set()

    def _release(self) -> None:
        """Give the lease up, so that the next run need not wait; one that ran out too, as its resource version tells
        whether it is still ours. Where that fails, it runs out by itself."""
        for _ in range(RELEASES):
            if self._held is None:
                return
            try:
                body = self._body(self.token, _moment(_terms(self._held)["acquireTime"]), self._held, holder="")
                self._cluster.replace(body)
                return
            except Conflict:
                self._after_conflict(self._monotonic())
                if self._until == LOST:
                    return
            except GitopsError:
                return

    def _abandon(self) -> None:
        """Give up what was taken, or may have been, when an interrupt came."""
        with suppress(GitopsError):
            found = self._cluster.get(self._ref)
            if found and _terms(found).get("holderIdentity") == self._holder:
                self._held = found
                self._release()

    def _busy(self, found: KubeObject | None) -> GitopsError:
        spec = _terms(found) if found else {}
        since = f" since {_moment(spec['acquireTime']):%H:%M:%SZ}" if spec.get("acquireTime") else ""
        problem = f"{spec.get('holderIdentity') or 'another run'} deploys here{since}"
        return GitopsError(str(self._ref), problem, "run it again when that is done")


def _terms(found: KubeObject) -> Mapping[str, Any]:
    """Holder, times and count, of a Lease or of a ConfigMap in its place."""
    return found.body.get("spec") or found.body.get("data") or {}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(text: Any) -> datetime:
    """A lease's time; long ago where there is none that can be read."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
