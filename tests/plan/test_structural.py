"""Custom objects against the schema of their definition."""

from typing import Any

import pytest

from gitops.plan.structural import dotted, misfits

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size", "mode"],
            "properties": {
                "size": {"type": "integer"},
                "mode": {"type": "string", "enum": ["fast", "safe"], "default": "safe"},
                "share": {"type": "number"},
                "on": {"type": "boolean", "nullable": True},
                "port": {"x-kubernetes-int-or-string": True},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "items": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {}}},
                "any": {"type": "object"},
                "pod": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object", "properties": {"x": {"type": "string"}}}},
                },
            },
        }
    },
}


def found(schema: Any = SCHEMA, **spec: Any) -> list[str]:
    body = {"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "a"}, "spec": {"size": 1, **spec}}
    return [str(misfit) for misfit in misfits(body, schema)]


def test_what_a_schema_allows() -> None:
    assert not found(
        mode="fast",
        share=1,
        on=None,
        port="80",
        labels={"any": "key"},
        items=[{"id": "a"}],
        free={"whatever": 1, "a": 2},
        any={"whatever": 1},
        pod={"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"x": "y"}},
    )


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"size": "1"}, "spec.size is not of type integer"),
        ({"size": 1.5}, "spec.size is not of type integer"),
        ({"size": True}, "spec.size is not of type integer"),
        ({"mode": "quick"}, "spec.mode is none of fast, safe"),
        ({"on": "yes"}, "spec.on is not of type boolean"),
        ({"port": 0.5}, "spec.port is neither an integer nor a string"),
        ({"labels": {"a": 1}}, "spec.labels.a is not of type string"),
        ({"items": [{"id": "a"}, {"ID": "b"}]}, "spec.items[1].ID is a field that the definition does not have"),
        ({"colour": "red"}, "spec.colour is a field that the definition does not have"),
        ({"pod": {"spec": {"y": 1}}}, "spec.pod.spec.y is a field that the definition does not have"),
    ],
)
def test_what_it_does_not_allow(spec: dict[str, Any], problem: str) -> None:
    assert found(**spec) == [problem]


def test_what_is_required_and_has_no_default_must_be_there() -> None:
    assert [dotted(misfit.path) for misfit in misfits({"spec": {}}, SCHEMA)] == ["spec.size"]


@pytest.mark.parametrize("odd", [None, "text", 5, True, [], [1], {"a": None}])
@pytest.mark.parametrize("place", ["type", "properties", "required", "enum", "items", "additionalProperties"])
def test_a_malformed_schema_is_left_to_the_server(odd: Any, place: str) -> None:
    found({"type": "object", "properties": {"spec": {"properties": {"size": {}}, place: odd}}}, other=[{}], more={})
