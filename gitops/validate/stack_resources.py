"""The resources of a repository's CloudFormation templates, with the line of every property. Pure: bytes in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from gitops import yaml_bounds
from gitops.validate.finding import Finding
from gitops.validate.sources import Document, Path, Sources


@dataclass(frozen=True)
class Resource:
    """One resource of a template, its short tags read as plain values: `!Ref A` as {"Ref": "A"}."""

    document: Document
    template: Mapping[str, Any]
    id: str
    type: str
    properties: Mapping[str, Any]

    def finding(self, code: str, path: Path, what: str, below: int = 0) -> Finding:
        """At the property `path`, or `below` lines under where it begins."""
        line = self.document.line(("Resources", self.id, "Properties", *path))
        return Finding(self.document.file, line + below, code, f"{self.id}: {what}")


def resources_of(sources: Sources) -> list[Resource]:
    """Every resource of every CloudFormation template among `sources`."""
    return [
        resource
        for file, content in sources.files.items()
        if file.endswith((".yaml", ".yml", ".json", ".template")) and b"Resources" in content and b"AWS::" in content
        for resource in _resources(file, content)
    ]


def _resources(file: str, content: bytes) -> Iterator[Resource]:
    try:
        node = yaml_bounds.compose(content.decode("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return
    if node is None:
        return
    body = _value(node, {})
    if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
        return
    for name, entry in body["Resources"].items():
        if isinstance(entry, dict) and str(entry.get("Type", "")).startswith("AWS::"):
            properties = entry.get("Properties")
            fields = properties if isinstance(properties, dict) else {}
            yield Resource(Document(file, node), body, str(name), entry["Type"], fields)


def _value(node: yaml.Node, known: dict[int, Any]) -> Any:
    """The value of `node`; what a short tag stands before is under its long name. A node has one, however often it is
    referred to: `known` has those that were read, and nothing for one that refers to itself."""
    if id(node) not in known:
        known[id(node)] = None
        known[id(node)] = _tagged(node, _untagged(node, known))
    return known[id(node)]


def _untagged(node: yaml.Node, known: dict[int, Any]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _value(item, known) for key, item in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, known) for item in node.value]
    plain = node.tag in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
    return yaml.constructor.SafeConstructor().construct_object(node) if plain else node.value


def _tagged(node: yaml.Node, value: Any) -> Any:
    if not node.tag.startswith("!"):
        return value
    name = node.tag[1:]
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of the list `value`; none where it is no list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
