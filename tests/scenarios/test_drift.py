"""Drift: what differs from the released revision, who changed it, and what is none."""

import time
from datetime import UTC, datetime
from functools import partial

import pytest

from gitops.clients.cluster import Invalid
from gitops.live import scaled_at
from gitops.objects import KubeObject
from gitops.pipeline import compare_released
from gitops.plan.drift import Drift, dated, drifts
from tests.scenarios.conftest import World
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map, deployment, secret, service


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


@pytest.mark.cluster
@pytest.mark.kubectl
def test_what_was_made_anew_with_another_immutable_field_drifts(real_world: World) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "web", "image": "registry.invalid/x:done"}]}}
    metadata = {"name": "migrate", "namespace": real_world.space}
    job = KubeObject({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}})
    real_world.deploy([job])
    real_world.cluster.delete(job.ref)
    container = {"name": "web", "image": "registry.invalid/hand:done"}
    theirs = {"template": {"spec": {**template["spec"], "containers": [container]}}}
    assert real_world.server
    eventually_gone = time.monotonic() + 20
    while real_world.get(job) and time.monotonic() < eventually_gone:
        time.sleep(0.1)
    real_world.kubectl("create", "-f", "-", body=KubeObject({**job.body, "spec": theirs}))
    found = drift_of(real_world, [job])
    assert [(each.path, each.released, each.live, each.manager) for each in found] == [
        (
            "spec.template.spec.containers[web].image",
            "registry.invalid/x:done",
            "registry.invalid/hand:done",
            "kubectl-create",
        )
    ]


def test_what_a_controller_adds_is_no_drift(world: World) -> None:
    objects = [config_map(namespace=world.space, a="1")]
    world.deploy(objects)
    world.cluster.apply(config_map(namespace=world.space, theirs="2"), manager="a-controller")
    assert drift_of(world, objects) == ()


def test_what_a_person_added_is_drift_and_a_fix_takes_it_away(world: World) -> None:
    objects = [config_map(namespace=world.space, a="1"), config_map("other", world.space)]
    world.deploy(objects)
    world.edit(objects[0].ref, {"data": {"theirs": "2"}})
    (found,) = drift_of(world, objects)
    assert (found.path, found.released, found.live, found.manager) == ("data.theirs", None, "2", "kubectl-edit")
    assert world.plan(objects).pending == ()
    name = frozenset({str(objects[0].ref)})
    world.deploy(objects, undo=name, take_ownership=name)
    live = world.get(objects[0])
    assert live is not None
    assert live.body["data"] == {"a": "1"}
    assert drift_of(world, objects) == ()
    assert world.deploy(objects).pending == ()


def test_a_fix_goes_on_while_a_controller_writes_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    world, objects = World(cluster, "app"), [deployment(namespace="app")]
    world.deploy(objects)
    world.edit(objects[0].ref, {"metadata": {"labels": {"team": "shop"}}, "spec": {"replicas": 5}})
    preview_update, counts = cluster.preview_update, iter(range(7, 10))

    def overtaken(body: KubeObject) -> KubeObject:
        if count := next(counts, 0):
            cluster.set_status(body.ref, readyReplicas=count)
        return preview_update(body)

    monkeypatch.setattr(cluster, "preview_update", overtaken)
    name = frozenset({str(objects[0].ref)})
    world.deploy(objects, undo=name, take_ownership=name)
    assert not list(counts)
    assert drift_of(world, objects) == ()


def test_a_value_that_a_person_added_to_a_secret_is_hidden(world: World) -> None:
    objects = [secret(namespace=world.space, password="hunter22")]
    world.deploy(objects)
    world.edit(objects[0].ref, {"data": {"more": "Y2FuYXJ5LThjMWY="}})
    (found,) = drift_of(world, objects)
    assert found.path == "data.more"
    assert str(found.live).startswith("*** (")


def test_drift_is_told_though_what_was_released_would_be_refused_by_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = [config_map(namespace=world.space, a="1", b="1")]
    world.deploy(objects)
    world.edit(objects[0].ref, {"data": {"a": "2"}})

    def refuse(desired: KubeObject, force: bool = False) -> KubeObject:
        raise Invalid(str(desired.ref), "a policy denied the request")

    for way in ("preview", "preview_update"):
        monkeypatch.setattr(world.cluster, way, refuse)
    (found,) = drift_of(world, objects)
    assert (found.path, found.released, found.live, found.manager) == ("data.a", "1", "2", "kubectl-edit")
    with pytest.raises(Invalid):
        world.plan(objects)


@pytest.mark.cluster
@pytest.mark.kubectl
def test_since_when_a_deployment_is_scaled_is_known_by_its_replica_sets(real_world: World) -> None:
    objects = [deployment(namespace=real_world.space)]
    real_world.deploy(objects)
    before = datetime.now(UTC).replace(microsecond=0)
    real_world.kubectl("-n", real_world.space, "scale", "deployment/web", "--replicas=5")
    give_up = time.monotonic() + 20
    since = ""
    while not since and time.monotonic() < give_up:
        plan = compare_released(real_world.release(), real_world.target(), lambda _: ("", objects))
        assert plan is not None
        (found,) = dated(plan, drifts(plan), partial(scaled_at, real_world.cluster))
        since = found.since
    assert (found.path, found.manager) == ("spec.replicas", "kubectl")
    assert before <= datetime.fromisoformat(since) <= datetime.now(UTC)


@pytest.mark.cluster
@pytest.mark.kubectl
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("scale", "deployment/web", "--replicas=5"), ["spec.replicas kubectl"]),
        (("set", "env", "deployment/web", "DEBUG=1"), ["spec.template.spec.containers[web].env[DEBUG] kubectl-set"]),
        (("set", "image", "deployment/web", "web=registry.invalid/web:hand"),
         ["spec.template.spec.containers[web].image kubectl-set"]),
        (("label", "deployment/web", "team=shop"), ["metadata.labels.team kubectl-label"]),
        (("rollout", "restart", "deployment/web"), []),
        # What it leaves is not valid beside what was released.
        (("patch", "service", "web", "--type=json", "-p",
          '[{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]'),
         ["spec.ports[81] kubectl-patch", "spec.ports[80] kubectl-patch"]),
        # Who only takes away leaves no trace.
        (("patch", "deployment", "web", "--type=json", "-p",
          '[{"op": "remove", "path": "/spec/template/spec/containers/0/ports"}]'),
         ["spec.template.spec.containers[web].ports "]),
    ],
)  # fmt: skip
def test_every_way_of_kubectl_is_drift_and_can_be_fixed(
    real_world: World, arguments: tuple[str, ...], expected: list[str]
) -> None:
    objects = [deployment(namespace=real_world.space), service(namespace=real_world.space)]
    real_world.deploy(objects)
    real_world.kubectl("-n", real_world.space, *arguments)
    found = drift_of(real_world, objects)
    assert [f"{drift.path} {drift.manager}" for drift in found] == expected
    name = frozenset(str(drift.ref) for drift in found)
    real_world.deploy(objects, undo=name, take_ownership=name)
    assert drift_of(real_world, objects) == ()
