"""Reads that are answered with what was true earlier: nothing is deleted, left out or called deployed by them."""

import os
import random
from typing import Any

import pytest

from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef
from gitops.pipeline import Intent, compare_released, deploy_released
from gitops.plan.model import Action, Plan
from gitops.revisions import Superseded
from gitops.teardown import tear_down
from tests.scenarios.conftest import World
from tests.support.kube_objects import config_map, deployment, namespace, secret, service
from tests.support.stale_cluster import BehindCluster, StaleCluster

SEEDS = int(os.environ.get("GITOPS_STALE_SEEDS", "20"))
DEPLOYS, TRIES = 8, 12
RATE = 0.3
"""Share of the reads that are answered with something older."""
SPACE = "app"


def some(choice: random.Random) -> list[KubeObject]:
    """What a deploy has: a few kinds that are listed, and some that are read one by one."""
    maps = [config_map(f"part-{index}", SPACE, v=str(choice.randrange(2))) for index in range(6)]
    few = [
        secret(namespace=SPACE, password=f"hunter{choice.randrange(2)}"),
        service(namespace=SPACE),
        deployment(namespace=SPACE, image=f"registry.invalid/web:{choice.randrange(2)}"),
    ]
    return choice.sample(maps, choice.randrange(2, 7)) + choice.sample(few, choice.randrange(1, 4))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_deploys_on_stale_reads_end_as_they_should(seed: int) -> None:
    cluster, choice = StaleCluster(seed, RATE), random.Random(seed)
    world = World(cluster, SPACE)
    for _ in range(DEPLOYS):
        objects = some(choice)
        deploy_until_done(world, objects)
        found = {ref for ref in cluster.objects if ref.namespace == SPACE and ref.kind != "Lease"}
        events = {ref for ref in found if ref.kind == "Event"}
        assert found - events == {each.ref for each in objects} | {ObjectRef("", "ConfigMap", SPACE, "gitops-prod")}
        cluster.rate = 0.0
        assert world.plan(objects).pending == ()
        assert world.inventory().owned == {each.ref for each in objects} | {namespace(SPACE).ref}
        cluster.rate = RATE


def deploy_until_done(world: World, objects: list[KubeObject]) -> None:
    """A stale read of the inventory may end a deploy; the next goes on from there."""
    for attempt in range(TRIES):
        try:
            world.deploy(objects, allow_prune=True)
            return
        except GitopsError:
            if attempt == TRIES - 1:
                raise


@pytest.fixture
def cluster() -> BehindCluster:
    return BehindCluster()


def test_an_object_that_was_deleted_since_is_made_again(cluster: BehindCluster) -> None:
    world, objects = World(cluster, SPACE), [secret(namespace=SPACE, password="hunter22")]
    world.deploy(objects)
    before = cluster.moment()
    cluster.delete(objects[0].ref)
    cluster.answer_from(before, "Secret", times=2)
    assert [change.action for change in world.deploy(objects).pending] == [Action.CREATE]
    assert cluster.has_answered
    assert world.get(objects[0])


def test_what_an_earlier_inventory_says_decides_nothing(cluster: BehindCluster) -> None:
    world = World(cluster, SPACE)
    world.deploy([config_map("old", SPACE)], "a" * 40)
    before = cluster.moment()
    world.deploy([config_map("new", SPACE)], "b" * 40)
    # Once for the token of the Lease, and once to be asked again.
    cluster.answer_from(before, "ConfigMap", times=2)
    with pytest.raises(Superseded, match="bbbbbbb was deployed here"):
        world.deploy([config_map("old", SPACE)], "a" * 40, Intent(is_older=lambda ours, last: ours < last))
    assert cluster.has_answered


def test_a_config_map_that_came_into_use_since_is_kept(cluster: BehindCluster) -> None:
    world, objects = World(cluster, SPACE), [config_map("stays", SPACE), config_map("settings-1", SPACE)]
    world.deploy(objects)
    before = cluster.moment()
    volume = {"name": "settings", "configMap": {"name": "settings-1"}}
    spec = deployment(namespace=SPACE, volumes=[volume]).body["spec"]
    metadata = {"name": "web-1", "namespace": SPACE}
    cluster.create(KubeObject({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}))
    cluster.answer_from(before, "ReplicaSet", times=2)
    world.deploy(objects[:1])
    assert cluster.has_answered
    assert world.get(objects[1])


def test_a_namespace_that_somebody_made_since_is_not_ours(cluster: BehindCluster) -> None:
    before = cluster.moment()
    cluster.create(namespace(SPACE))
    cluster.answer_from(before, "Namespace", times=2)
    world = World(cluster, SPACE)
    world.deploy([config_map(namespace=SPACE)])
    assert world.inventory().owned == {config_map(namespace=SPACE).ref}


def test_a_volume_that_was_claimed_since_keeps_its_namespace(cluster: BehindCluster) -> None:
    world = World(cluster, SPACE)
    world.deploy([config_map(namespace=SPACE)])
    before = cluster.moment()
    metadata: dict[str, Any] = {"name": "data", "namespace": SPACE}
    claim = KubeObject({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {}})
    cluster.create(claim)
    cluster.answer_from(before, "PersistentVolumeClaim", times=2)
    for _ in tear_down(world.release(), world.target()):
        pass
    assert cluster.has_answered
    assert world.get(claim)


def test_a_fix_of_drift_does_not_bring_back_what_was_superseded_meanwhile(cluster: BehindCluster) -> None:
    world = World(cluster, SPACE)
    world.deploy([config_map(namespace=SPACE, v="1")])
    compared = compare_released(world.release(), world.target(), lambda _: ("", [config_map(namespace=SPACE, v="1")]))
    assert isinstance(compared, Plan)
    world.deploy([config_map(namespace=SPACE, v="2")])
    with pytest.raises(Superseded, match=r"prod: superseded: \w{7} is released here by now"):
        list(deploy_released(compared, world.target(), Intent().policy))
    found = world.get(config_map(namespace=SPACE))
    assert found
    assert found.body["data"] == {"v": "2"}
