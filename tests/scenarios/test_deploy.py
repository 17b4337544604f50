"""The course of a deploy: what is made, in which order, what a second one does, and what is recorded."""

from typing import Any

import pytest

from gitops.apply.announce import EACH
from gitops.apply.events import Event
from gitops.clients.cluster import Listing
from gitops.errors import GitopsError, Problems
from gitops.objects import OWNER, REVISION, KubeObject, ObjectRef
from gitops.pipeline import Intent, deploy
from gitops.plan.model import Action, Plan
from gitops.plan.planner import Policy
from tests.scenarios.conftest import World
from tests.support.fake_cluster import FakeCluster
from tests.support.kube_objects import config_map, definition, deployment, namespace, secret, service, widget

REAL = pytest.mark.cluster


def app(space: str, image: str = "registry.invalid/web:1") -> list[KubeObject]:
    return [
        deployment(namespace=space, image=image),
        service(namespace=space),
        config_map(namespace=space),
        secret(namespace=space, password="hunter22"),
    ]


def actions(plan: Plan) -> list[str]:
    return [f"{change.action} {change.ref.kind}" for change in plan.pending]


def test_a_first_deploy_makes_the_namespace_too(world: World) -> None:
    plan = world.deploy(app(world.space))
    assert actions(plan)[0] == "create Namespace"
    assert all(world.get(each) for each in app(world.space))
    assert world.get(namespace(world.space)) is not None


def test_configuration_comes_before_workloads(world: World) -> None:
    world.deploy(app(world.space))
    created = [event.ref.kind for event in world.events if event.ref and event.status == "created"]
    assert created[0] == "Namespace"
    assert created[-1] == "Deployment"


def test_a_second_deploy_plans_and_writes_nothing(world: World) -> None:
    revision = "a" * 40
    world.deploy(app(world.space), revision)
    before = world.inventory()
    plan = world.deploy(app(world.space), revision)
    assert plan.pending == ()
    assert world.inventory().resource_version == before.resource_version


def test_a_new_revision_without_a_change_is_recorded_all_the_same(world: World) -> None:
    world.deploy(app(world.space), "a" * 40)
    assert world.deploy(app(world.space), "b" * 40).pending == ()
    assert [entry.revision[0] for entry in world.inventory().history] == ["b", "a"]


def test_a_dry_run_changes_nothing(world: World) -> None:
    steps = list(deploy(world.release(), app(world.space), world.target(), dry_run=True))
    assert len(steps) == 1
    assert world.get(namespace(world.space)) is None


def test_an_image_change_restarts_and_says_so(world: World) -> None:
    world.deploy(app(world.space))
    plan = world.deploy(app(world.space, "registry.invalid/web:2"))
    assert [f"{change.ref} {change.note}" for change in plan.pending] == [
        f"Deployment/{world.space}/web image 1 -> 2 · restarts 2 pods"
    ]
    assert world.events[-2].status == "ready"


def test_what_the_new_revision_lacks_is_deleted_last(world: World) -> None:
    world.deploy([*app(world.space), config_map("old", world.space)])
    plan = world.deploy(app(world.space, "registry.invalid/web:2"))
    assert actions(plan) == ["update Deployment", "delete ConfigMap"]
    said = [(event.status, event.ref.kind) for event in world.events if event.ref and event.status != "waiting"]
    assert said == [("configured", "Deployment"), ("ready", "Deployment"), ("deleted", "ConfigMap")]
    assert world.get(config_map("old", world.space)) is None
    assert config_map("old", world.space).ref not in world.inventory().owned


def test_the_cluster_tells_who_changed_what(world: World) -> None:
    world.deploy(app(world.space), "a" * 40)
    world.deploy(app(world.space, "registry.invalid/web:2"), "b" * 40)
    events = world.cluster.list("", "Event", world.space, fields={"involvedObject.name": "gitops-prod"}).objects
    said = sorted(str(event.body["message"]) for event in events)
    assert said[0] == "prod deployed: aaaaaaa a title (5 create) by a-run"
    assert said[1] == "prod deployed: bbbbbbb a title (1 update) by a-run"
    changed, left = world.get(app(world.space)[0]), world.get(app(world.space)[1])
    assert changed is not None
    assert left is not None
    assert changed.annotations[OWNER] == "shop/prod"
    assert (changed.annotations[REVISION], left.annotations[REVISION]) == ("b" * 40, "a" * 40)


def told(world: World, each: KubeObject) -> list[str]:
    wanted = {"involvedObject.name": each.name, "involvedObject.kind": each.kind}
    events = world.cluster.list("", "Event", each.namespace, fields=wanted).objects
    ours = [event.body for event in events if (event.body.get("source") or {}).get("component") == "gitops"]
    return sorted(f"{event['reason']}: {event['message']}" for event in ours)


