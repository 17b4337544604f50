"""Kubernetes objects as data: what identifies one, and the one way to print that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Body = Mapping[str, Any]
"""An object as parsed from YAML or JSON. Never changed in place."""


MANAGER = "gitops"
"""Our field manager: the name under which the API server records the fields that we apply."""

OWNER, REVISION, RUN = "gitops/owner", "gitops/revision", "gitops/run"
"""Annotations that say which overlay an object belongs to, and which revision and run changed it last."""


class ObjectRef(NamedTuple):
    """The identity of an object in a cluster. `namespace` is empty for cluster-scoped kinds.

    The version is left out on purpose: one object is served in several versions of its group.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


class FieldConflict(NamedTuple):
    """A field that another manager owns: `kubectl-edit` and `.spec.replicas`."""

    manager: str
    field: str


@dataclass(frozen=True)
class KubeObject:
    """One object, with the file that it was rendered from where that is known."""

    body: Body
    origin: str = field(default="", compare=False)

    @property
    def api_version(self) -> str:
        return str(self.body["apiVersion"])

    @property
    def group(self) -> str:
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def metadata(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self.body["metadata"]
        return metadata

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "")

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(self.group, self.kind, self.namespace, self.name)

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.metadata.get("annotations") or {}

    @property
    def uid(self) -> str:
        """Empty for an object that is not from a cluster."""
        return str(self.metadata.get("uid") or "")

    def with_metadata(self, **values: Any) -> "KubeObject":
        """The same object with some of its metadata replaced."""
        return KubeObject({**self.body, "metadata": {**self.metadata, **values}}, self.origin)

    def with_annotations(self, values: Mapping[str, str]) -> "KubeObject":
        """The same object with further annotations."""
        return self.with_metadata(annotations={**self.annotations, **values})
