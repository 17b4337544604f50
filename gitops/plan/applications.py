"""Which application each object of a plan belongs to: by its labels, else by the pods that use it."""

from collections.abc import Iterable, Mapping, Sequence

from gitops.objects import KubeObject, ObjectRef
from gitops.plan.model import Change
from gitops.plan.usage import used

NAMES = ("app.kubernetes.io/name", "app", "k8s-app")
"""Labels that name an application, the recommended one first."""
WHOLE = "app.kubernetes.io/part-of"
"""Label of what an application is a part of: for objects that are no single application's."""


def applications(changes: Sequence[Change]) -> dict[ObjectRef, str]:
    """The application of each change's object; empty where nothing says so. A ConfigMap or Secret without a name of its
    own, such as a generated one, is of the one application whose pods use it."""
    objects = [each for change in changes if (each := change.desired or change.live)]
    named = {each.ref: name for each in objects if (name := _label(each, NAMES))}
    by_use = _users(named, [each for change in changes for each in (change.desired, change.live) if each])
    return {each.ref: named.get(each.ref) or by_use.get(each.ref) or _label(each, (WHOLE,)) for each in objects}


def _users(named: Mapping[ObjectRef, str], objects: Iterable[KubeObject]) -> dict[ObjectRef, str]:
    """What the pods of one application alone use, or used until now."""
    users: dict[ObjectRef, set[str]] = {}
    for each in objects:
        for kind, name in used(each.body) if each.ref in named else ():
            users.setdefault(ObjectRef("", kind, each.namespace, name), set()).add(named[each.ref])
    return {ref: next(iter(names)) for ref, names in users.items() if len(names) == 1}


def grouped(shown: Sequence[Change], known: dict[ObjectRef, str]) -> dict[str, list[Change]]:
    """The changes of each application, by name; those of none last."""
    names = sorted({known.get(change.ref, "") for change in shown}, key=lambda name: (not name, name))
    return {name: [change for change in shown if known.get(change.ref, "") == name] for name in names}


def _label(each: KubeObject, keys: Sequence[str]) -> str:
    labels = each.metadata.get("labels") or {}
    return next((str(labels[key]) for key in keys if labels.get(key)), "")