def test_an_event_at_each_object_tells_which_revision_and_run_changed_it(world: World) -> None:
    old = config_map("old", world.space)
    world.deploy([*app(world.space), old], "a" * 40)
    world.deploy(app(world.space, "registry.invalid/web:2"), "b" * 40)
    assert told(world, app(world.space)[0]) == [
        "Configured: configured by prod bbbbbbb a title (a-run)",
        "Created: created by prod aaaaaaa a title (a-run)",
    ]
    assert told(world, config_map(namespace=world.space)) == ["Created: created by prod aaaaaaa a title (a-run)"]
    assert told(world, old)[1:] == ["Deleted: deleted by prod bbbbbbb a title (a-run)"]
    changed = world.get(app(world.space)[0])
    assert changed is not None
    events = world.cluster.list("", "Event", world.space, fields={"involvedObject.uid": changed.uid}).objects
    assert {event.body["involvedObject"]["kind"] for event in events} == {"Deployment"}


def test_a_great_many_new_objects_are_listed_in_few_events(world: World) -> None:
    given = [config_map(f"part-{index:03}", world.space) for index in range(EACH)]
    world.deploy(given, "a" * 40)
    assert told(world, given[0]) == []
    listed = [message for message in told(world, config_map("gitops-prod", world.space)) if "created by" in message]
    assert len(listed) < 10
    assert all(sum(str(each.ref) in message for message in listed) == 1 for each in given)
    assert max(map(len, listed)) < 1000
    assert listed[0].startswith("Created: created by prod aaaaaaa a title (a-run): ConfigMap/")
    found = world.get(given[0])
    assert found is not None
    assert found.annotations[REVISION] == "a" * 40


def test_a_namespace_on_a_kind_that_has_none_is_left_out(world: World) -> None:
    """As kustomize sets one on every kind that it does not know."""
    name = f"role-of-{world.space}"
    metadata = {"name": name, "namespace": world.space}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": []}
    plan = world.deploy([KubeObject(role)])
    assert f"ClusterRole/{name}" in [str(change.ref) for change in plan.pending]
    assert world.plan([KubeObject(role)]).pending == ()


def test_two_objects_that_cannot_be_are_both_named_and_nothing_is_written(world: World) -> None:
    world.deploy(app(world.space))
    bad = [
        config_map("new", world.space),
        config_map("x", "nowhere-1"),
        config_map("y", "nowhere-2"),
    ]
    with pytest.raises(Problems) as caught:
        world.deploy([*app(world.space), *bad])
    assert [problem.subject for problem in caught.value.problems] == ["ConfigMap/nowhere-1/x", "ConfigMap/nowhere-2/y"]
    assert world.get(bad[0]) is None


def test_a_dependency_is_ready_before_what_depends_on_it(world: World) -> None:
    first = config_map("first", world.space)
    needs = config_map("a-second", world.space).with_annotations({"gitops/depends-on": "ConfigMap/first"})
    world.deploy([needs, first])
    created = [event.ref.name for event in world.events if event.ref and event.status == "created"]
    assert created == [world.space, "first", "a-second"]


def test_a_cycle_of_dependencies_is_refused(world: World) -> None:
    one = config_map("one", world.space).with_annotations({"gitops/depends-on": "ConfigMap/two"})
    two = config_map("two", world.space).with_annotations({"gitops/depends-on": "ConfigMap/one"})
    with pytest.raises(GitopsError, match="depends on itself"):
        world.deploy([one, two])
    assert world.get(namespace(world.space)) is None


def test_a_key_that_is_taken_out_of_a_secret_goes_away(world: World) -> None:
    world.deploy([secret(namespace=world.space, a="aaaaaaaa", b="bbbbbbbb")])
    world.deploy([secret(namespace=world.space, a="aaaaaaaa")])
    found = world.get(secret(namespace=world.space))
    assert found is not None
    assert list(found.body["data"]) == ["a"]


def test_a_definition_and_its_objects_come_in_one_deploy_and_go_in_one(world: World) -> None:
    group = f"{world.space}.example.invalid"
    both = [widget(namespace=world.space, group=group), definition(group=group)]
    world.deploy([*both, config_map(namespace=world.space)])
    assert world.get(both[0]) is not None
    assert world.deploy([*both, config_map(namespace=world.space)]).pending == ()
    name = f"CustomResourceDefinition/widgets.{group}"
    world.deploy([config_map(namespace=world.space)], confirmed=frozenset({name}))
    left = world.get(both[1])
    assert left is None or "deletionTimestamp" in left.metadata


def test_who_stops_at_the_plan_has_changed_nothing_and_holds_no_lease(world: World) -> None:
    world.deploy(app(world.space))
    steps = deploy(world.release(), app(world.space, "registry.invalid/web:2"), world.target())
    next(steps)
    steps.close()
    lease = world.cluster.get(ObjectRef("coordination.k8s.io", "Lease", world.space, "gitops-prod"))
    assert lease is not None
    assert not lease.body["spec"]["holderIdentity"]
    assert world.deploy(app(world.space)).pending == ()


