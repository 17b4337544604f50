"""What is foreseen of an apply without the server, against what a cluster makes of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from gitops.objects import KubeObject
from gitops.plan.diff import comparable
from gitops.plan.fields import in_live_notation
from gitops.plan.foreseen import foreseen
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map, deployment, namespace

VOLUMES: list[dict[str, Any]] = [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}]


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.apply(namespace("app"))
    return cluster


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (deployment(), {}, deployment()),
        (deployment(), {}, deployment(image="registry.invalid/web:2")),
        (deployment(), {"spec": {"replicas": 5}}, deployment(replicas=3)),
        (deployment(), {"spec": {"replicas": 5}}, deployment(replicas=None)),
        (deployment(volumes=VOLUMES), {"spec": {"paused": True}}, deployment(volumes=VOLUMES[1:])),
        (deployment(volumes=VOLUMES[:1]), {}, deployment(volumes=VOLUMES)),
        (config_map(a="1", b="1"), {"data": {"b": "2", "c": "3"}}, config_map(a="2")),
        (config_map(a="1").with_annotations({"x": "1"}), {}, config_map(a="1")),
    ],
)
def test_it_is_what_the_cluster_would_make_of_it(
    cluster: FakeCluster, before: KubeObject, change: Mapping[str, Any], after: KubeObject
) -> None:
    live = cluster.apply(before)
    cluster.update(live.ref, change)
    changed = cluster.get(live.ref)
    assert changed is not None
    expected = cluster.preview(after, force=True)
    assert comparable(foreseen(in_live_notation(after, changed), changed).body) == comparable(expected.body)


def test_what_others_whose_fields_become_ours_have_added_goes(cluster: FakeCluster) -> None:
    live = cluster.apply(config_map(a="1"))
    cluster.update(live.ref, {"data": {"b": "2"}})
    changed = cluster.get(live.ref)
    assert changed is not None
    assert foreseen(config_map(a="1"), changed).body["data"] == {"a": "1", "b": "2"}
    assert foreseen(config_map(a="1"), changed, ["kubectl-edit"]).body["data"] == {"a": "1"}
