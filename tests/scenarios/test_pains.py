"""What hurts users of other tools, each told as a test that shows it does not hurt here. See docs/deploy.md."""

import copy
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gitops.apply.wait import NotReady
from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import OWNER, KubeObject, ObjectRef
from gitops.pipeline import Intent
from gitops.plan.adoption import CLIENT_SIDE
from gitops.plan.fields import managers
from gitops.plan.keeping import KEPT_BY
from gitops.plan.mask import LAST_APPLIED
from gitops.plan.model import Action, Risk
from gitops.revisions import Superseded
from tests.scenarios.conftest import World
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map, definition, deployment, namespace, secret, service, widget

CANARY = "canary-7f2e91-secret"


def many(space: str, count: int) -> list[KubeObject]:
    return [config_map(f"part-{index:02}", space) for index in range(count)]


def notes(world: World, objects: list[KubeObject], **policy: Any) -> dict[str, str]:
    return {str(change.ref): f"{change.action} {change.note}" for change in world.plan(objects, **policy).changes}


# --- 1: rollback fights automation (and tests/cli/test_rollback.py)


@pytest.mark.cluster
def test_pain_01_a_rollback_brings_generated_config_maps_back(real_world: World) -> None:
    def release(number: int, image: str) -> list[KubeObject]:
        uses = [{"name": "s", "configMap": {"name": f"settings-{number}"}}]
        space = real_world.space
        return [config_map(f"settings-{number}", space), deployment(namespace=space, image=image, volumes=uses)]

    good, bad = release(1, "registry.invalid/web:1"), release(2, "registry.invalid/web:crash")
    real_world.deploy(good, "a" * 40)
    real_world.cluster.delete(good[0].ref)
    intent = Intent(earlier=lambda revision: ("the good one", good))
    with pytest.raises(NotReady, match=r"CrashLoopBackOff.*; rolled back to aaaaaaa, healthy"):
        real_world.deploy(bad, "b" * 40, intent)
    assert real_world.get(good[0]) is not None
    assert real_world.inventory().deployed
    assert real_world.inventory().history[0].revision == "a" * 40
    assert real_world.plan(good).pending == ()


# --- 2: mass deletion


def test_pain_02_an_empty_overlay_deletes_nothing(world: World) -> None:
    world.deploy(many(world.space, 4))
    with pytest.raises(GitopsError, match="the overlay is empty, and 5 objects are deployed"):
        world.deploy([], allow_prune=True)
    assert world.get(many(world.space, 4)[0]) is not None


def test_pain_02_a_deploy_deletes_no_more_than_a_number(world: World) -> None:
    world.deploy(many(world.space, 10))
    with pytest.raises(GitopsError, match="prune: 3 deletions are more than 2\n  try: --allow-prune"):
        world.deploy(many(world.space, 7), max_prune=2)
    assert all(world.get(each) for each in many(world.space, 10))
    world.deploy(many(world.space, 7), max_prune=2, allow_prune=True)
    assert world.get(many(world.space, 10)[9]) is None


def test_pain_02_a_deploy_deletes_no_more_than_a_share(world: World) -> None:
    world.deploy(many(world.space, 8))
    with pytest.raises(GitopsError, match="5 deletions of 9 objects are too large a share"):
        world.deploy(many(world.space, 3))
    assert all(world.get(each) for each in many(world.space, 8))


