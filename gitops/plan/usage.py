"""Which ConfigMaps and Secrets a live ReplicaSet, ControllerRevision, Pod or unfinished Job still uses."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.objects import KubeObject, ObjectRef
from gitops.status import condition

USERS = (("apps", "ReplicaSet"), ("apps", "ControllerRevision"), ("", "Pod"))
"""Kinds whose use keeps a ConfigMap or Secret: what runs, and what can be rolled back to."""
LATER_USERS = (("batch", "Job"),)
"""The same of what is suspended, or tries again, and has no pod now. Who may not see these tells by the others."""
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
        for kind, name in () if _is_over(user) else used(user.body):
            ref = ObjectRef("", kind, user.namespace, name)
            if ref in wanted:
                found.setdefault(ref, f"{user.kind}/{user.name}")
    return found


def _is_over(user: KubeObject) -> bool:
    """Whether it is a Job that makes no pod any more."""
    ends = (condition(user.body, name) for name in ("Complete", "Failed"))
    return user.kind == "Job" and any(each.get("status") == "True" for each in ends)


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
