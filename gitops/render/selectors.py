"""Which objects a patch or a replacement is for: expressions over identities, selectors over labels."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from gitops.render.images import go_regex
from gitops.render.problems import NotModelled, Place
from gitops.render.resource import DEFAULT_NAMESPACE, Resource, ResourceList, group_version

Match = Callable[[str], bool]
_REQUIREMENT = re.compile(
    r"\s*(?:!\s*(?P<absent>[^\s=!,()<>]+)"
    r"|(?P<key>[^\s=!,()<>]+)\s*(?:(?P<op>==|=|!=)\s*(?P<value>[^\s=!,()<>]*)"
    r"|\s(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,|\Z)"
)


class Selector:
    """A checked `target`, `select` or `reject`. Empty parts match anything."""

    def __init__(self, entry: Mapping[str, Any], place: Place) -> None:
        def part(name: str) -> Match | None:
            pattern = entry.get(name)
            return go_regex(pattern, place, "^(?:", r")\Z").match if pattern else None  # type: ignore[return-value]

        self.group, self.version, self.kind = part("group"), part("version"), part("kind")
        self.name, self.namespace = part("name"), part("namespace")
        self.labels = requirements(entry.get("labelSelector") or "", place)
        self.annotations = requirements(entry.get("annotationSelector") or "", place)
        self.exact_name = _literal(entry.get("name") or "")

    @property
    def of_identity(self) -> bool:
        """Whether any part of the identity is asked for."""
        return any((self.group, self.version, self.kind, self.name, self.namespace))

    def of_type(self, group: str, version: str, kind: str) -> bool:
        return _ok(self.group, group) and _ok(self.version, version) and _ok(self.kind, kind)

    def of_texts(self, resource: Resource) -> bool:
        """Whether labels and annotations fit."""
        return (not self.labels or all(each(resource.texts("labels")) for each in self.labels)) and (
            not self.annotations or all(each(resource.texts("annotations")) for each in self.annotations)
        )


def _ok(match: Match | None, text: str) -> bool:
    return match is None or bool(match(text))


def _literal(pattern: str) -> str:
    return pattern if re.fullmatch(r"[a-zA-Z0-9-]+", pattern) else ""


Requirement = Callable[[Mapping[str, str]], bool]


def requirements(text: str, place: Place) -> list[Requirement]:
    """A label selector, as kubectl writes them. Raises `NotModelled` for what it may read differently."""
    found: list[Requirement] = []
    at = 0
    while at < len(text):
        match = _REQUIREMENT.match(text, at)
        if not match or match.end() == at:
            raise NotModelled(f"the selector {text}", "write key=value, key!=value, key in (a, b), key or !key", place)
        found.append(_requirement(match))
        at = match.end()
    if text.rstrip().endswith(",") or (text and not text.strip()):
        raise NotModelled(f"the selector {text}", "take the last comma away", place)
    return found


def _requirement(match: re.Match[str]) -> Requirement:
    if absent := match["absent"]:
        return lambda pairs: absent not in pairs
    key = match["key"]
    if match["op"]:
        value = match["value"]
        return (lambda pairs: pairs.get(key) != value) if match["op"] == "!=" else lambda pairs: pairs.get(key) == value
    if match["set"]:
        values = {each.strip() for each in match["values"].split(",")}
        if match["set"] == "in":
            return lambda pairs: key in pairs and pairs[key] in values
        return lambda pairs: key not in pairs or pairs[key] not in values
    return lambda pairs: key in pairs


def select(resources: ResourceList, selector: Selector) -> list[Resource]:
    """The objects that a patch's `target` means, by what they are or were called first."""
    candidates = resources.named(selector.exact_name) if selector.exact_name else resources.items
    return [each for each in candidates if _is_target(each, selector)]


def _is_target(resource: Resource, selector: Selector) -> bool:
    group, version = group_version(resource.api_version)
    original = resource.original
    if not selector.of_type(group, version, resource.kind):
        return False
    if not (_ok(selector.name, original.name) or _ok(selector.name, resource.name)):
        return False
    namespaces = (original.namespace or DEFAULT_NAMESPACE, resource.effective_namespace)
    if not any(_ok(selector.namespace, each) for each in namespaces):
        return False
    return selector.of_texts(resource)
