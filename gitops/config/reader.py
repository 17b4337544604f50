"""YAML text -> `Config`, with every mistake at its line and column."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from gitops import yaml_bounds
from gitops.config.model import Config
from gitops.config.overlays import ALL, PLATFORM
from gitops.errors import GitopsError, Problems, nearest

CONFIG_FILE = "gitops.yaml"
SIZE_LIMIT = 1_000_000
"""Bytes. A gitops.yaml has a few thousand; a larger file is not one."""

_TYPE_NAMES = {str: "a string", int: "a whole number", bool: "true or false"}
_TAGS = {str: "tag:yaml.org,2002:str", int: "tag:yaml.org,2002:int", bool: "tag:yaml.org,2002:bool"}
_NULL = "tag:yaml.org,2002:null"


def key_of(field_name: str) -> str:
    """The YAML key of a dataclass field: `api_version` is written `apiVersion`."""
    head, *rest = field_name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def find_config(start: Path) -> Path:
    """The gitops.yaml of `start` or of the nearest folder above it. Raises `GitopsError` where there is none."""
    for folder in (start, *start.parents):
        if (folder / CONFIG_FILE).is_file():
            return folder / CONFIG_FILE
    raise GitopsError(
        CONFIG_FILE, f"not found in {start} or above", "run in a manifest repository, or make one: gitops init DIR"
    )


def load_config(path: Path, called: str = "") -> Config:
    """Read and check the file at `path`, which errors name as `called`. Raises `GitopsError`, or `Problems` with all
    that is wrong in it."""
    called = called or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise GitopsError(called, f"cannot be read ({error.strerror})", "check the path given with --config") from error
    return parse_config(data, called)


def parse_config(data: bytes, file: str = CONFIG_FILE) -> Config:
    """Check `data`, the bytes of a gitops.yaml called `file` in errors, and build its `Config`."""
    if len(data) > SIZE_LIMIT:
        raise GitopsError(file, f"has over {SIZE_LIMIT:,} bytes", "it is no gitops.yaml: check the path")
    reader = _Reader(file)
    return dataclasses.replace(reader.read(_compose(data, file)), file=file)


def _compose(data: bytes, file: str) -> yaml.Node:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GitopsError(file, f"is not UTF-8 (byte {error.start + 1})", "save it as UTF-8") from error
    try:
        node = yaml_bounds.compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise GitopsError(
            place, f"is not YAML: {error.problem or error}", "check the indentation and quotes there"
        ) from error
    except yaml.YAMLError as error:
        raise GitopsError(file, f"is not YAML: {' '.join(str(error).split())}") from error
    if node is None:
        raise GitopsError(f"{file}:1:1", "is empty", "write one with: gitops init DIR")
    return node


class _Problem(GitopsError):
    def __init__(self, file: str, node: yaml.Node, problem: str, hint: str = "") -> None:
        self.position = (node.start_mark.line + 1, node.start_mark.column + 1)
        super().__init__(f"{file}:{self.position[0]}:{self.position[1]}", problem, hint)

    def order(self) -> tuple[int, int]:
        return self.position


class _Unusable(Exception):
    """A value that was reported and cannot be used."""


class _Reader:
    """Walks the document along the classes of `model`, noting problems instead of stopping at the first."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[_Problem] = []

    def read(self, root: yaml.Node) -> Config:
        config = None
        with suppress(_Unusable):
            config = self._dataclass(Config, root, "")
        for node, problem, hint in cross_checks(root):
            self._note(node, problem, hint)
        if self.problems:
            self.problems.sort(key=_Problem.order)
            raise Problems(self.problems)
        assert isinstance(config, Config)
        return config

    def _note(self, node: yaml.Node, problem: str, hint: str = "") -> None:
        self.problems.append(_Problem(self.file, node, problem, hint))

    def _value(self, kind: Any, node: yaml.Node, where: str, rules: Mapping[str, Any]) -> Any:
        origin, args = get_origin(kind), get_args(kind)
        if origin is UnionType:
            if node.tag == _NULL:
                return None
            return self._value(next(arg for arg in args if arg is not NoneType), node, where, rules)
        if origin is tuple:
            return self._sequence(args[0], node, where, rules)
        if origin is Mapping:
            return {key: self._scalar(str, value, f"{where}.{key}", {}) for key, value, _ in self._entries(node, where)}
        if dataclasses.is_dataclass(kind):
            return self._dataclass(kind, node, where)
        return self._scalar(kind, node, where, rules)

    def _sequence(self, kind: Any, node: yaml.Node, where: str, rules: Mapping[str, Any]) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self._note(node, f"{where} must be a list", "write each item behind a dash, or between [ and ]")
            raise _Unusable
        items, failed = [], False
        for index, item in enumerate(node.value):
            try:
                items.append(self._value(kind, item, f"{where}[{index}]", rules))
            except _Unusable:
                failed = True
        if failed:
            raise _Unusable
        return tuple(items)

    def _entries(self, node: yaml.Node, where: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._note(node, f"{where or 'the document'} must be a mapping of keys to values", "write KEY: VALUE")
            raise _Unusable
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                self._note(key, f"{where + '.' if where else ''}{name} is given twice", "keep one of them")
            seen.add(name)
            yield name, value, key

    def _dataclass(self, kind: Any, node: yaml.Node, where: str) -> Any:
        fields = {key_of(f.name): f for f in dataclasses.fields(kind) if f.metadata}
        hints = get_type_hints(kind)
        values: dict[str, Any] = {}
        failed = False
        for name, value, key in self._entries(node, where):
            if name not in fields:
                self._note(key, f"unknown key '{name}'{' in ' + where if where else ''}", nearest(name, fields))
                continue
            known = fields[name]
            try:
                values[known.name] = self._value(
                    hints[known.name], value, f"{where}.{name}".lstrip("."), known.metadata
                )
            except _Unusable:
                failed = True
                values[known.name] = None
        for name, known in fields.items():
            required = known.default is dataclasses.MISSING and known.default_factory is dataclasses.MISSING
            if required and known.name not in values:
                self._note(node, f"{where + '.' if where else ''}{name} is missing", known.metadata["doc"])
                failed = True
        if failed:
            raise _Unusable
        return kind(**values)

    def _scalar(self, kind: Any, node: yaml.Node, where: str, rules: Mapping[str, Any]) -> Any:
        if not isinstance(node, yaml.ScalarNode) or node.tag != _TAGS[kind]:
            hint = (
                f'quote it: "{node.value}"' if kind is str and isinstance(node, yaml.ScalarNode) and node.value else ""
            )
            self._note(node, f"{where} must be {_TYPE_NAMES[kind]}", hint)
            raise _Unusable
        value = yaml.constructor.SafeConstructor.yaml_constructors[node.tag](yaml.constructor.SafeConstructor(), node)
        problem, hint = broken_rule(value, rules)
        if problem:
            self._note(node, f"{where} {problem}", hint)
            raise _Unusable
        return value


def broken_rule(value: Any, rules: Mapping[str, Any]) -> tuple[str, str]:
    """What of `rules` the scalar `value` breaks, and a hint; two empty strings where it breaks none."""
    if rules.get("choices") and value not in rules["choices"]:
        return f"cannot be '{value}'", nearest(str(value), rules["choices"])
    if rules.get("pattern") and not re.fullmatch(rules["pattern"], value):
        return f"cannot be '{value}'", f"it must match {rules['pattern']}"
    if rules.get("minimum") is not None and value < rules["minimum"]:
        return f"cannot be {value}", f"at least {rules['minimum']}"
    return "", ""


def cross_checks(root: yaml.Node) -> Iterator[tuple[yaml.Node, str, str]]:
    """What a field alone cannot show: names used twice, names that point nowhere, an environment without a place.

    Reads nodes, not a `Config`, so that these mistakes are reported beside the others.
    """
    for key in ("images", "clusters", "environments", "applications"):
        names = _names(root, key)
        for first, (name, node) in enumerate(names):
            if name in (earlier for earlier, _ in names[:first]):
                yield node, f"{key} has '{name}' twice", "give each its own name"
        if not names and key in ("images", "environments") and node_at(root, key) is not root:
            yield node_at(root, key), f"{key} is empty", "name at least one"
    clusters = [name for name, _ in _names(root, "clusters")]
    yield from _dangling(root, "applications", "image", [name for name, _ in _names(root, "images")])
    yield from _dangling(root, "environments", "cluster", clusters)
    yield from _caller_checks(root)
    yield from _repository_checks(root)
    for node in _items(node_at(root, "platform", "clusters")):
        if node.value not in clusters:
            yield node, f"no cluster '{node.value}'", nearest(str(node.value), clusters)
    overlays = [node.value for node in _items(node_at(root, "platform", "overlays"))]
    for name, node in _names(root, "environments"):
        if name in overlays:
            yield node, f"'{name}' is a platform overlay too", "give the environment another name"
        if name in (PLATFORM, ALL):
            yield node, f"'{name}' stands for several overlays", "give the environment another name"
    for environment in _items(node_at(root, "environments")):
        yield from _place_checks(environment)


def _repository_checks(root: yaml.Node) -> Iterator[tuple[yaml.Node, str, str]]:
    """Each bump would start a build, and who may push code could change how it is deployed."""
    source, manifests = node_at(root, "source"), node_at(root, "manifests")
    same = isinstance(source, yaml.MappingNode) and _scalars(source) == _scalars(manifests)
    if same and source is not manifests:
        yield (
            node_at(manifests, "repository"),
            "the manifests are in the source repository",
            "give them one of their own",
        )


def _scalars(node: yaml.Node) -> dict[str, str]:
    """What says where a repository is; another branch is no other repository."""
    entries = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value): str(value.value) for key, value in entries if key.value != "branch"}


