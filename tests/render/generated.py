"""Kustomization trees made by hypothesis: objects that refer to each other, layers that transform them."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.render.trees import Tree

NAMES = st.sampled_from(["a", "b", "web", "conf"])
TEXTS = st.sampled_from(
    ["", "x", "1", "true", "yes", "null", "a b", "é", "1.0", "x: y", "#", "multi\nline\n", " lead", "0x1", "~"]
)
SCALARS = st.one_of(
    TEXTS, st.integers(-5, 3_000_000), st.booleans(), st.sampled_from([1.5, 0.25, 2.0, 100.0]), st.none()
)
LABELS = st.dictionaries(st.sampled_from(["app", "tier", "team"]), st.sampled_from(["x", "y", "1", "true"]), max_size=2)
NAMESPACES = st.sampled_from([None, None, None, "one", "two", "default"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "name", "k"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def _clean(value: dict[str, Any]) -> dict[str, Any]:
    """Without the keys that are None: what a strategy leaves out."""
    return {key: _cleaned(each) for key, each in value.items() if each is not None}


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return _clean(value)
    return [_cleaned(each) for each in value] if isinstance(value, list) else value


def _metadata(draw: st.DrawFn) -> dict[str, Any]:
    return _clean(
        {
            "name": draw(NAMES),
            "namespace": draw(NAMESPACES),
            "labels": draw(st.none() | LABELS),
            "annotations": draw(st.none() | st.dictionaries(st.sampled_from(["note", "owner"]), SCALARS, max_size=2)),
        }
    )


@st.composite
def containers(draw: st.DrawFn) -> list[dict[str, Any]]:
    one = st.fixed_dictionaries(
        {"name": st.sampled_from(["m", "n", "side"])},
        optional={
            "image": st.sampled_from(["app", "app:1", "host:5000/app:1.0", "other@sha256:abc", "app:1@sha256:abc"]),
            "ports": st.lists(
                st.fixed_dictionaries(
                    {"containerPort": st.sampled_from([80, 81])},
                    optional={"protocol": st.sampled_from(["TCP", "UDP"]), "name": st.sampled_from(["p", "q"])},
                ),
                max_size=3,
            ),
            "env": st.lists(
                st.fixed_dictionaries(
                    {"name": st.sampled_from(["A", "B"])},
                    optional={
                        "value": st.sampled_from(["", "a", "1"]),
                        "valueFrom": st.fixed_dictionaries({"configMapKeyRef": st.fixed_dictionaries({"name": NAMES})}),
                    },
                ),
                max_size=2,
            ),
            "envFrom": st.lists(
                st.fixed_dictionaries({"configMapRef": st.fixed_dictionaries({"name": NAMES})})
                | st.fixed_dictionaries({"secretRef": st.fixed_dictionaries({"name": NAMES})}),
                max_size=2,
            ),
            "args": st.lists(TEXTS, max_size=2),
            "resources": st.dictionaries(st.sampled_from(["limits", "requests"]), st.just({"cpu": 1}), max_size=2),
        },
    )
    return draw(st.lists(one, max_size=3, unique_by=lambda each: each["name"]))


@st.composite
def pod_spec(draw: st.DrawFn) -> dict[str, Any]:
    return _clean(
        {
            "containers": draw(containers()),
            "initContainers": draw(st.none() | containers()),
            "serviceAccountName": draw(st.none() | NAMES),
            "volumes": draw(
                st.none()
                | st.lists(
                    st.fixed_dictionaries(
                        {"name": st.sampled_from(["v", "w"])},
                        optional={
                            "configMap": st.fixed_dictionaries({"name": NAMES}),
                            "secret": st.fixed_dictionaries({"secretName": NAMES}),
                            "emptyDir": st.sampled_from([{}, None]),
                        },
                    ),
                    max_size=2,
                    unique_by=lambda each: str(each["name"]),
                )
            ),
        }
    )


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """One object of a kind that kustomize has something to say about."""
    kind = draw(st.sampled_from(sorted(_KINDS)))
    api_version, body = _KINDS[kind]
    return {"apiVersion": api_version, "kind": kind, "metadata": _metadata(draw), **body(draw)}


def _workload(draw: st.DrawFn) -> dict[str, Any]:
    template = {"metadata": {"labels": draw(LABELS)}, "spec": draw(pod_spec())}
    return {
        "spec": {"replicas": draw(st.integers(0, 3)), "selector": {"matchLabels": draw(LABELS)}, "template": template}
    }


_RBAC = "rbac.authorization.k8s.io"
_KINDS: dict[str, tuple[str, Any]] = {
    "Deployment": ("apps/v1", _workload),
    "StatefulSet": ("apps/v1", lambda draw: {"spec": {**_workload(draw)["spec"], "serviceName": draw(NAMES)}}),
    "Pod": ("v1", lambda draw: {"spec": draw(pod_spec())}),
    "ConfigMap": ("v1", lambda draw: {"data": draw(st.dictionaries(st.sampled_from(["k", "l"]), TEXTS, max_size=2))}),
    "Secret": ("v1", lambda draw: {"stringData": {"k": draw(TEXTS)}}),
    "Service": (
        "v1",
        lambda draw: {
            "spec": {
                "selector": draw(LABELS),
                "ports": draw(
                    st.lists(
                        st.fixed_dictionaries(
                            {"port": st.sampled_from([80, 81])}, optional={"protocol": st.sampled_from(["TCP", "UDP"])}
                        ),
                        max_size=2,
                    )
                ),
            }
        },
    ),
    "ServiceAccount": ("v1", lambda draw: {}),
    "Namespace": ("v1", lambda draw: {}),
    "Role": (f"{_RBAC}/v1", lambda draw: {"rules": [{"resourceNames": draw(st.lists(NAMES, max_size=2))}]}),
    "RoleBinding": (
        f"{_RBAC}/v1",
        lambda draw: {
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": draw(NAMES)},
            "subjects": [
                _clean(
                    {"kind": "ServiceAccount", "name": draw(NAMES | st.just("default")), "namespace": draw(NAMESPACES)}
                )
            ],
        },
    ),
    "HorizontalPodAutoscaler": (
        "autoscaling/v2",
        lambda draw: {"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": draw(NAMES)}}},
    ),
    "CronJob": ("batch/v1", lambda draw: {"spec": {"jobTemplate": {"spec": {"template": {"spec": draw(pod_spec())}}}}}),
    "Thing": (
        "example.com/v1",
        lambda draw: {"spec": draw(st.dictionaries(st.sampled_from(["a", "b", "l"]), VALUES, max_size=3))},
    ),
}


@st.composite
def merge_patch(draw: st.DrawFn, known: list[dict[str, Any]]) -> dict[str, Any]:
    """A patch for one of `known` objects, or for none."""
    target = draw(st.sampled_from(known)) if known else draw(objects())
    patch = {key: target[key] for key in ("apiVersion", "kind")}
    name = {key: target["metadata"][key] for key in ("name", "namespace") if key in target["metadata"]}
    body = draw(objects().filter(lambda each: each["kind"] == target["kind"])) if draw(st.booleans()) else {}
    found = {**body, **patch, "metadata": {**body.get("metadata", {}), **name}}
    if "namespace" not in name:
        found["metadata"].pop("namespace", None)
    return _with_directives(draw, found)


def _with_directives(draw: st.DrawFn, patch: dict[str, Any]) -> dict[str, Any]:
    spec = patch.get("spec")
    if isinstance(spec, dict) and draw(st.integers(0, 5)) == 0:
        spec[draw(st.sampled_from(["template", "selector", "a"]))] = draw(st.sampled_from([None, {"$patch": "delete"}]))
    for each in _container_lists(patch):
        if each and draw(st.integers(0, 4)) == 0:
            each[0]["$patch"] = draw(st.sampled_from(["delete", "replace", "merge"]))
    if draw(st.integers(0, 15)) == 0:
        patch["$patch"] = "delete"
    return patch


def _container_lists(node: Any) -> list[list[dict[str, Any]]]:
    if isinstance(node, dict):
        own = [node["containers"]] if isinstance(node.get("containers"), list) else []
        return own + [each for value in node.values() for each in _container_lists(value)]
    return []


OPERATIONS = st.sampled_from(
    [
        [{"op": "add", "path": "/metadata/labels", "value": {"p": "q"}}],
        [{"op": "replace", "path": "/metadata/name", "value": "renamed"}],
        [{"op": "add", "path": "/spec/extra", "value": [1, 1000000, "x"]}],
        [{"op": "remove", "path": "/spec"}],
        [{"op": "add", "path": "/top", "value": 1.5}],
    ]
)
TARGETS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["Deployment", "ConfigMap", "Deployment|Pod", ".*Set", "Thing"]),
        "name": st.sampled_from(["a", "web|b", ".*", "conf"]),
        "namespace": st.sampled_from(["one", "default"]),
        "labelSelector": st.sampled_from(["app=x", "app", "!tier", "app in (x, y)"]),
    },
)


@st.composite
def layer(draw: st.DrawFn, known: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of a kustomization, besides its resources."""
    maybe: dict[str, Any] = {
        "namespace": st.sampled_from(["one", "three"]),
        "namePrefix": st.sampled_from(["p-", "q-"]),
        "nameSuffix": st.sampled_from(["-s"]),
        "commonLabels": LABELS,
        "commonAnnotations": st.just({"note": "common"}),
        "labels": st.lists(
            st.fixed_dictionaries(
                {"pairs": LABELS}, optional={"includeSelectors": st.booleans(), "includeTemplates": st.booleans()}
            ),
            max_size=2,
        ),
        "images": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["app", "other", "host:5000/app"])},
                optional={
                    "newName": st.sampled_from(["other", "new/app"]),
                    "newTag": st.just("v2"),
                    "digest": st.just("sha256:def"),
                },
            ),
            max_size=2,
        ),
        "patches": st.lists(
            st.fixed_dictionaries({"merge": merge_patch(known)}, optional={"target": TARGETS})
            | st.fixed_dictionaries({"operations": OPERATIONS, "target": TARGETS}),
            max_size=2,
        ),
        "configMapGenerator": st.lists(
            st.fixed_dictionaries(
                {"name": NAMES, "literals": st.lists(st.sampled_from(["k=v", "l=<&>", "m="]), unique=True, max_size=2)},
                optional={"behavior": st.sampled_from(["merge", "replace", "create"]), "namespace": st.just("one")},
            ),
            max_size=2,
            unique_by=lambda each: each["name"],
        ),
        "secretGenerator": st.lists(st.fixed_dictionaries({"name": NAMES, "literals": st.just(["k=v"])}), max_size=1),
        "sortOptions": st.just({"order": "fifo"}),
        "replacements": st.just(
            [
                {
                    "sourceValue": "given",
                    "targets": [
                        {
                            "select": {"kind": "Deployment"},
                            "fieldPaths": ["metadata.annotations.given"],
                            "options": {"create": True},
                        }
                    ],
                }
            ]
        ),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(maybe)), unique=True, max_size=4))
    fields = {name: draw(maybe[name]) for name in chosen}
    fields["patches"] = [_as_patch(each) for each in fields.get("patches", [])]
    return fields


