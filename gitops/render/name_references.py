"""Fields by which objects name other objects, rewritten after names changed. One pass; no object is searched for."""

from collections import defaultdict
from typing import Any

from gitops.render.fields import Referral, Specs, split_path, visit
from gitops.render.problems import RenderError
from gitops.render.resource import DEFAULT_NAMESPACE, NO_NAMESPACE, Resource, ResourceList, group_version
from gitops.render.scalars import is_null, plain, text_of

_BINDINGS_PATH = "roleRef/name"


class _Target:
    """An object that may be referred to, with what is asked of it again and again."""

    __slots__ = ("group", "kinds", "name", "names", "namespace", "raw_namespace", "resource", "version")

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.group, self.version = group_version(resource.api_version)
        self.kinds = {each.kind for each in resource.previous}
        self.names = {each.name for each in resource.previous}
        self.name = resource.name
        self.namespace = resource.effective_namespace
        self.raw_namespace = resource.namespace

    def was_of(self, group: str, version: str, kind: str) -> bool:
        if group not in ("", self.group) or version not in ("", self.version):
            return False
        return bool(self.kinds) if not kind else kind in self.kinds


class _Index:
    """All objects by previous name and by namespace."""

    def __init__(self, resources: ResourceList) -> None:
        self.by_name: dict[str, list[_Target]] = defaultdict(list)
        self.originals: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.kinds: set[str] = set()
        for each in resources:
            target = _Target(each)
            for name in target.names:
                self.by_name[name].append(target)
            self.kinds |= target.kinds
            original = each.original.namespace or DEFAULT_NAMESPACE
            self.originals[original].add((target.namespace, target.raw_namespace))


def fix_references(resources: ResourceList, specs: Specs) -> None:
    """Write the new name of an object wherever its old one refers to it.

    Raises `RenderError` where several objects could be meant.
    """
    index = _Index(resources)
    if not index.by_name:
        return
    known: dict[tuple[str, str, str], list[tuple[Referral, str, tuple[str, ...]]]] = {}
    for each in resources:
        original = each.original
        key = (*group_version(each.api_version), original.kind)
        if key not in known:
            known[key] = _fields_of(key, specs, index)
        if known[key]:
            _Referrer(each, index).fix(known[key])


def _fields_of(key: tuple[str, str, str], specs: Specs, index: _Index) -> list[tuple[Referral, str, tuple[str, ...]]]:
    return [
        (referral, spec.path, split_path(spec.path))
        for referral in specs.references
        for spec in referral.referrers
        if spec.selects(*key)
        if not referral.kind or referral.kind in index.kinds or _may_be_map(spec.path)
    ]


def _may_be_map(path: str) -> bool:
    """Whether the field may be a map, which kustomize refuses without a name even if nothing is referred to."""
    return not path.endswith(("/name", "Name", "resourceNames"))


