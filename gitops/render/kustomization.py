"""kustomization.yaml -> checked data: each field's type as kustomize has it, and what this process does not model."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gitops.errors import nearest
from gitops.render.problems import NotModelled, RenderError
from gitops.render.reader import Position, Positions, read_config

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
KINDS = {"Kustomization": "kustomize.config.k8s.io/v1beta1", "Component": "kustomize.config.k8s.io/v1alpha1"}

STRING, BOOLEAN, INTEGER = "a string", "a boolean", "a whole number"
STRINGS = [STRING]
TEXTS = {"*": STRING}
ANY = "anything"

FIELD_SPEC = {"group": STRING, "version": STRING, "kind": STRING, "path": STRING, "create": BOOLEAN}
_ID = {"group": STRING, "version": STRING, "kind": STRING, "name": STRING, "namespace": STRING}
_SELECTOR = _ID | {"annotationSelector": STRING, "labelSelector": STRING}
_PATCH = {
    "path": STRING,
    "patch": STRING,
    "target": _SELECTOR,
    "options": {"allowNameChange": BOOLEAN, "allowKindChange": BOOLEAN},
}
_IMAGE = {"name": STRING, "newName": STRING, "tagSuffix": STRING, "newTag": STRING, "digest": STRING}
_OPTIONS = {"labels": TEXTS, "annotations": TEXTS, "disableNameSuffixHash": BOOLEAN, "immutable": BOOLEAN}
_CONFIG_MAP = {
    "namespace": STRING,
    "name": STRING,
    "behavior": STRING,
    "literals": STRINGS,
    "files": STRINGS,
    "envs": STRINGS,
    "env": STRING,
    "options": _OPTIONS,
}
_FIELD_OPTIONS = {"delimiter": STRING, "index": INTEGER, "encoding": STRING, "create": BOOLEAN}
REPLACEMENT = {
    "path": STRING,
    "source": _ID | {"fieldPath": STRING, "options": _FIELD_OPTIONS},
    "sourceValue": STRING,
    "targets": [{"select": _SELECTOR, "reject": [_SELECTOR], "fieldPaths": STRINGS, "options": _FIELD_OPTIONS}],
}
_VAR = {
    "name": STRING,
    "objref": _ID | {"apiVersion": STRING},
    "fieldref": {"fieldPath": STRING},
}
_LABELS = {"pairs": TEXTS, "includeSelectors": BOOLEAN, "includeTemplates": BOOLEAN, "fields": [FIELD_SPEC]}
FIELDS: dict[str, Any] = {
    "apiVersion": STRING,
    "kind": STRING,
    "metadata": {"name": STRING, "namespace": STRING, "labels": TEXTS, "annotations": TEXTS},
    "openapi": TEXTS,
    "namePrefix": STRING,
    "nameSuffix": STRING,
    "namespace": STRING,
    "commonLabels": TEXTS,
    "labels": [_LABELS],
    "commonAnnotations": TEXTS,
    "patchesStrategicMerge": STRINGS,
    "patchesJson6902": [_PATCH],
    "patches": [_PATCH],
    "images": [_IMAGE],
    "imageTags": [_IMAGE],
    "replacements": [REPLACEMENT],
    "replicas": [{"name": STRING, "count": INTEGER}],
    "vars": [_VAR],
    "sortOptions": {"order": STRING, "legacySortOptions": {"orderFirst": STRINGS, "orderLast": STRINGS}},
    "resources": STRINGS,
    "components": STRINGS,
    "crds": STRINGS,
    "bases": STRINGS,
    "configMapGenerator": [_CONFIG_MAP],
    "secretGenerator": [_CONFIG_MAP | {"type": STRING}],
    "helmGlobals": ANY,
    "helmCharts": ANY,
    "helmChartInflationGenerator": ANY,
    "generatorOptions": _OPTIONS,
    "configurations": STRINGS,
    "generators": STRINGS,
    "transformers": STRINGS,
    "validators": STRINGS,
    "buildMetadata": STRINGS,
}
"""Each field of a kustomization, with its type. A list holds the type of its items, a map those of its fields."""

NOT_MODELLED = {
    "helmGlobals": "commit what the chart renders to",
    "helmCharts": "commit what the chart renders to",
    "helmChartInflationGenerator": "commit what the chart renders to",
    "generators": "commit what it generates",
    "transformers": "use patches or replacements",
    "validators": "validate in the pipeline",
    "openapi": "use JSON 6902 patches for lists of custom resources",
}
"""Fields that only the real kustomize renders, with what to use instead."""


class Kustomization(NamedTuple):
    """A checked kustomization: `fields` holds what it sets, deprecated spellings in their new places."""

    file: str
    positions: Positions
    fields: Mapping[str, Any]

    @property
    def is_component(self) -> bool:
        return self.fields.get("kind") == "Component"

    def get(self, name: str) -> Any:
        """The list, map or text of field `name`; None where it is not set."""
        return self.fields.get(name)

    def list(self, name: str) -> list[Any]:
        return self.fields.get(name) or []

    def text(self, name: str) -> str:
        return self.fields.get(name) or ""

    def place(self, *path: str | int) -> Position:
        """`file:line:column` of the field at `path`, when it is said."""
        return self.positions.at(*path)


def read_kustomization(data: bytes, file: str) -> Kustomization:
    """Raises `RenderError` with line and column for the first field that kustomize would refuse."""
    value = read_config(data, file)
    if not isinstance(value, dict) or not value:
        raise RenderError(file, "is empty", "list the files under resources:")
    positions = Positions(data, file)
    fields = check(value, FIELDS, positions)
    found = Kustomization(file, positions, _renamed(fields))
    _check_kind(found)
    if not set(fields) - {"apiVersion", "kind"}:
        raise RenderError(file, "is empty", "list the files under resources:")
    for name, hint in NOT_MODELLED.items():
        if fields.get(name):
            raise NotModelled(name, hint, found.place(name))
    return found


def check(value: Any, shape: Any, positions: Positions) -> Any:
    """`value` checked against `shape`, without what is null. Raises `RenderError` with line and column."""
    return _check(value, shape, (), positions)


def _check(value: Any, shape: Any, path: tuple[str | int, ...], at: Positions) -> Any:
    if shape is ANY or value is None:
        return value
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise RenderError(at.at(*path), f"{_named(path)} is {_kind(value)}, expected a list", "start items with -")
        checked = [_check(each, shape[0], (*path, index), at) for index, each in enumerate(value)]
        return ["" if each is None and shape[0] is STRING else {} if each is None else each for each in checked]
    if isinstance(shape, dict):
        return _check_map(value, shape, path, at)
    return _check_scalar(value, shape, path, at)


def _check_map(value: Any, shape: dict[str, Any], path: tuple[str | int, ...], at: Positions) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RenderError(
            at.at(*path), f"{_named(path)} is {_kind(value)}, expected a map", "give it name: value pairs"
        )
    if "*" in shape:
        return {key: "" if each is None else _check(each, STRING, (*path, key), at) for key, each in value.items()}
    found = {}
    for key, each in value.items():
        if key not in shape:
            _refuse_unknown(key, shape, (*path, key), at)
        if each is not None:
            found[key] = _check(each, shape[key], (*path, key), at)
    return found


def _refuse_unknown(key: str, shape: dict[str, Any], path: tuple[str | int, ...], at: Positions) -> None:
    alike = [known for known in shape if known.lower() == key.lower()]
    if alike:
        raise NotModelled(f"the spelling {key}", f"write {alike[0]}", at.at(*path))
    raise RenderError(at.at(*path), f"no field '{key}'", nearest(key, sorted(shape)))


def _check_scalar(value: Any, shape: str, path: tuple[str | int, ...], at: Positions) -> Any:
    wanted: type = {STRING: str, BOOLEAN: bool, INTEGER: int}[shape]
    if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
        return value
    hint = "put it in quotes" if shape is STRING and isinstance(value, int | float) else f"give it {shape}"
    raise RenderError(at.at(*path), f"{_named(path)} is {_kind(value)}, expected {shape}", hint)


def _named(path: tuple[str | int, ...]) -> str:
    return next((f"'{step}'" for step in reversed(path) if isinstance(step, str)), "the file")


def _kind(value: Any) -> str:
    kinds = {dict: "a map", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "nothing")


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    """The deprecated `bases`, `imageTags` and `env` in the places of their successors, in kustomize's order."""
    found = dict(fields)
    for old, new in (("bases", "resources"), ("imageTags", "images")):
        if old in found:
            found[new] = [*(found.get(new) or []), *(found.pop(old) or [])]
    for name in ("configMapGenerator", "secretGenerator"):
        if found.get(name):
            found[name] = [_with_envs(each) for each in found[name]]
    return found


def _with_envs(generator: dict[str, Any]) -> dict[str, Any]:
    if not generator.get("env"):
        return generator
    return {**generator, "envs": [*generator.get("envs", []), generator["env"]]}


def _check_kind(found: Kustomization) -> None:
    kind = found.text("kind") or "Kustomization"
    if kind not in KINDS:
        raise RenderError(found.place("kind"), f"kind is '{kind}'", "write Kustomization or Component")
    version = found.text("apiVersion")
    if version and version != KINDS[kind]:
        raise RenderError(found.place("apiVersion"), f"apiVersion is '{version}'", f"write {KINDS[kind]}")
