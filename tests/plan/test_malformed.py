"""Objects that no server takes: nothing breaks on them before the server says why."""

from typing import Any

import pytest

from gitops.objects import KubeObject
from gitops.plan.autoscaling import autoscaled, without_replicas
from gitops.plan.definitions import Defined, defined
from tests.support.kube_objects import definition, deployment

ODD: list[Any] = [None, "text", 5, True, [], {}, [1], ["a"], [None], [{}], {"name": None}, {"names": 1, "group": "g"}]


def with_spec(each: KubeObject, spec: Any) -> KubeObject:
    return KubeObject({**each.body, "spec": spec})


def test_what_a_definition_defines() -> None:
    schema = definition().body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert defined([definition(), deployment()]) == {("example.invalid", "Widget"): Defined(True, {"v1": schema})}


@pytest.mark.parametrize("spec", ODD)
def test_what_is_no_definition_defines_nothing(spec: Any) -> None:
    assert defined([with_spec(definition(), spec)]) == {}
    (only,) = defined([with_spec(definition(), {**definition().body["spec"], "versions": spec})]).values()
    assert only.versions == ()


@pytest.mark.parametrize("spec", ODD)
def test_what_is_no_autoscaler_scales_nothing(spec: Any) -> None:
    metadata = {"name": "web", "namespace": "app"}
    scaler = KubeObject(
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
    )
    assert autoscaled([scaler]) == frozenset()
    odd = with_spec(deployment(), spec)
    assert without_replicas(odd) == odd
