"""What a cluster serves: read from aggregated discovery (two requests), and remembered on disk for some minutes."""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gitops.clients.cluster import Kind, Kinds

PATHS = ("/api", "/apis")
ACCEPT = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)
LIFE = 600.0
"""Seconds that an answer is remembered for. kubectl trusts its own for six hours."""
FORMAT = 1


def default_folder() -> Path:
    """Where answers are remembered: in $XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gitops" / "discovery"


def read_kinds(documents: Sequence[Mapping[str, Any]]) -> Kinds:
    """The kinds in the answers to PATHS, and the groups whose own server did not answer."""
    found: list[Kind] = []
    stale: list[str] = []
    for group in (group for document in documents for group in document["items"]):
        name = group["metadata"].get("name", "")
        for version in group["versions"]:
            if version.get("freshness") == "Stale":
                stale.append(name)
            found += [_kind(name, version["version"], each) for each in version.get("resources") or []]
    return Kinds(found, stale)


def _kind(group: str, version: str, resource: Mapping[str, Any]) -> Kind:
    return Kind(
        group=group,
        version=version,
        kind=(resource.get("responseKind") or {}).get("kind", ""),
        plural=resource["resource"],
        namespaced=resource["scope"] == "Namespaced",
        verbs=frozenset(resource.get("verbs") or ()),
    )


class DiscoveryCache:
    """Answers on disk, by server and its authority: what is served is the same for every user. Several processes may
    use it at once: each file is written whole, then named. A cache that cannot be read or written is none."""

    def __init__(self, folder: Path, server: str, ca: str, now: Callable[[], float] = time.time) -> None:
        self._file = folder / f"{hashlib.sha256(f'{server} {ca}'.encode()).hexdigest()[:32]}.json"
        self._now = now

    def find(self) -> Kinds | None:
        """What was served some minutes ago; None where that is not known."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            document = json.loads(self._file.read_bytes())
            if document["format"] == FORMAT and 0 <= self._now() - document["time"] <= LIFE:
                kinds = [
                    Kind(each[0], each[1], each[2], each[3], each[4], frozenset(each[5])) for each in document["kinds"]
                ]
                return Kinds(kinds, remembered=True)
        return None

    def keep(self, kinds: Kinds) -> None:
        """Remember `kinds`; not where a group's server did not answer, as then they are not all."""
        if kinds.stale:
            self.forget()
            return
        listed = [[*each[:5], sorted(each.verbs)] for each in kinds]
        document = {"format": FORMAT, "time": self._now(), "kinds": listed}
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._file.parent)
            with os.fdopen(descriptor, "w") as file:
                json.dump(document, file, separators=(",", ":"))
            os.replace(name, self._file)

    def forget(self) -> None:
        """Ask anew next time."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