def test_pain_02_what_holds_data_is_deleted_only_when_confirmed_by_name(world: World) -> None:
    claim = KubeObject(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": world.space},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    )
    with pytest.raises(NotReady, match="not bound"):
        world.deploy([*many(world.space, 2), claim], timeout=0.1)
    plan = world.plan(many(world.space, 2))
    assert [(change.action, change.risk) for change in plan.pending] == [(Action.DELETE, Risk.DATA_LOSS)]
    name = f"PersistentVolumeClaim/{world.space}/data"
    with pytest.raises(GitopsError, match=f"{name}: its deletion takes data with it\n  try: --confirm {name}"):
        world.deploy(many(world.space, 2))
    assert world.get(claim) is not None
    assert world.deploy(many(world.space, 2), confirmed=frozenset({name})).count()[Action.DELETE] == 1


def test_pain_02_nothing_is_pruned_while_a_part_of_the_api_does_not_answer() -> None:
    cluster = FakeCluster()
    world = World(cluster, "app")
    group = "example.invalid"
    both = [definition(group=group), widget(namespace="app", group=group), *many("app", 3)]
    world.deploy(both)
    cluster.broken = {group}
    world.deploy([both[0], *many("app", 2)])
    assert {both[1].ref, both[-1].ref} <= world.inventory().owned
    assert world.get(both[-1]) is not None
    assert (
        notes(world, [both[0], *many("app", 2)])[str(both[-1].ref)]
        == f"skip kept: the server of {group} does not answer"
    )
    cluster.broken = set()
    gone = world.deploy([both[0], *many("app", 2)]).pending
    assert [str(change.ref) for change in gone] == ["ConfigMap/app/part-02", "Widget/app/one"]


@pytest.mark.parametrize("annotation", KEPT_BY)
def test_pain_02_what_says_that_it_is_kept_is_kept_whichever_tool_it_says_it_to(world: World, annotation: str) -> None:
    kept = config_map("kept", world.space).with_annotations({annotation: f"Validate=false, {KEPT_BY[annotation]}"})
    gone = config_map("gone", world.space).with_annotations({annotation: "other"})
    world.deploy([config_map(namespace=world.space), kept, gone])
    world.deploy([config_map(namespace=world.space)])
    assert (world.get(kept) is None, world.get(gone) is None) == (False, True)
    assert kept.ref in world.inventory().owned


@pytest.mark.parametrize("patience", [0.3, 30.0])
def test_pain_02_what_finalizers_hold_is_told_and_stays_owned_until_it_is_gone(world: World, patience: float) -> None:
    group = f"{world.space}.example.invalid"
    held = widget(namespace=world.space, group=group).with_metadata(finalizers=["example.invalid/cleans-up"])
    operator, base = deployment("operator", world.space), [definition(group=group), config_map(namespace=world.space)]
    world.deploy([*base, operator, held])
    seen: list[bool] = []

    def let_go() -> None:
        """As its operator does, while that is there."""
        while not (found := world.get(held)) or not found.metadata.get("deletionTimestamp"):
            time.sleep(0.02)
        seen.append(world.get(operator) is not None)
        if patience > 1:
            world.edit(held.ref, {"metadata": {"finalizers": None}})

    with ThreadPoolExecutor() as pool:
        controller = pool.submit(let_go)
        world.deploy(base, patience=patience)
        controller.result()
    told = [event.detail for event in world.events if event.ref == held.ref and event.status == "waiting"]
    assert seen == [True]
    assert told[0] == "is being deleted; finalizers: example.invalid/cleans-up"
    assert (world.get(held) is None) is (held.ref not in world.inventory().owned) is (patience > 1)
    assert world.get(operator) is None
    if patience < 1:
        kept = "skip kept: is being deleted already; finalizers: example.invalid/cleans-up"
        assert notes(world, base)[str(held.ref)] == kept
        world.edit(held.ref, {"metadata": {"finalizers": None}})


def test_pain_02_an_object_that_two_overlays_have_is_refused_and_not_taken_back_and_forth(world: World) -> None:
    shared = config_map("shared", world.space, a="1")
    world.deploy([shared])
    other = World(world.cluster, world.space, world.server, "other")
    intent = Intent(claims=lambda: {shared.ref: "prod"})
    with pytest.raises(GitopsError, match=r"shared: is in prod too, which it belongs to"):
        other.deploy([config_map("shared", world.space, a="2")], intent=intent)
    live = world.get(shared)
    assert live is not None
    assert live.body["data"] == {"a": "1"}
    other.deploy([config_map("shared", world.space, a="2")])


def test_pain_02_an_object_of_another_system_is_taken_only_where_that_is_said(world: World) -> None:
    theirs = config_map("shared", world.space, a="1")
    world.deploy([theirs])
    annotated = theirs.with_annotations({OWNER: "billing/prod"})
    world.cluster.apply(annotated)
    changed = config_map("shared", world.space, a="2")
    with pytest.raises(GitopsError, match=r"shared: belongs to billing/prod\n  try: --take-ownership ConfigMap/"):
        world.deploy([changed])
    world.deploy([changed], take_ownership=frozenset({str(changed.ref)}))
    assert notes(world, [changed])[str(changed.ref)] == "unchanged "


def test_pain_02_an_object_that_moves_to_another_overlay_is_not_deleted(world: World) -> None:
    moved = config_map("moved", world.space)
    world.deploy([*many(world.space, 3), moved])
    plan = world.plan(many(world.space, 3), claimed={moved.ref: "security"})
    assert [change.note for change in plan.changes if change.ref == moved.ref] == ["moves to security"]
    assert plan.pending == ()


def test_pain_02_an_object_that_another_overlay_took_is_left_to_it(world: World) -> None:
    moved = config_map("moved", world.space)
    world.deploy([*many(world.space, 3), moved])
    before = world.get(moved)
    other = World(world.cluster, world.space, world.server, name="security")
    assert "taken over from shop/prod" in notes(other, [moved])[str(moved.ref)]
    other.deploy([moved])
    world.deploy(many(world.space, 3))
    after = world.get(moved)
    assert before is not None
    assert after is not None
    assert after.uid == before.uid
    assert moved.ref not in world.inventory().owned


# --- 5: slow, blind, endless waits


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        ("registry.invalid/web:crash", "failed: CrashLoopBackOff, container web, exit 1"),
        (
            "registry.invalid/web:missing",
            "failed: ErrImagePull, container web, registry.invalid/web:missing: not found",
        ),
    ],
)
@pytest.mark.cluster
def test_pain_05_a_deploy_fails_as_soon_as_failure_is_certain(world: World, image: str, problem: str) -> None:
    if world.server is None:
        pytest.skip("needs controllers")
    started = time.monotonic()
    with pytest.raises(NotReady) as caught:
        world.deploy([deployment(namespace=world.space, image=image)], timeout=100)
    assert caught.value.problem == problem
    assert time.monotonic() - started < 50
    assert world.inventory().history[0].result == "failed"