def _caller_checks(root: yaml.Node) -> Iterator[tuple[yaml.Node, str, str]]:
    known = [name for name, _ in _names(root, "applications")]
    for application in _items(node_at(root, "applications")):
        for node in _items(node_at(application, "callers")):
            if node.value not in known:
                yield node, f"no application '{node.value}'", nearest(str(node.value), known)


def _place_checks(environment: yaml.Node) -> Iterator[tuple[yaml.Node, str, str]]:
    keys = _keys(environment)
    if isinstance(environment, yaml.MappingNode) and ("cluster" in keys) == ("target" in keys):
        yield environment, "an environment needs a cluster or a target, and not both", "name one of clusters"
    if "target" in keys:
        target = node_at(environment, "target")
        if ("folder" in _keys(target)) == ("branch" in _keys(target)):
            yield target, "a target needs a folder or a branch, and not both", "write target: {branch: release/NAME}"


def _dangling(root: yaml.Node, key: str, field: str, known: list[str]) -> Iterator[tuple[yaml.Node, str, str]]:
    for item in _items(node_at(root, key)):
        value = node_at(item, field)
        if isinstance(value, yaml.ScalarNode) and value.value not in known:
            yield value, f"no {field} '{value.value}'", nearest(value.value, known)


def _items(node: yaml.Node) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _keys(node: yaml.Node) -> list[str]:
    return [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


def _names(root: yaml.Node, key: str) -> list[tuple[str, yaml.Node]]:
    """Each item's `name` in the list `key`, with its node."""
    nodes = [node_at(item, "name") for item in _items(node_at(root, key))]
    return [(node.value, node) for node in nodes if isinstance(node, yaml.ScalarNode)]


def node_at(root: yaml.Node, *path: str | int) -> yaml.Node:
    """The node at `path`, or the nearest one above it that the document has."""
    node = root
    for step in path:
        if isinstance(step, int) and isinstance(node, yaml.SequenceNode):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            found = next((value for key, value in node.value if key.value == step), None)
            if found is None:
                return node
            node = found
        else:
            return node
    return node
