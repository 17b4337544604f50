"""What the checks of one overlay work with, and what they share: places, pods, labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.config import Config
from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.sources import Path, Sources

TEMPLATES: Mapping[str, Path] = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "ReplicationController": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Kind -> where its pod's spec stands."""


@dataclass(frozen=True)
class Pod:
    """The pod that a workload makes."""

    owner: KubeObject
    path: Path
    spec: Mapping[str, Any]
    labels: Mapping[str, str]

    @property
    def containers(self) -> list[tuple[Path, Mapping[str, Any]]]:
        """Every container with its path: containers, then initContainers, then ephemeralContainers."""
        return [
            ((*self.path, field, position), container)
            for field in ("containers", "initContainers", "ephemeralContainers")
            for position, container in enumerate(self.spec.get(field) or [])
            if isinstance(container, Mapping)
        ]


@dataclass(frozen=True)
class Overlay:
    """One overlay, rendered. `objects` are its own, `others` those of every overlay that its cluster gets besides."""

    folder: str
    objects: tuple[KubeObject, ...]
    others: tuple[KubeObject, ...]
    sources: Sources
    config: Config
    version: str
    """Kubernetes minor version that it is checked for."""
    cluster: str = ""
    auto_mode: bool = False

    @property
    def everything(self) -> tuple[KubeObject, ...]:
        return (*self.objects, *self.others)

    def finding(self, code: str, obj: KubeObject, path: Path, what: str) -> Finding:
        """A finding at the value `path` of `obj`, in the file where the overlay has it from."""
        return Finding(*self.place(obj, path), code, f"{obj.ref}: {what}")

    def place(self, obj: KubeObject, path: Path) -> tuple[str, int]:
        """File and line of the value `path` of `obj`: its own, its generator's, or the overlay's kustomization."""
        document = self.sources.find(self.folder, obj)
        if document is not None:
            return document.file, document.line(path)
        generated = self.sources.generator(self.folder, obj.name)
        if generated is not None:
            return generated
        kustomization = self.sources.kustomization(self.folder)
        return (kustomization.file, 1) if kustomization else (self.folder, 1)

    def of_kind(self, *kinds: str) -> Iterator[KubeObject]:
        """The overlay's own objects of these kinds."""
        return (obj for obj in self.objects if obj.kind in kinds)

    def pods(self, objects: Sequence[KubeObject] | None = None) -> Iterator[Pod]:
        """The pods that the overlay's workloads (or those of `objects`) make."""
        yield from pods_of(self.objects if objects is None else objects)


def pods_of(objects: Iterable[KubeObject]) -> Iterator[Pod]:
    """The pods that the workloads among `objects` make."""
    for obj in objects:
        if obj.kind in TEMPLATES:
            path = TEMPLATES[obj.kind]
            spec = value_at(obj.body, path)
            if isinstance(spec, Mapping):
                labels = value_at(obj.body, (*path[:-1], "metadata", "labels"))
                yield Pod(obj, path, spec, labels if isinstance(labels, Mapping) else {})


def value_at(body: Any, path: Path) -> Any:
    """The value at `path` of `body`; None where there is none."""
    for step in path:
        if isinstance(body, Mapping):
            body = body.get(step)
        elif isinstance(body, list) and isinstance(step, int) and step < len(body):
            body = body[step]
        else:
            return None
    return body


def selects(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (or a Service's plain mapping) matches `labels`."""
    if not isinstance(selector, Mapping):
        return False
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        return all(labels.get(key) == value for key, value in selector.items())
    plain = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return plain and all(_expression(each, labels) for each in selector.get("matchExpressions") or [])


def _expression(each: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, operator = labels.get(each.get("key", "")), each.get("operator")
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    listed = value in (each.get("values") or [])
    return listed if operator == "In" else not listed