@pytest.mark.cluster
def test_pain_05_an_old_pod_that_fails_does_not_fail_the_fix(world: World) -> None:
    if world.server is None:
        pytest.skip("needs controllers")
    with pytest.raises(NotReady):
        world.deploy([deployment(namespace=world.space, image="registry.invalid/web:crash")])
    world.deploy([deployment(namespace=world.space, image="registry.invalid/web:2")])
    assert world.inventory().history[0].result == "deployed"


def test_pain_05_a_crashed_containers_last_log_lines_are_shown() -> None:
    cluster = FakeCluster()
    cluster.controlled = False
    world = World(cluster, "app")
    broken = deployment()
    pod_log = "starting\njava.sql.SQLException: no route to host 10.0.3.7:5432\n"

    def fail() -> None:
        ref = broken.ref
        while cluster.get(ref) is None:
            time.sleep(0.01)
        owner = cluster.get(ref)
        assert owner is not None
        revision = {"deployment.kubernetes.io/revision": "1"}
        cluster.update(ref, {"metadata": {"annotations": revision}}, manager="kube-controller-manager")
        cluster.set_status(ref, observedGeneration=1)
        cluster.create(_owned("apps/v1", "ReplicaSet", "web-1", owner, annotations=revision, spec={}))
        replica_set = cluster.get(ObjectRef("apps", "ReplicaSet", "app", "web-1"))
        assert replica_set is not None
        from tests.support.kubelet import pod_status

        cluster.create(_owned("v1", "Pod", "web-1-a", replica_set, status=pod_status("web:crash")))
        cluster.pod_logs["web-1-a", "web"] = pod_log

    import threading

    thread = threading.Thread(target=fail)
    thread.start()
    with pytest.raises(NotReady) as caught:
        world.deploy([broken])
    thread.join()
    assert str(caught.value).splitlines() == [
        "Deployment/app/web: failed: CrashLoopBackOff, container web, exit 1",
        "  | starting",
        "  | java.sql.SQLException: no route to host 10.0.3.7:5432",
        "  try: kubectl -n app describe deployment web",
    ]


def _owned(api_version: str, kind: str, name: str, owner: KubeObject, **more: Any) -> KubeObject:
    metadata = {"name": name, "namespace": "app", "ownerReferences": [{"uid": owner.uid, "kind": owner.kind}]}
    metadata |= {"annotations": more.pop("annotations", {})}
    return KubeObject({"apiVersion": api_version, "kind": kind, "metadata": metadata, **more})


def test_pain_05_a_wait_always_ends(world: World) -> None:
    never = service("lb", world.space)
    never = KubeObject({**never.body, "spec": {**never.body["spec"], "type": "LoadBalancer"}})
    with pytest.raises(NotReady, match=r"Service/.*/lb: is not ready after 1 s: no address yet"):
        world.deploy([never], timeout=1)


def test_pain_05_a_wait_ends_when_a_newer_commit_has_come() -> None:
    cluster = FakeCluster()
    cluster.controlled = False
    world = World(cluster, "app")
    older, newer = "a" * 40, "b" * 40
    asked: list[float] = []

    def come() -> str:
        asked.append(time.monotonic())
        return newer if len(asked) > 2 else ""

    intent = Intent(newer=come, earlier=lambda _: pytest.fail("a release that is superseded is not rolled back"))
    world.deploy([config_map("goes")])
    with pytest.raises(Superseded) as caught:
        world.deploy([deployment(), config_map("stays")], older, intent, timeout=50)
    assert str(caught.value) == (
        "prod: superseded: bbbbbbb is there, and changes it; aaaaaaa is not waited for\n"
        "  try: deploy bbbbbbb; what was applied stays until then"
    )
    assert len(asked) == 3
    assert world.inventory().history[0].result == "superseded"
    assert world.get(config_map("goes")) is not None, "nothing is deleted before a release is ready"
    cluster.controlled = True
    world.deploy([deployment(image="web:2"), config_map("stays")], newer)
    assert world.get(config_map("goes")) is None
    assert [entry.result for entry in world.inventory().history] == ["deployed", "superseded", "deployed"]


# --- 6: generated ConfigMaps that old pods still need