def _as_patch(entry: dict[str, Any]) -> dict[str, Any]:
    body = entry["merge"] if "merge" in entry else entry["operations"]
    return {"patch": _yaml(body)} | ({"target": entry["target"]} if entry.get("target") else {})


def _yaml(value: Any) -> str:
    import yaml

    return yaml.safe_dump(value, allow_unicode=True, default_flow_style=False)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A base with objects, and one to three layers on it, one of them perhaps a component."""
    known = draw(
        st.lists(
            objects(),
            min_size=1,
            max_size=5,
            unique_by=lambda each: (
                each["kind"],
                each["metadata"]["name"],
                each["metadata"].get("namespace", "default"),
            ),
        )
    )
    text = "---\n".join(_yaml(each) for each in known)
    files = {"l0/all.yaml": text, "l0/kustomization.yaml": _yaml({"resources": ["all.yaml"], **draw(layer(known))})}
    count = draw(st.integers(0, 2))
    for index in range(1, count + 1):
        fields = {"resources": [f"../l{index - 1}"], **draw(layer(known))}
        if draw(st.integers(0, 3)) == 0:
            files["part/kustomization.yaml"] = _yaml({"kind": "Component", **draw(layer(known))})
            fields["components"] = ["../part"]
        files[f"l{index}/kustomization.yaml"] = _yaml(fields)
    told = draw(st.sampled_from([[], [], ["originAnnotations", "transformerAnnotations"]]))
    files["kustomization.yaml"] = _yaml({"resources": [f"l{count}"], "buildMetadata": told})
    return Tree("generated", "", files)


_JSON_TEXTS = st.text(st.characters(categories=["L", "N", "P", "S"], include_characters=" \n\t"), max_size=8)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), _JSON_TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_JSON_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def json_trees(draw: st.DrawFn) -> Tree:
    """A text of JSON in a ConfigMap, with a text, map or list written to somewhere in it."""
    step = st.sampled_from(["a", "b", "0", "[name=x]", "*", "[=y]"])
    value = {"a": draw(_JSON), "b": [{"name": "x", "a": draw(_JSON_TEXTS)}, draw(_JSON)]}
    target = {
        "select": {"kind": "ConfigMap"},
        "fieldPaths": [".".join(["data.json", *draw(st.lists(step, min_size=1, max_size=3))])],
        "options": {"create": draw(st.booleans())},
    }
    source = {"kind": "Pod", "fieldPath": draw(st.sampled_from(["spec.text", "spec.value"]))}
    text = json.dumps(value, ensure_ascii=False, indent=draw(st.sampled_from([None, 2])))
    bodies = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"json": text}},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "a"},
            "spec": {"text": draw(_JSON_TEXTS), "value": draw(_JSON)},
        },
    ]
    return Tree(
        "json",
        "",
        {
            "kustomization.yaml": _yaml(
                {"resources": ["a.yaml"], "replacements": [{"source": source, "targets": [target]}]}
            ),
            "a.yaml": "---\n".join(_yaml(each) for each in bodies),
        },
    )
