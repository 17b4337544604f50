"""The YAML files of a manifest repository, with the line of every value. Pure: handed the files' bytes."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from gitops import yaml_bounds
from gitops.objects import KubeObject

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
LISTS = {"resources", "bases", "components", "patches", "patchesStrategicMerge"}
MAPPINGS = {"images", "labels", "configMapGenerator", "secretGenerator", "replacements", "helmCharts"}
Path = Sequence[str | int]
_IGNORE = re.compile(r"(?:#|<!--)\s*gitops:\s*ignore\s+([A-Z]\d{3}(?:[,\s]+[A-Z]\d{3})*)")


@dataclass(frozen=True)
class Document:
    """One YAML document of a file."""

    file: str
    node: yaml.Node

    @cached_property
    def body(self) -> Any:
        """Its value as kustomize would read it."""
        constructor = yaml.constructor.SafeConstructor()
        return constructor.construct_document(self.node)

    def line(self, path: Path = ()) -> int:
        """The line of the value at `path`, or of the nearest one above that is there."""
        node, line = self.node, self.node.start_mark.line
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return line + 1


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line
    return None


class Kustomization(Document):
    """A kustomization; fields of another shape than kustomize's are taken as empty, for it refuses them itself."""

    @cached_property
    def body(self) -> dict[str, Any]:
        """Its fields, each of the shape that kustomize wants; positions in lists stay."""
        found = super().body
        fields = dict(found) if isinstance(found, dict) else {}
        for name in LISTS | MAPPINGS:
            if name in fields and not isinstance(fields[name], list):
                fields[name] = []
        for name in MAPPINGS & fields.keys():
            fields[name] = [_entry(entry) for entry in fields[name]]
        if not isinstance(fields.get("generatorOptions", {}), dict):
            del fields["generatorOptions"]
        return fields


def _entry(entry: Any) -> dict[str, Any]:
    """An entry of a list of mappings, with its own lists and mappings as such."""
    fields = dict(entry) if isinstance(entry, dict) else {}
    for name, kind in (("options", dict), ("pairs", dict), ("files", list), ("literals", list), ("envs", list)):
        if name in fields and not isinstance(fields[name], kind):
            del fields[name]
    return fields


class Sources:
    """The files of the repository by their path relative to its root."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.broken: dict[str, tuple[int, str]] = {}
        self._documents: dict[str, list[Document]] = {}

    def documents(self, file: str) -> list[Document]:
        """The documents of `file`; none where it is not there or no YAML, which `broken` then says."""
        if file not in self._documents:
            self._documents[file] = list(self._parse(file))
        return self._documents[file]

    def _parse(self, file: str) -> Iterator[Document]:
        try:
            text = self.files.get(file, b"").decode("utf-8-sig")
            for node in yaml_bounds.compose_all(text):
                if node is not None:
                    document = Document(file, node)
                    document.body  # noqa: B018 - what cannot be made of its tags and keys is said here
                    yield document
        except UnicodeDecodeError:
            self.broken[file] = (1, "it is not UTF-8")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.broken[file] = ((mark.line + 1) if mark else 1, str(error.problem or error.context))
        except yaml.YAMLError as error:
            self.broken[file] = (1, " ".join(str(error).split()))

    def kustomization(self, folder: str) -> Kustomization | None:
        """The kustomization of `folder`."""
        for name in KUSTOMIZATIONS:
            file = posixpath.join(folder, name)
            if file in self.files:
                return next((Kustomization(file, document.node) for document in self.documents(file)), None)
        return None

    def kustomizations(self, folder: str, seen: set[str] | None = None) -> Iterator[tuple[str, Kustomization]]:
        """The kustomization of `folder` and those that it takes in, with their folders."""
        seen = set() if seen is None else seen
        document = self.kustomization(folder)
        if document is None or folder in seen:
            return
        seen.add(folder)
        yield folder, document
        for field in ("resources", "bases", "components"):
            for entry in document.body.get(field) or []:
                if isinstance(entry, str):
                    yield from self.kustomizations(posixpath.normpath(posixpath.join(folder, entry)), seen)

    def manifests(self, folder: str) -> Iterator[Document]:
        """Every document that the overlay in `folder` takes in as an object."""
        for base, document in self.kustomizations(folder):
            for entry in document.body.get("resources") or []:
                file = posixpath.normpath(posixpath.join(base, str(entry)))
                if file in self.files:
                    yield from self.documents(file)

    def find(self, folder: str, obj: KubeObject) -> Document | None:
        """Where the overlay in `folder` has `obj` from."""
        same = [
            document
            for document in self.manifests(folder)
            if isinstance(document.body, dict)
            and document.body.get("kind") == obj.kind
            and isinstance(document.body.get("metadata"), dict)
            and document.body["metadata"].get("name") == obj.name
        ]
        exact = [d for d in same if d.body["metadata"].get("namespace", obj.namespace) == obj.namespace]
        return next(iter(exact or same), None)

    def generator(self, folder: str, name: str) -> tuple[str, int] | None:
        """Where a kustomization generates the ConfigMap or Secret called `name` (with its hash)."""
        for _, document in self.kustomizations(folder):
            for field in ("configMapGenerator", "secretGenerator"):
                for position, entry in enumerate(document.body.get(field) or []):
                    if str(name).startswith(str(entry.get("name"))):
                        return document.file, document.line((field, position))
        return None

    def ignored(self, file: str, line: int) -> set[str]:
        """The codes that a comment on that line says to leave: `# gitops: ignore F002`."""
        lines = self.files.get(file, b"").decode("utf-8", "replace").splitlines()
        match = _IGNORE.search(lines[line - 1]) if 0 < line <= len(lines) else None
        return set(re.split(r"[,\s]+", match[1])) if match else set()