class _Referrer:
    """One object whose references are rewritten."""

    def __init__(self, resource: Resource, index: _Index) -> None:
        self._resource = resource
        self._index = index
        self._namespace = resource.effective_namespace
        self._anywhere = self._namespace == NO_NAMESPACE
        self._bound = _bound_namespaces(resource)
        self._referral: Referral
        self._path = ""

    def fix(self, fields: list[tuple[Referral, str, tuple[str, ...]]]) -> None:
        for referral, path, steps in fields:
            self._referral, self._path = referral, path
            visit(self._resource, steps, self._set)

    def _set(self, holder: Any, key: Any) -> None:
        value = holder[key]
        if is_null(value):
            return
        if isinstance(value, dict):
            self._set_map(value)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    self._set_map(item)
                elif isinstance(item, list):
                    raise RenderError(
                        self._resource.place, f"{self._path} is a list of lists", "make it a list of names"
                    )
                elif not is_null(item):
                    self._set_text(value, index)
        else:
            self._set_text(holder, key)

    def _set_text(self, holder: Any, key: Any) -> None:
        old = text_of(holder[key])
        if old not in self._index.by_name:
            return
        found = self._choose(old, self._index.by_name[old], of_namespace=False)
        if found is not None and found.name != old:
            holder[key] = plain(found.name)

    def _set_map(self, value: dict[str, Any]) -> None:
        if "name" not in value:
            raise RenderError(self._resource.place, f"{self._path} of {self._resource} has no name", "give it one")
        old = text_of(value["name"])
        candidates = self._index.by_name.get(old)
        if not candidates:
            return
        if "namespace" in value:
            candidates = self._in_namespace(candidates, text_of(value["namespace"]))
        found = self._choose(old, candidates, of_namespace=True)
        if found is None or (found.name == old and not found.raw_namespace):
            return
        value["name"] = plain(found.name)
        if found.raw_namespace:
            value["namespace"] = plain(found.raw_namespace)

    def _in_namespace(self, candidates: list[_Target], namespace: str) -> list[_Target]:
        if namespace == NO_NAMESPACE:
            return []
        if any(self._reaches(*each) for each in self._index.originals.get(namespace, ())):
            return [each for each in candidates if (each.resource.original.namespace or DEFAULT_NAMESPACE) == namespace]
        return [each for each in candidates if each.namespace == namespace]

    def _reaches(self, namespace: str, raw_namespace: str) -> bool:
        """Whether an object there could be referred to from here at all."""
        return self._anywhere or namespace in (NO_NAMESPACE, self._namespace) or raw_namespace in self._bound

    def _choose(self, old: str, candidates: list[_Target], *, of_namespace: bool) -> _Target | None:
        group, version, kind, _ = self._referral
        found = [
            each
            for each in candidates
            if each.was_of(group, version, kind)
            and self._reaches(each.namespace, each.raw_namespace)
            and self._is_near(each)
        ]
        if self._path.endswith(_BINDINGS_PATH) and (role := _role(self._resource)):
            found = [each for each in found if each.was_of(role[0], "", role[1])]
        if len(found) == 1:
            return found[0]
        found = [each for each in found if self._is_alike(each.resource, or_empty=True)]
        if len(found) > 1:
            found = [each for each in found if self._is_alike(each.resource, or_empty=False)]
        if len(found) > 1 and not _same(found, of_namespace):
            listed = ", ".join(str(each.resource) for each in found[:3])
            raise RenderError(
                self._resource.place,
                f"{self._path} of {self._resource} names '{old}', and that may be {listed}",
                "give the objects different names",
            )
        return found[0] if found else None

    def _is_near(self, target: _Target) -> bool:
        if self._anywhere or target.namespace == NO_NAMESPACE or target.resource.kind == "ServiceAccount":
            return True
        return target.namespace == self._namespace

    def _is_alike(self, other: Resource, *, or_empty: bool) -> bool:
        one = self._resource
        return all(
            (or_empty and not (mine and theirs)) or _same_ending(mine, theirs)
            for mine, theirs in ((one.prefixes, other.prefixes), (one.suffixes, other.suffixes))
        )


def _bound_namespaces(resource: Resource) -> set[str]:
    subjects = resource.body.get("subjects") if resource.kind == "RoleBinding" else None
    if not isinstance(subjects, list):
        return set()
    found = set()
    for each in subjects:
        if isinstance(each, dict) and text_of(each.get("kind", "")) == "ServiceAccount" and "namespace" in each:
            if not isinstance(each["namespace"], str):
                raise RenderError(resource.place, f"a subject of {resource} has no namespace", "give it one")
            found.add(each["namespace"])
    return found


def _role(resource: Resource) -> tuple[str, str] | None:
    role = resource.body.get("roleRef")
    if not isinstance(role, dict) or "apiGroup" not in role or "kind" not in role:
        return None
    return text_of(role["apiGroup"]), text_of(role["kind"])


def _same(found: list[_Target], of_namespace: bool) -> bool:
    first = found[0]
    return all(
        each.name == first.name and (not of_namespace or each.raw_namespace == first.raw_namespace) for each in found
    )


def _same_ending(one: list[str], other: list[str]) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(longer) == 0 if not shorter else longer[-len(shorter) :] == shorter
