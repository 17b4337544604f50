"""Which ConfigMaps and Secrets a live ReplicaSet, ControllerRevision or Pod still uses."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject, ObjectRef

USERS = (("apps", "ReplicaSet"), ("apps", "ControllerRevision"), ("", "Pod"))
"""Kinds whose use keeps a ConfigMap or Secret: what runs, and what can be rolled back to."""
KEPT = frozenset({"ConfigMap", "Secret"})

_REFERENCES = {
    "configMap": "ConfigMap",
    "configMapRef": "ConfigMap",
    "configMapKeyRef": "ConfigMap",
    "secret": "Secret",
    "secretRef": "Secret",
    "secretKeyRef": "Secret",
    "nodePublishSecretRef": "Secret",
}


def users_of(candidates: Iterable[ObjectRef], users: Iterable[KubeObject]) -> dict[ObjectRef, str]:
    """For each of `candidates` that one of `users` refers to: which one."""
    wanted = frozenset(candidates)
    found: dict[ObjectRef, str] = {}
    for user in users:
        for kind, name in used(user.body):
            ref = ObjectRef("", kind, user.namespace, name)
            if ref in wanted:
                found.setdefault(ref, f"{user.kind}/{user.name}")
    return found


def used(value: Any) -> Iterator[tuple[str, str]]:
    """Kind and name of everything that the pod templates in `value` refer to."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _REFERENCES and isinstance(inner, Mapping):
                name = inner.get("name") or inner.get("secretName")
                if isinstance(name, str):
                    yield _REFERENCES[key], name
            elif key == "imagePullSecrets" and isinstance(inner, list):
                yield from (
                    ("Secret", str(item["name"])) for item in inner if isinstance(item, Mapping) and "name" in item
                )
            yield from used(inner)
    elif isinstance(value, list):
        for item in value:
            yield from used(item)
