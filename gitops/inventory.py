"""What an environment owns in a cluster, and what was released there: a ConfigMap, read and written as a value."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gitops.errors import GitopsError
from gitops.objects import Body, KubeObject, ObjectRef

HISTORY = 20
"""Releases that are remembered."""
NAME = "inventory.json"
PLAIN = 200_000
"""Bytes up to which it is kept as text, for people. A ConfigMap takes a MiB; thousands of objects, and their images in
each of the releases, would be more."""
FORMAT = 1
"""Of what is written. A greater one is of a later gitops, which may mean something else by it."""
RECOVERED = "recovered"
"""How a release ended of which only the objects themselves tell: the record of it was lost."""


@dataclass(frozen=True)
class Entry:
    """One release: a revision of the manifest repository, and how it ended."""

    revision: str
    title: str
    started: str
    """UTC, ISO 8601."""
    run: str
    result: str
    """deployed, failed, superseded or interrupted; applying while under way, or when cut off; or RECOVERED."""
    ended: str = ""
    changes: str = ""
    """As the plan's last line said: "1 update, 1 create"."""
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """The record of one environment."""

    owner: str
    """system/environment: who the objects belong to."""
    owned: frozenset[ObjectRef] = frozenset()
    history: tuple[Entry, ...] = ()
    """Newest first."""
    fence: int = 0
    """Token of the last run that wrote; a run with a smaller one has lost its lease and must not write."""
    resource_version: str = field(default="", compare=False)
    """Of the ConfigMap that it was read from; empty where there is none yet."""

    @property
    def deployed(self) -> Entry | None:
        """The last release that was carried out to its end; where the record was lost, what the objects tell."""
        return next((entry for entry in self.history if entry.result in ("deployed", RECOVERED)), None)

    @property
    def recovered(self) -> bool:
        """Whether the record was lost, and the objects' own annotations are all that is known."""
        return bool(self.last and self.last.result == RECOVERED)

    @property
    def last(self) -> Entry | None:
        """The last release that was begun."""
        return self.history[0] if self.history else None

    @property
    def good(self) -> tuple[str, ...]:
        """The revisions that were released well, newest first, each once."""
        return tuple(dict.fromkeys(entry.revision for entry in self.history if entry.result == "deployed"))

    def begun(self, entry: Entry, adds: Iterable[ObjectRef], fence: int) -> "Inventory":
        """Written before the first change: owns what it owned and what is about to come, so that nothing is lost
        when the run is cut off."""
        owned = self.owned | frozenset(adds)
        return Inventory(self.owner, owned, (entry, *self.history)[:HISTORY], fence, self.resource_version)

    def ended(self, entry: Entry, owned: Iterable[ObjectRef]) -> "Inventory":
        """Written after the last change."""
        return Inventory(self.owner, frozenset(owned), (entry, *self.history[1:]), self.fence, self.resource_version)


def inventory_ref(namespace: str, environment: str) -> ObjectRef:
    """The ConfigMap that holds the inventory of `environment`."""
    return ObjectRef("", "ConfigMap", namespace, f"gitops-{environment}")


def to_object(inventory: Inventory, ref: ObjectRef) -> KubeObject:
    """The inventory as the ConfigMap `ref`."""
    document = {
        "format": FORMAT,
        "owner": inventory.owner,
        "fence": inventory.fence,
        "history": [asdict(entry) for entry in inventory.history],
        "objects": [list(owned) for owned in sorted(inventory.owned)],
    }
    metadata: dict[str, Any] = {
        "name": ref.name,
        "namespace": ref.namespace,
        "labels": {"app.kubernetes.io/managed-by": "gitops"},
    }
    if inventory.resource_version:
        metadata["resourceVersion"] = inventory.resource_version
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return KubeObject({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **_stored(text)})


def _stored(text: str) -> dict[str, Any]:
    """The fields of a ConfigMap that holds `text`: as it is for people to read; packed where it is long."""
    import base64
    import gzip

    data = text.encode()
    if len(data) <= PLAIN:
        return {"data": {NAME: text}}
    return {"binaryData": {f"{NAME}.gz": base64.b64encode(gzip.compress(data, mtime=0)).decode()}}


def _text_of(body: Body) -> str:
    import base64
    import gzip

    if packed := (body.get("binaryData") or {}).get(f"{NAME}.gz"):
        return gzip.decompress(base64.b64decode(packed)).decode()
    return _text(body["data"][NAME])


def from_object(found: KubeObject, owner: str) -> Inventory:
    """The inventory in a ConfigMap. Raises `GitopsError` where it is another's, or not readable: then nothing may be
    pruned by it."""
    try:
        document = json.loads(_text_of(found.body))
        if document.get("format", FORMAT) > FORMAT:
            raise GitopsError(str(found.ref), "was written by a later gitops", "update gitops; nothing was changed")
        history = tuple(map(_entry, document["history"]))
        owned = frozenset(ObjectRef(*map(_text, ref)) for ref in document["objects"])
        there, fence = str(document["owner"]), int(document["fence"])
    except (KeyError, TypeError, ValueError, AttributeError, EOFError, OSError) as error:
        hint = "restore it from a backup, or delete it: what is owned is then gathered from the objects themselves"
        raise GitopsError(str(found.ref), "is not an inventory that can be read", hint) from error
    if there != owner:
        raise GitopsError(
            str(found.ref), f"belongs to {there}, not to {owner}", "give one of them another namespace or name"
        )
    return Inventory(owner, owned, history, fence, str(found.metadata.get("resourceVersion", "")))


def _entry(document: Mapping[str, Any]) -> Entry:
    fields: dict[str, Any] = {key: _text(value) for key, value in document.items() if key != "images"}
    return Entry(**fields, images=tuple(map(_text, document["images"])))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