def test_a_failed_release_is_rolled_back_when_asked(world: World) -> None:
    if world.server is None:
        pytest.skip("the fake has no controllers that could fail it")
    world.deploy(app(world.space), "a" * 40)
    intent = Intent(earlier=lambda revision: ("the good one", app(world.space)))
    with pytest.raises(GitopsError, match=r"CrashLoopBackOff.*; rolled back to aaaaaaa, healthy"):
        world.deploy(
            [*app(world.space, "registry.invalid/web:crash"), config_map("extra", world.space)], "b" * 40, intent
        )
    assert [(entry.revision[0], entry.result) for entry in world.inventory().history[:2]] == [
        ("a", "deployed"),
        ("b", "failed"),
    ]
    assert world.get(config_map("extra", world.space)) is None
    assert Action.UPDATE not in [change.action for change in world.plan(app(world.space)).changes]


@REAL
def test_a_release_that_fails_where_nothing_was_good_before_says_so(real_world: World) -> None:
    intent = Intent(earlier=lambda revision: ("none", []))
    with pytest.raises(GitopsError, match=r"CrashLoopBackOff.*; there is no earlier good release to roll back to"):
        real_world.deploy(app(real_world.space, "registry.invalid/web:crash"), intent=intent)


@REAL
def test_a_rollback_that_fails_too_says_both(real_world: World) -> None:
    def lost(revision: str) -> tuple[str, list[KubeObject]]:
        raise GitopsError(revision, "is no commit of this clone")

    real_world.deploy(app(real_world.space), "a" * 40)
    with pytest.raises(GitopsError) as caught:
        real_world.deploy(app(real_world.space, "registry.invalid/web:crash"), "b" * 40, Intent(earlier=lost))
    said = str(caught.value).splitlines()
    assert said[0].endswith("CrashLoopBackOff, container web, exit 1; and it could not be rolled back to aaaaaaa")
    assert said[1] == "  | starting"
    assert said[-1] == f"{'a' * 40}: is no commit of this clone"


@REAL
def test_a_rollback_replaces_again_what_the_failed_release_replaced(real_world: World) -> None:
    def migrate(image: str) -> KubeObject:
        container = {"name": "web", "image": f"registry.invalid/migrate:{image}"}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        metadata = {"name": "migrate", "namespace": real_world.space}
        spec = {"backoffLimit": 0, "template": template}
        return KubeObject({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})

    good, bad = migrate("done"), migrate("failed")
    real_world.deploy([good], "a" * 40)
    policy = Policy(confirmed=frozenset({str(bad.ref)}))
    intent = Intent(policy, earlier=lambda revision: ("the good one", [good]))
    with pytest.raises(GitopsError, match=r"BackoffLimitExceeded.*; rolled back to aaaaaaa, healthy"):
        real_world.deploy([bad], "b" * 40, intent, confirmed=policy.confirmed)
    live = real_world.get(good)
    assert live is not None
    assert live.body["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.invalid/migrate:done"


def test_a_failure_that_cannot_be_recorded_is_told_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise GitopsError("ConfigMap/inventory", "etcd has no space")

    target = world.target(timeout=1)
    steps = deploy(world.release(), [balancer(world.space)], target)
    next(steps)
    assert isinstance(next(step for step in steps if isinstance(step, Event) and step.status == "waiting"), Event)
    monkeypatch.setattr(target, "_write", full)
    with pytest.raises(GitopsError) as caught:
        list(steps)
    assert caught.value.problem == (
        "is not ready after 1 s: no address yet; that could not be recorded: ConfigMap/inventory: etcd has no space"
    )


def test_a_run_that_is_interrupted_says_so_in_its_record_and_keeps_no_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gitops.apply.wait.Waiter._check_time", ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        world.deploy([balancer(world.space)])
    assert [entry.result for entry in world.inventory().history] == ["interrupted"]
    lease = world.cluster.get(ObjectRef("coordination.k8s.io", "Lease", world.space, "gitops-prod"))
    assert lease is not None
    assert not lease.body["spec"]["holderIdentity"]


def balancer(space: str) -> KubeObject:
    """A Service whose address never comes."""
    never = service("lb", space)
    return KubeObject({**never.body, "spec": {**never.body["spec"], "type": "LoadBalancer"}})


def test_a_list_from_before_this_run_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(FakeCluster(), "app")
    given = [config_map(f"part-{index}", "app") for index in range(5)]
    world.deploy(given)
    answers = [world.cluster.list("", "ConfigMap", "app")]
    lists = world.cluster.list

    def behind(group: str, kind: str, *rest: Any) -> Listing:
        return answers.pop() if kind == "ConfigMap" and answers else lists(group, kind, *rest)

    world.deploy(given[1:])
    monkeypatch.setattr(world.cluster, "list", behind)
    plan = world.deploy(given)
    assert not answers
    assert [str(change.ref) for change in plan.pending] == ["ConfigMap/app/part-0"]
    assert world.get(given[0]) is not None
