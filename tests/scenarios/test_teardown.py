"""A teardown takes away what deploys made, and nothing that holds data unless it is told to."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gitops.apply.events import Event
from gitops.clients.cluster import ApiError, Listing
from gitops.errors import GitopsError
from gitops.inventory import inventory_ref
from gitops.objects import KubeObject
from gitops.plan.model import Plan
from gitops.teardown import tear_down
from tests.scenarios.conftest import World
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map, definition, deployment, namespace, secret, widget


def app(space: str) -> list[KubeObject]:
    return [deployment(namespace=space), config_map(namespace=space), secret(namespace=space, password="hunter22")]


def claim(space: str) -> KubeObject:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "data", "namespace": space}
    return KubeObject({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})


def tear(world: World, delete_data: bool = False, dry_run: bool = False) -> tuple[Plan, Sequence[Event]]:
    release, target = world.release(), world.target()
    steps = list(tear_down(release, target, delete_data, dry_run))
    plan = steps[0]
    assert isinstance(plan, Plan)
    return plan, [step for step in steps if isinstance(step, Event)]


def eventually(what: Callable[[], bool]) -> bool:
    """Whether `what` holds within some seconds: namespaces end in the background."""
    for _ in range(150):
        if what():
            return True
        time.sleep(0.2)
    return False


def gone(world: World, objects: Sequence[KubeObject]) -> bool:
    """Deleted, or on its way: a namespace takes a moment."""
    found = [world.get(each) for each in objects]
    return all(each is None or each.metadata.get("deletionTimestamp") for each in found)


def test_takes_away_all_that_was_deployed_and_the_record_of_it(world: World) -> None:
    world.deploy(app(world.space))
    tear(world)
    assert gone(world, [*app(world.space), namespace(world.space)])
    assert eventually(lambda: world.cluster.get(inventory_ref(world.space, world.name)) is None)


def test_a_dry_run_takes_nothing_away(world: World) -> None:
    world.deploy(app(world.space))
    plan, _ = tear(world, dry_run=True)
    assert {str(change.action) for change in plan.pending} == {"delete"}
    assert all(world.get(each) for each in app(world.space))


def test_a_second_one_finds_nothing_to_do(world: World) -> None:
    world.deploy(app(world.space))
    tear(world)
    assert eventually(lambda: world.get(namespace(world.space)) is None)
    plan, events = tear(world)
    assert (plan.pending, events) == ((), [])


def test_what_somebody_deleted_already_is_not_missed(world: World) -> None:
    world.deploy(app(world.space))
    world.cluster.delete(deployment(namespace=world.space).ref)
    tear(world)
    assert gone(world, app(world.space))


def test_one_that_failed_half_way_is_carried_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy(app(world.space))
    delete = world.cluster.delete

    def fails(ref: Any, *arguments: Any, **more: Any) -> bool:
        if ref.kind == "Secret":
            raise GitopsError(str(ref), "the connection was cut")
        return delete(ref, *arguments, **more)

    monkeypatch.setattr(world.cluster, "delete", fails)
    with pytest.raises(GitopsError, match="the connection was cut"):
        tear(world)
    monkeypatch.setattr(world.cluster, "delete", delete)
    tear(world)
    assert gone(world, app(world.space))


@pytest.mark.parametrize("number", [1, 5])
def test_a_kind_that_went_away_a_moment_ago_is_not_missed(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    cluster = FakeCluster()
    world, widgets = World(cluster, "app"), [widget(f"one-{index}", "app") for index in range(number)]
    world.deploy([definition(), *widgets])
    served, lists = cluster.kinds(), cluster.list

    def not_served(group: str, kind: str, *rest: Any, **more: Any) -> Listing:
        if kind == "Widget":
            raise ApiError("Widget/app", "404 page not found", status=404)
        return lists(group, kind, *rest, **more)

    for each in (*widgets, definition()):
        cluster.delete(each.ref)
    monkeypatch.setattr(cluster, "kinds", lambda refresh=False: served)
    monkeypatch.setattr(cluster, "list", not_served)
    tear(world)
    assert world.cluster.get(inventory_ref("app", "prod")) is None


def test_a_volume_stays_and_so_does_its_namespace(world: World) -> None:
    world.deploy(app(world.space))
    world.cluster.apply(claim(world.space))
    plan, _ = tear(world)
    assert {str(change.ref): change.note for change in plan.changes if change.note} == {
        f"Namespace/{world.space}": "kept: it holds data"
    }
    assert gone(world, app(world.space))
    kept = world.get(claim(world.space))
    assert kept is not None
    assert "deletionTimestamp" not in kept.metadata


def test_a_volume_goes_when_that_is_asked_for(world: World) -> None:
    world.deploy(app(world.space))
    world.cluster.apply(claim(world.space))
    tear(world, delete_data=True)
    assert gone(world, [namespace(world.space)])