@pytest.mark.cluster
def test_pain_06_a_generated_config_map_stays_while_a_replica_set_uses_it(world: World) -> None:
    if world.server is None:
        pytest.skip("needs controllers")
    old, new = config_map("settings-1", world.space), config_map("settings-2", world.space)
    uses = [{"name": "s", "configMap": {"name": "settings-1"}}]
    world.deploy([old, *many(world.space, 3), deployment(namespace=world.space, volumes=uses)])
    uses = [{"name": "s", "configMap": {"name": "settings-2"}}]
    second = [new, *many(world.space, 3), deployment(namespace=world.space, volumes=uses)]
    world.deploy(second)
    assert world.get(old) is not None
    assert old.ref in world.inventory().owned
    kept = notes(world, second)[str(old.ref)]
    assert kept.startswith("skip kept: ReplicaSet/web-")
    assert kept.endswith("still uses it")
    assert world.plan(second).pending == ()
    for each in world.cluster.list("apps", "ReplicaSet", world.space).objects:
        if "settings-1" in str(each.body):
            world.cluster.delete(each.ref)
    deadline = time.monotonic() + 20
    while not world.plan(second).pending and time.monotonic() < deadline:
        time.sleep(0.2)
    world.deploy(second)
    assert world.get(old) is None


@pytest.mark.parametrize(("api_version", "kind"), [("apps/v1", "ControllerRevision"), ("v1", "Pod")])
def test_pain_06_a_generated_config_map_stays_while_an_old_revision_or_a_pod_uses_it(
    api_version: str, kind: str
) -> None:
    world = World(FakeCluster(), "app")
    old = config_map("settings-1", "app")
    world.deploy([old, *many("app", 3)])
    pod = {"containers": [], "volumes": [{"name": "s", "configMap": {"name": "settings-1"}}]}
    content = {"data": {"spec": {"template": {"spec": pod}}}} if kind == "ControllerRevision" else {"spec": pod}
    metadata = {"name": "web-1", "namespace": "app"}
    user = world.cluster.create(KubeObject({"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}))
    world.deploy(many("app", 3))
    assert world.get(old) is not None
    assert notes(world, many("app", 3))[str(old.ref)] == f"skip kept: {kind}/web-1 still uses it"
    world.cluster.delete(user.ref)
    world.deploy(many("app", 3))
    assert world.get(old) is None


def test_pain_06_a_generated_config_map_stays_until_a_job_that_uses_it_is_over() -> None:
    cluster = FakeCluster()
    world = World(cluster, "app")
    old = config_map("settings-1", "app")
    world.deploy([old, *many("app", 3)])
    pod = {"containers": [], "volumes": [{"name": "s", "configMap": {"name": "settings-1"}}]}
    spec = {"suspend": True, "template": {"spec": pod}}
    metadata = {"name": "once", "namespace": "app"}
    job = cluster.create(KubeObject({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}))
    assert notes(world, many("app", 3))[str(old.ref)] == "skip kept: Job/once still uses it"
    cluster.set_status(job.ref, conditions=[{"type": "Complete", "status": "True"}])
    assert notes(world, many("app", 3))[str(old.ref)].startswith("delete")


# --- 7: throttling and discovery


@pytest.mark.cluster
def test_pain_07_what_the_cluster_serves_is_asked_with_two_requests(world: World) -> None:
    if world.server is None:
        pytest.skip("counts requests of the real client")
    asked: list[str] = []
    cluster = KubernetesCluster(world.server.connection())
    send = cluster._send

    def counting(method: str, path: str, *arguments: Any, **options: Any) -> bytes:
        asked.append(f"{method} {path}")
        return send(method, path, *arguments, **options)

    cluster._send = counting  # type: ignore[method-assign]
    World(cluster, world.space, world.server).deploy(many(world.space, 2))
    World(cluster, world.space, world.server).deploy(many(world.space, 2))
    assert [each for each in asked if each in ("GET /api", "GET /apis")] == ["GET /api", "GET /apis"]
    assert not [each for each in asked if "openapi" in each]


@pytest.mark.cluster
def test_pain_07_a_later_run_does_not_ask_what_the_cluster_serves_unless_it_may_delete(
    world: World, tmp_path: Path
) -> None:
    if world.server is None:
        pytest.skip("counts requests of the real client")
    asked: list[str] = []

    def fresh() -> World:
        assert world.server is not None
        cluster = KubernetesCluster(world.server.connection(), cache=tmp_path)
        send = cluster._send

        def counting(method: str, path: str, *arguments: Any, **options: Any) -> bytes:
            asked.append(path)
            return send(method, path, *arguments, **options)

        cluster._send = counting  # type: ignore[method-assign]
        return World(cluster, world.space, world.server)

    fresh().deploy(many(world.space, 3))
    assert {"/api", "/apis"} <= set(asked)
    asked.clear()
    assert fresh().plan(many(world.space, 3)).pending == ()
    assert asked
    assert not {"/api", "/apis"} & set(asked)
    assert len(fresh().plan(many(world.space, 2)).pending) == 1
    assert {"/api", "/apis"} <= set(asked)


# --- 10 and 11: order, and plans of what is not there yet


def test_pain_10_a_definition_its_object_and_their_namespace_come_in_any_order_at_once(world: World) -> None:
    group = f"{world.space}.example.invalid"
    given = [widget(namespace=world.space, group=group), config_map(namespace=world.space), definition(group=group)]
    world.deploy(given)
    created = [event.ref.kind for event in world.events if event.ref and event.status == "created"]
    assert created == ["Namespace", "CustomResourceDefinition", "ConfigMap", "Widget"]


def test_pain_11_objects_of_a_new_namespace_and_kind_are_planned(world: World) -> None:
    group = f"{world.space}.example.invalid"
    given = [definition(group=group), widget(namespace=world.space, group=group), config_map(namespace=world.space)]
    plan = world.plan(given)
    assert {change.action for change in plan.changes} == {Action.CREATE}
    assert len(plan.changes) == 4
    assert world.get(given[0]) is None


@pytest.mark.cluster
def test_pain_11_what_the_server_refuses_in_a_new_namespace_is_known_before_anything_is_written(
    real_world: World,
) -> None:
    wrong = deployment(namespace=real_world.space, replcas=1)
    wrong_port = deployment("other", real_world.space)
    wrong_port.body["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"port": "53"}}
    with pytest.raises(GitopsError) as caught:
        real_world.deploy([config_map(namespace=real_world.space), wrong, wrong_port])
    assert 'unknown field "spec.template.spec.replcas"' in str(caught.value)
    assert f"Deployment/{real_world.space}/other: spec.template.spec.containers[0].readinessProbe" in str(caught.value)
    assert real_world.get(namespace(real_world.space)) is None


@pytest.mark.cluster
def test_pain_11_what_stands_in_the_way_elsewhere_is_no_reason_to_refuse(real_world: World) -> None:
    there = deployment(namespace="default", replicas=0)
    real_world.cluster.apply(there)
    try:
        real_world.deploy([deployment(namespace=real_world.space, replicas=0)])
    finally:
        real_world.cluster.delete(there.ref)


def test_pain_10_a_custom_object_is_held_against_a_definition_that_comes_with_it(world: World) -> None:
    group = f"{world.space}.example.invalid"
    given = [colours(group, "red"), widget(namespace=world.space, group=group, colour="red", size=3)]
    with pytest.raises(GitopsError, match=r"Widget/.*/one: spec\.size is a field that the definition does not have"):
        world.deploy(given)
    assert world.get(given[0]) is None


@pytest.mark.cluster
def test_pain_10_an_object_moves_to_a_version_with_a_field_that_the_old_one_lacks(real_world: World) -> None:
    """The server judges the fields of each manager by the version in which it wrote."""
    group, space = f"{real_world.space}.example.invalid", real_world.space
    first = colours(group, "red")
    real_world.deploy([first, widget(namespace=space, group=group, colour="red")])
    second = copy.deepcopy(dict(colours(group, "red", new="string", old="string").body["spec"]["versions"][0]))
    second["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["old"]["default"] = "y"
    versions = [{**first.body["spec"]["versions"][0], "storage": False}, {**second, "name": "v2"}]
    moved = widget(namespace=space, group=group, colour="red", new="x")
    given = [
        KubeObject({**first.body, "spec": {**first.body["spec"], "versions": versions}}),
        KubeObject({**moved.body, "apiVersion": f"{group}/v2"}),
    ]
    real_world.deploy(given)
    live = real_world.cluster.get(given[1].ref, "v2")
    assert live is not None
    assert live.body["spec"] == {"colour": "red", "new": "x", "old": "y"}
    assert [(name, how) for name, how, _ in managers(live)] == [("gitops", "Apply")]
    assert real_world.plan(given).pending == ()


def test_pain_10_a_definition_and_an_object_that_needs_its_change_come_at_once(real_world: World) -> None:
    group = f"{real_world.space}.example.invalid"
    real_world.deploy([colours(group, "red"), widget(namespace=real_world.space, group=group, colour="red")])
    given = [
        colours(group, "red", "blue", new="string"),
        widget(namespace=real_world.space, group=group, colour="blue", new="x"),
    ]
    plan = real_world.deploy(given)
    (change,) = [each for each in plan.changes if each.ref.kind == "Widget"]
    assert [(field.path, field.after) for field in change.fields] == [("spec.colour", "blue"), ("spec.new", "x")]
    assert real_world.plan(given).pending == ()
    with pytest.raises(GitopsError, match=r"spec\.colour is none of red"):
        real_world.deploy([colours(group, "red"), given[1]])
    assert real_world.plan(given).pending == ()


def test_pain_10_an_object_in_a_new_version_of_its_kind_is_an_update(real_world: World) -> None:
    group = f"{real_world.space}.example.invalid"
    before = colours(group, "red")
    real_world.deploy([before, widget(namespace=real_world.space, group=group, colour="red")])
    after = KubeObject(copy.deepcopy(dict(before.body)))
    after.body["spec"]["versions"].append({**after.body["spec"]["versions"][0], "name": "v2", "storage": False})
    moved = widget(namespace=real_world.space, group=group, colour="red")
    given = [after, KubeObject({**moved.body, "apiVersion": f"{group}/v2"})]
    plan = real_world.deploy(given)
    assert {change.action for change in plan.pending} == {Action.UPDATE}
    assert len(plan.pending) == 2
    assert real_world.plan(given).pending == ()


def colours(group: str, *names: str, **more: str) -> KubeObject:
    """A definition of Widgets that have one of some colours, and fields of some types."""
    made = definition(group=group)
    properties = {"colour": {"type": "string", "enum": list(names)}} | {
        key: {"type": kind} for key, kind in more.items()
    }
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    made.body["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema
    return made


# --- 13: noise


def test_pain_13_a_second_deploy_plans_nothing_whatever_the_server_fills_in(world: World) -> None:
    group = f"{world.space}.example.invalid"
    given = [
        deployment(namespace=world.space),
        deployment("other", world.space, hostNetwork=False),
        service(namespace=world.space),
        config_map(namespace=world.space),
        secret(namespace=world.space, password="hunter22"),
        definition(group=group),
        widget(namespace=world.space, group=group, cpu="1000m", items=[{"a": 1}], none={}),
    ]
    world.deploy(given)
    plan = world.deploy(given)
    assert [str(change.ref) for change in plan.pending] == []


def test_pain_13_a_field_that_somebody_else_added_is_no_difference(world: World) -> None:
    given = [config_map(namespace=world.space, a="1")]
    world.deploy(given)
    world.edit(given[0].ref, {"data": {"theirs": "2"}})
    assert world.plan(given).pending == ()


def test_pain_13_a_field_that_the_overlay_lets_go_of_is_named(real_world: World) -> None:
    headless = service(namespace=real_world.space)
    headless.body["spec"]["clusterIP"] = "None"
    real_world.deploy([headless])
    plan = real_world.plan([service(namespace=real_world.space)])
    assert [change.note for change in plan.pending] == ["leaves spec.clusterIP as it is"]


def test_pain_13_what_others_write_anew_at_each_try_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook that takes our value for another one, so that no deploy is proved to change nothing, and one that
    writes the time."""
    cluster = FakeCluster()
    world, given = World(cluster, "app"), config_map(namespace="app", a="1")
    world.deploy([given])
    preview, times = cluster.preview, itertools.count()

    def tried(desired: KubeObject, force: bool = False) -> KubeObject:
        merged = preview(desired, force)
        if desired.kind != "ConfigMap":
            return merged
        data = {**merged.body["data"], "a": "mutated"}
        noted = {**merged.annotations, "example.invalid/time": str(next(times))}
        return KubeObject({**merged.with_metadata(annotations=noted).body, "data": data})

    monkeypatch.setattr(cluster, "preview", tried)
    cluster.objects[given.ref]["data"]["a"] = "mutated"
    assert world.plan([given]).pending == ()
    (change,) = world.plan([config_map(namespace="app", a="1", b="2")]).pending
    assert "data.b" in [field.path for field in change.fields]


# --- 14: immutable fields


def test_pain_14_an_immutable_field_is_a_replacement_that_must_be_allowed(world: World) -> None:
    first = deployment(namespace=world.space)
    world.deploy([first])
    labels = {"matchLabels": {"app": "web", "tier": "x"}}
    template = {**first.body["spec"]["template"], "metadata": {"labels": {"app": "web", "tier": "x"}}}
    spec = {**first.body["spec"], "selector": labels, "template": template}
    second = KubeObject({**first.body, "spec": spec})
    plan = world.plan([second])
    assert [(change.action, change.risk) for change in plan.pending] == [(Action.REPLACE, Risk.REPLACE)]
    with pytest.raises(GitopsError, match=f"Deployment/{world.space}/web: must be deleted and created again"):
        world.deploy([second])
    live = world.get(first)
    assert live is not None
    assert live.body["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    world.deploy([second.with_annotations({"gitops/allow-replace": "true"})])
    new = world.get(first)
    assert new is not None
    assert new.uid != live.uid
    assert new.body["spec"]["selector"] == labels


@pytest.mark.cluster
def test_pain_14_what_holds_data_is_never_replaced(real_world: World) -> None:
    template = deployment(namespace=real_world.space).body["spec"]["template"]
    spec = {"serviceName": "web", "replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    metadata = {"name": "web", "namespace": real_world.space, "annotations": {"gitops/allow-replace": "true"}}
    first = KubeObject({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec})
    real_world.deploy([first])
    before = real_world.get(first)
    second = KubeObject({**first.body, "spec": {**spec, "serviceName": "other"}})
    assert [(change.action, change.risk) for change in real_world.plan([second]).pending] == [
        (Action.REPLACE, Risk.DATA_LOSS)
    ]
    name = f"StatefulSet/{real_world.space}/web"
    with pytest.raises(GitopsError, match=f"^{name}: "):
        real_world.deploy([second])
    after = real_world.get(first)
    assert before is not None
    assert after is not None
    assert after.uid == before.uid


# --- 15: an older build overwrites a newer one


def test_pain_15_an_older_revision_stops_as_superseded_and_writes_nothing(world: World) -> None:
    older, newer = "a" * 40, "b" * 40
    intent = Intent(is_older=lambda ours, deployed: (ours, deployed) == (older, newer))
    world.deploy([config_map(namespace=world.space, v="2")], newer, intent)
    before = world.inventory()
    with pytest.raises(Superseded, match="superseded: bbbbbbb was deployed here, and is newer than aaaaaaa"):
        world.deploy([config_map(namespace=world.space, v="1")], older, intent)
    found = world.get(config_map(namespace=world.space))
    assert found is not None
    assert found.body["data"] == {"v": "2"}
    assert world.inventory().resource_version == before.resource_version


# --- 18: huge objects


def test_pain_18_an_object_too_large_for_an_annotation_is_applied(world: World) -> None:
    huge = config_map("huge", world.space, text="x" * 900_000)
    world.deploy([huge])
    found = world.get(huge)
    assert found is not None
    assert LAST_APPLIED not in found.annotations
    assert world.deploy([huge]).pending == ()


# --- 19: secrets in output


def test_pain_19_a_changed_secret_is_seen_as_changed_and_not_seen(world: World) -> None:
    world.deploy([secret(namespace=world.space, password=CANARY, same="stays-the-same")])
    plan = world.plan([secret(namespace=world.space, password=f"{CANARY}-2", same="stays-the-same")])
    (change,) = plan.pending
    (field,) = change.fields
    assert field.path == "data.password"
    assert field.before.startswith("*** (")
    assert field.after.startswith("*** (")
    assert field.before != field.after


def test_pain_19_a_secrets_value_is_hidden_wherever_it_turns_up(world: World) -> None:
    env = [{"name": "URL", "value": f"postgres://app:{CANARY}@db"}]
    first = [secret(namespace=world.space, password=CANARY), config_map(namespace=world.space, url="none")]
    world.deploy(first)
    container = {"name": "web", "image": "registry.invalid/web:1", "env": env}
    second = [
        first[0],
        config_map(namespace=world.space, url=f"postgres://app:{CANARY}@db"),
        deployment(namespace=world.space, containers=[container]),
    ]
    world.deploy(second)
    third = [first[0], config_map(namespace=world.space, url="none"), deployment(namespace=world.space)]
    plan = world.plan(third)
    shown = str([(change.fields, change.note) for change in plan.changes])
    assert "postgres://app:*** (" in shown
    assert CANARY not in shown


# --- 20: leftovers of client-side apply


@pytest.mark.parametrize("tool", ["kubectl", "kustomize-controller", "argocd-controller", "pulumi-kubernetes-1a2b"])
@pytest.mark.parametrize("differs", [True, False])
def test_pain_20_what_is_taken_over_from_another_tool_leaves_nothing_of_it(
    world: World, tool: str, differs: bool
) -> None:
    world.deploy([config_map("base", world.space)])
    desired = config_map(namespace=world.space, kept="2" if differs else "1")
    theirs = config_map(namespace=world.space, kept="1", dropped="1").with_annotations({f"{tool}.example/x": "1"})
    world.cluster.apply(theirs, manager=tool)
    world.cluster.apply(config_map(namespace=world.space, other="1"), manager="a-controller")
    if differs:
        with pytest.raises(GitopsError, match=rf"{tool} owns \.data\.kept"):
            world.deploy([desired])
    plan = world.deploy([desired], take_ownership=frozenset({str(desired.ref)}))
    (change,) = [each for each in plan.changes if each.ref == desired.ref]
    assert f"adopts the fields of {tool}" in change.note
    assert {field.path for field in change.fields} >= {"data.dropped", f"metadata.annotations[{tool}.example/x]"}
    found = world.get(desired)
    assert found is not None
    assert found.body["data"] == {**desired.body["data"], "other": "1"}
    assert {name for name, _, _ in managers(found)} == {"gitops", "a-controller"}
    assert world.plan([desired]).pending == ()


def test_pain_20_a_field_that_kubectl_applied_and_we_lack_goes_away(world: World) -> None:
    world.deploy([config_map("other", world.space)])
    world.client_side_apply(config_map(namespace=world.space, a="1", b="2"))
    wanted = [config_map("other", world.space), config_map(namespace=world.space, a="3")]
    plan = world.plan(wanted)
    (change,) = plan.pending
    assert change.adopts == ("kubectl-client-side-apply",)
    assert ("data.b", "2", None) in [(field.path, field.before, field.after) for field in change.fields]
    assert plan.refusals == ()
    world.deploy(wanted)
    found = world.get(wanted[1])
    assert found is not None
    assert found.body["data"] == {"a": "3"}
    assert LAST_APPLIED not in found.annotations
    assert not {name for name, _, _ in managers(found)} & set(CLIENT_SIDE)
    assert world.plan(wanted).pending == ()


@pytest.mark.kubectl
@pytest.mark.parametrize("how", [["create"], ["apply"], ["apply", "--server-side"]])
def test_pain_20_what_is_taken_over_unchanged_is_not_restarted(real_world: World, how: list[str]) -> None:
    real_world.deploy([config_map(namespace=real_world.space)])
    given = [
        config_map(namespace=real_world.space),
        deployment(namespace=real_world.space),
        service(namespace=real_world.space),
    ]
    for each in given[1:]:
        real_world.kubectl(*how, "-f", "-", body=each)
    before = real_world.get(given[1])
    plan = real_world.deploy(given)
    assert {change.risk for change in plan.changes} == {Risk.NONE}
    paths = {field.path for change in plan.changes for field in change.fields}
    assert paths
    assert all(path.startswith("metadata.annotations") for path in paths)
    after = real_world.get(given[1])
    assert before
    assert after
    assert before.body["spec"] == after.body["spec"]
    assert real_world.plan(given).pending == ()


def test_pain_20_an_edit_by_hand_is_a_conflict_that_names_who_and_what(world: World) -> None:
    given = [config_map(namespace=world.space, a="1")]
    world.deploy(given)
    world.edit(given[0].ref, {"data": {"a": "2"}})
    name = f"ConfigMap/{world.space}/settings"
    with pytest.raises(GitopsError) as caught:
        world.deploy(given)
    assert str(caught.value).splitlines() == [
        f"{name}: kubectl-edit owns .data.a",
        f"  try: --take-ownership {name}, or leave the field out of the overlay",
    ]
    world.deploy(given, take_ownership=frozenset({name}))
    found = world.get(given[0])
    assert found is not None
    assert found.body["data"] == {"a": "1"}


# --- 21: autoscalers and replicas


def autoscaler(space: str) -> KubeObject:
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 9,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    }
    return KubeObject(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": space},
            "spec": spec,
        }
    )


def replicas(world: World) -> int:
    found = world.get(deployment(namespace=world.space))
    assert found is not None
    return int(found.body["spec"]["replicas"])


def test_pain_21_replicas_are_handed_to_an_autoscaler_without_a_dip(world: World) -> None:
    plain = deployment(namespace=world.space, replicas=3)
    world.deploy([plain])
    before = world.cluster.list("apps", "Deployment", world.space).resource_version
    plan = world.deploy([plain, autoscaler(world.space)])
    (change,) = [change for change in plan.pending if change.ref == plain.ref]
    assert (change.fields, change.note) == ((), "leaves its 3 replicas to the autoscaler")
    events = world.cluster.watch("apps", "Deployment", world.space, before, 1)
    assert {event.object.body["spec"]["replicas"] for event in events if event.type == "MODIFIED"} == {3}
    assert world.plan([plain, autoscaler(world.space)]).pending == ()


def test_pain_21_what_the_autoscaler_set_is_left_alone(world: World) -> None:
    both = [deployment(namespace=world.space, replicas=3), autoscaler(world.space)]
    world.deploy(both)
    assert replicas(world) == 3
    world.edit(both[0].ref, {"spec": {"replicas": 7}})
    assert world.plan(both).pending == ()
    world.deploy([deployment(namespace=world.space, replicas=3, image="registry.invalid/web:2"), both[1]])
    assert replicas(world) == 7


def test_pain_21_an_autoscaler_that_is_only_in_the_cluster_counts_too(world: World) -> None:
    world.deploy([config_map(namespace=world.space)])
    world.cluster.apply(autoscaler(world.space), manager="somebody")
    given = [config_map(namespace=world.space), deployment(namespace=world.space, replicas=3)]
    world.deploy(given)
    world.edit(given[1].ref, {"spec": {"replicas": 5}})
    assert world.plan(given).pending == ()


def test_pain_21_a_scaled_object_counts_as_an_autoscaler(world: World) -> None:
    group = "keda.sh"
    spec = {"scaleTargetRef": {"name": "web"}, "minReplicaCount": 2}
    scaled = KubeObject(
        {
            "apiVersion": f"{group}/v1",
            "kind": "ScaledObject",
            "metadata": {"name": "web", "namespace": world.space},
            "spec": spec,
        }
    )
    given = [definition("ScaledObject", group), scaled, deployment(namespace=world.space, replicas=3)]
    world.deploy(given)
    assert replicas(world) == 3
    world.edit(given[2].ref, {"spec": {"replicas": 6}})
    assert world.plan(given).pending == ()
