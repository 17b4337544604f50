"""What an apply does where others write at the same time."""

from typing import Any

import pytest

from gitops.clients.cluster import Conflict
from gitops.objects import KubeObject
from tests.scenarios.conftest import World
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map


def test_fields_are_adopted_though_a_controller_writes_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(FakeCluster(), "app")
    world.deploy([config_map("other", "app")])
    world.client_side_apply(config_map(namespace="app", a="1", b="2"))
    replace = world.cluster.replace
    refused: list[str] = []

    def busy(body: KubeObject) -> KubeObject:
        if body.name == "settings" and len(refused) < 2:
            refused.append(body.name)
            raise Conflict(str(body.ref), "the object has been modified")
        return replace(body)

    monkeypatch.setattr(world.cluster, "replace", busy)
    world.deploy([config_map("other", "app"), config_map(namespace="app", a="3")])
    found: Any = world.get(config_map(namespace="app"))
    assert len(refused) == 2
    assert found.body["data"] == {"a": "3"}
