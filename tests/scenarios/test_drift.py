"""Drift: what differs from the released revision, who changed it, and what is none."""

from gitops.objects import KubeObject
from gitops.pipeline import compare_released
from gitops.plan.drift import Drift, drifts
from tests.scenarios.conftest import World
from tests.support.kube_objects import config_map, deployment


def drift_of(world: World, objects: list[KubeObject]) -> tuple[Drift, ...]:
    plan = compare_released(world.release(), world.target(), lambda revision: ("a title", objects))
    assert plan is not None
    return drifts(plan)


def test_nothing_drifts_after_a_deploy(world: World) -> None:
    objects = [config_map(namespace=world.space), deployment(namespace=world.space)]
    assert compare_released(world.release(), world.target(), lambda revision: ("", objects)) is None
    world.deploy(objects)
    assert drift_of(world, objects) == ()


def test_a_changed_field_names_who_changed_it(world: World) -> None:
    objects = [config_map(namespace=world.space, a="1", b="1")]
    world.deploy(objects)
    world.edit(objects[0].ref, {"data": {"a": "2"}})
    (found,) = drift_of(world, objects)
    assert (found.ref, found.path, found.released, found.live) == (objects[0].ref, "data.a", "1", "2")
    assert found.manager == "kubectl-edit"
    assert found.since


def test_a_deleted_object_drifts(world: World) -> None:
    objects = [config_map(namespace=world.space), config_map("other", world.space)]
    world.deploy(objects)
    world.cluster.delete(objects[1].ref)
    assert [(drift.ref.name, drift.path, drift.live) for drift in drift_of(world, objects)] == [
        ("other", "", "deleted")
    ]


def test_what_others_add_is_no_drift(world: World) -> None:
    objects = [config_map(namespace=world.space, a="1")]
    world.deploy(objects)
    world.edit(objects[0].ref, {"data": {"theirs": "2"}})
    assert drift_of(world, objects) == ()
