"""Objects against the API of one Kubernetes version: kinds, fields, types, what was removed."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from gitops.objects import KubeObject
from gitops.plan.structural import dotted
from gitops.validate.sources import Path
from gitops.validate.values import refusal

REMOVED: Mapping[str, tuple[str, str]] = {
    # https://kubernetes.io/docs/reference/using-api/deprecation-guide/
    "extensions/v1beta1/Deployment": ("1.16", "apps/v1"),
    "extensions/v1beta1/DaemonSet": ("1.16", "apps/v1"),
    "extensions/v1beta1/ReplicaSet": ("1.16", "apps/v1"),
    "extensions/v1beta1/NetworkPolicy": ("1.16", "networking.k8s.io/v1"),
    "extensions/v1beta1/PodSecurityPolicy": ("1.16", "Pod Security labels"),
    "extensions/v1beta1/Ingress": ("1.22", "networking.k8s.io/v1"),
    "apps/v1beta1/Deployment": ("1.16", "apps/v1"),
    "apps/v1beta2/Deployment": ("1.16", "apps/v1"),
    "apps/v1beta1/StatefulSet": ("1.16", "apps/v1"),
    "networking.k8s.io/v1beta1/Ingress": ("1.22", "networking.k8s.io/v1"),
    "rbac.authorization.k8s.io/v1beta1/ClusterRole": ("1.22", "rbac.authorization.k8s.io/v1"),
    "rbac.authorization.k8s.io/v1beta1/ClusterRoleBinding": ("1.22", "rbac.authorization.k8s.io/v1"),
    "rbac.authorization.k8s.io/v1beta1/Role": ("1.22", "rbac.authorization.k8s.io/v1"),
    "rbac.authorization.k8s.io/v1beta1/RoleBinding": ("1.22", "rbac.authorization.k8s.io/v1"),
    "apiextensions.k8s.io/v1beta1/CustomResourceDefinition": ("1.22", "apiextensions.k8s.io/v1"),
    "apiregistration.k8s.io/v1beta1/APIService": ("1.22", "apiregistration.k8s.io/v1"),
    "scheduling.k8s.io/v1beta1/PriorityClass": ("1.22", "scheduling.k8s.io/v1"),
    "batch/v1beta1/CronJob": ("1.25", "batch/v1"),
    "policy/v1beta1/PodDisruptionBudget": ("1.25", "policy/v1"),
    "policy/v1beta1/PodSecurityPolicy": ("1.25", "Pod Security labels"),
    "autoscaling/v2beta1/HorizontalPodAutoscaler": ("1.25", "autoscaling/v2"),
    "autoscaling/v2beta2/HorizontalPodAutoscaler": ("1.26", "autoscaling/v2"),
    "flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema": ("1.32", "flowcontrol.apiserver.k8s.io/v1"),
}
"""group/version/Kind -> the version that dropped it, and what to use."""

DEPRECATED: Mapping[str, str] = {"/v1/Endpoints": "discovery.k8s.io/v1 EndpointSlice", "/v1/ComponentStatus": "nothing"}
_WORDS = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "quantity": (str, int, float),
    "int|string": (int, str),
}
_QUANTITY = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+|m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")


@cache
def _layers() -> dict[str, dict[str, Any]]:
    layers: dict[str, dict[str, Any]] = json.loads(files("gitops.validate").joinpath("kubernetes.json").read_bytes())
    return layers


@cache
def definitions(version: str) -> dict[str, Any]:
    """The definitions of Kubernetes `version`; of the newest known one for a version that is not known."""
    result: dict[str, Any] = {}
    for layer, changes in _layers().items():
        result |= changes
        if layer == version:
            break
    return {name: entry for name, entry in result.items() if entry is not None}


def known_versions() -> list[str]:
    """Kubernetes versions whose schema is here."""
    return list(_layers())


@cache
def _kinds(version: str) -> dict[str, str]:
    return {kind: name for name, entry in definitions(version).items() for kind in entry.get("kinds", [])}


def check_object(obj: KubeObject, version: str, custom: frozenset[tuple[str, str]]) -> Iterator[tuple[str, Path, str]]:
    """(code, path, what) for each way in which `obj` is not of the API of `version`.

    `custom` are the (group, kind) pairs of CRDs that are deployed too: those objects are not looked into.
    """
    key = f"{obj.group}/{obj.version}/{obj.kind}"
    if key in REMOVED:
        when, instead = REMOVED[key]
        yield "O005", ("apiVersion",), f"{obj.api_version} {obj.kind} was removed in {when}; use {instead}"
    elif key in _kinds(version):
        if key in DEPRECATED:
            yield "O006", ("apiVersion",), f"{obj.api_version} {obj.kind} is deprecated; use {DEPRECATED[key]}"
        yield from _check(obj.body, f"#{_kinds(version)[key]}", (), definitions(version))
    elif (obj.group, obj.kind) not in custom:
        yield "O007", ("kind",), f"Kubernetes {version} has no {obj.kind} in {obj.api_version}"


def _check(
    value: Any, kind: Any, path: tuple[str | int, ...], known: Mapping[str, Any]
) -> Iterator[tuple[str, Path, str]]:
    if value is None or kind == "any":
        return
    if isinstance(kind, list):
        yield from _check_list(value, kind[0], path, known)
    elif isinstance(kind, dict) or (kind.startswith("#") and "fields" in known.get(kind[1:], {})):
        yield from _check_mapping(value, kind, path, known)
    elif kind in _WORDS:
        yield from _check_word(value, kind, path)


def of_right_shape(obj: KubeObject, version: str) -> KubeObject | None:
    """`obj` without what is empty or of the wrong type, so that checks can rely on the shape of what they look at;
    None for a kind that the schema does not know."""
    name = _kinds(version).get(f"{obj.group}/{obj.version}/{obj.kind}")
    return KubeObject(_shaped(obj.body, f"#{name}", definitions(version)), obj.origin) if name else None


def _shaped(value: Any, kind: Any, known: Mapping[str, Any]) -> Any:
    """`value` as far as it is of `kind`; None where it is not."""
    if value is None or kind == "any":
        return value
    if isinstance(kind, list):
        items = [_shaped(item, kind[0], known) for item in value] if isinstance(value, list) else []
        # Positions stay: findings are placed by them.
        return [_empty(kind[0], known) if item is None else item for item in items]
    fields = {} if isinstance(kind, dict) else known.get(kind[1:], {}).get("fields") if kind[0] == "#" else None
    if fields is None:
        return value if kind not in _WORDS or _is_word(value, kind) else None
    if not isinstance(value, Mapping):
        return None
    other = kind["*"] if isinstance(kind, dict) else "any"
    shaped = {key: _shaped(item, fields.get(key, other), known) for key, item in value.items()}
    return {key: item for key, item in shaped.items() if item is not None}


def _empty(kind: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(kind, list):
        return []
    return {} if isinstance(kind, dict) or "fields" in known.get(str(kind)[1:], {}) else ""


def _check_list(
    value: Any, kind: Any, path: tuple[str | int, ...], known: Mapping[str, Any]
) -> Iterator[tuple[str, Path, str]]:
    if not isinstance(value, list):
        yield "O002", path, f"{dotted(path)} must be a list"
        return
    for position, item in enumerate(value):
        if item is None:
            yield "O002", (*path, position), f"{dotted((*path, position))} must not be null"
        yield from _check(item, kind, (*path, position), known)


def _check_mapping(
    value: Any, kind: Any, path: tuple[str | int, ...], known: Mapping[str, Any]
) -> Iterator[tuple[str, Path, str]]:
    if not isinstance(value, Mapping):
        yield "O002", path, f"{dotted(path) or 'the object'} must be a mapping"
        return
    if isinstance(kind, dict):
        for key, item in value.items():
            yield from _check(item, kind["*"], (*path, key), known)
        return
    entry = known[kind[1:]]
    for key, item in value.items():
        if key in entry["fields"]:
            yield from _check_field(item, kind[1:], key, (*path, key), known)
        else:
            yield "O001", (*path, key), f"unknown field {dotted((*path, key))}{_nearest(key, entry['fields'])}"
    for key in entry.get("required", []):
        if value.get(key) is None and (path or key != "status"):
            yield "O003", path, f"{dotted((*path, key))} is missing"


def _check_field(
    value: Any, definition: str, key: str, path: tuple[str | int, ...], known: Mapping[str, Any]
) -> Iterator[tuple[str, Path, str]]:
    wrong = list(_check(value, known[definition]["fields"][key], path, known))
    yield from wrong
    said = refusal(definition, key, value) if value is not None and not wrong else None
    if said:
        yield "O013", path, f"{dotted(path)} {said}"


def _check_word(value: Any, kind: str, path: tuple[str | int, ...]) -> Iterator[tuple[str, Path, str]]:
    right = _is_word(value, kind)
    if right and kind == "quantity":
        right = bool(_QUANTITY.fullmatch(str(value)))
    if not right:
        shown = "a quantity such as 100m or 64Mi" if kind == "quantity" else kind.replace("|", " or ")
        yield "O002", path, f"{dotted(path)} must be {shown}, not {value!r}"


def _is_word(value: Any, kind: str) -> bool:
    return isinstance(value, _WORDS[kind]) and (kind == "boolean" or not isinstance(value, bool))  # type: ignore[arg-type]


def _nearest(key: str, fields: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(key), fields, n=1)
    return f"; did you mean {close[0]}?" if close else ""
