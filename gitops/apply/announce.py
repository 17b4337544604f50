"""Events in the cluster that say which revision and run made each change: `kubectl describe` shows them at the object.

A first deploy of a great many objects would be half as long again for an event each. What it creates is listed, many
objects in one event, at the environment's inventory; each object's own annotations say the same.

They are no part of the release. They are sent beside the wait, so that nothing waits for them, and one that cannot be
sent (a role that may not write events, a namespace that is being deleted) ends the sending and nothing else.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gitops.apply.events import Word
from gitops.clients.cluster import ApiError, Cluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef
from gitops.plan.model import Release

SENDERS = 4
"""Requests under way at once: the deploy's own come first."""
EACH = 100
"""So many objects that are created get an event each; more are listed."""
LONGEST_MESSAGE = 1000
"""Characters; the API server takes 1024."""
LONGEST_LIST = 800
"""Characters of it that list objects: the rest says which release and run."""
LONGEST_NAME = 253


class _Note(NamedTuple):
    about: KubeObject
    word: Word
    said: str
    """Which release of which environment, and which run."""


@dataclass
class Announcer:
    """Sends what it is told once `start` was called; `finish` waits for what is under way. Safe to use from threads."""

    cluster: Cluster
    inventory: ObjectRef
    run: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _noted: list[_Note] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: ThreadPoolExecutor | None = None
    _sent: list[Future[None]] = field(default_factory=list)
    _refused: set[str] = field(default_factory=set)
    """Namespaces that take no event of ours."""

    def note(self, about: KubeObject, word: Word, release: Release) -> None:
        """Remember that `release` did `word` to `about`."""
        said = f"{release.environment} {release.revision[:7]} {release.title}".rstrip() + f" ({self.run})"
        with self._lock:
            self._noted.append(_Note(about, word, said))

    def start(self) -> None:
        """Send what was noted so far, in the background."""
        with self._lock:
            waiting, self._noted = self._noted, []
        if waiting and self._pool is None:
            self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="announce")
        self._sent += [self._pool.submit(self._send, event) for event in self._events(waiting) if self._pool]

    def finish(self) -> None:
        """Send the rest, and wait until all are sent."""
        self.start()
        for future in self._sent:
            future.result()
        self._sent.clear()
        if self._pool:
            self._pool.shutdown()
            self._pool = None

    def _events(self, notes: list[_Note]) -> Iterator[KubeObject]:
        created = [note for note in notes if note.word == "created"]
        listed = created if len(created) > EACH else []
        for note in notes:
            if note.word != "created" or not listed:
                yield event_about(note.about, note.word.capitalize(), f"{note.word} by {note.said}", self.now())
        for text in _lists([str(note.about.ref) for note in listed]):
            yield event_about(bare(self.inventory), "Created", f"created by {listed[0].said}: {text}", self.now())

    def _send(self, event: KubeObject) -> None:
        if event.namespace in self._refused:
            return
        try:
            self.cluster.create(event)
        except GitopsError as error:
            if isinstance(error, ApiError) and error.status == 409:
                # An answer was lost on its way, and the second attempt met the first.
                return
            # Whatever the reason, the next one would meet it too, and the release is right without.
            self._refused.add(event.namespace)


def _lists(names: list[str]) -> Iterator[str]:
    """The names with commas, in as few texts as fit into messages."""
    text = ""
    for name in sorted(names):
        if text and len(text) + len(name) > LONGEST_LIST:
            yield text
            text = ""
        text += f", {name}" if text else name
    if text:
        yield text


def bare(ref: ObjectRef) -> KubeObject:
    """An object of the core group of which nothing more is known."""
    return KubeObject(
        {"apiVersion": "v1", "kind": ref.kind, "metadata": {"namespace": ref.namespace, "name": ref.name}}
    )


def event_about(about: KubeObject, reason: str, message: str, moment: datetime, kind: str = "Normal") -> KubeObject:
    """An Event; those of objects without a namespace are kept in `default`, as the API server asks."""
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    suffix = f".{secrets.token_hex(8)}"
    involved: dict[str, Any] = {"apiVersion": about.api_version, "kind": about.kind, "name": about.name}
    involved |= {"namespace": about.namespace} if about.namespace else {}
    involved |= {"uid": about.uid} if about.uid else {}
    metadata = {"name": about.name[: LONGEST_NAME - len(suffix)] + suffix, "namespace": about.namespace or "default"}
    return KubeObject(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": metadata,
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message[:LONGEST_MESSAGE],
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "source": {"component": "gitops"},
        }
    )
