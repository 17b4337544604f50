"""A role with no more than the access policy for editing one namespace can deploy there."""

from collections.abc import Iterator

import pytest

from gitops.apply.announce import SENDERS
from gitops.apply.lease import LeaseOptions
from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef
from gitops.pipeline import compare_released
from gitops.plan.drift import drifts, unread
from gitops.target.cluster import ClusterTarget, Options
from gitops.teardown import tear_down
from tests.scenarios.conftest import World
from tests.support.api_server import ApiServer
from tests.support.kube_objects import config_map, cron_job, namespace, secret, service

TOKEN = "token-of-a-team"
RULES = [
    {"apiGroups": ["", "apps", "batch", "autoscaling"], "resources": ["*"], "verbs": ["*"]},
]
NO_EVENTS = [
    {"apiGroups": [""], "resources": ["configmaps", "services", "pods", "secrets"], "verbs": ["*"]},
    {"apiGroups": ["apps", "batch", "autoscaling"], "resources": ["*"], "verbs": ["*"]},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("rights"), tokens={TOKEN: "team,team-uid"}) as server:
        yield server


def grant(cluster: KubernetesCluster, space: str, rules: list[dict[str, list[str]]] = RULES) -> None:
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": "team", "namespace": space}
    cluster.apply(namespace(space))
    cluster.apply(KubeObject({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": rules}))
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "team"},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": "team"}],
    }
    cluster.apply(KubeObject(binding))


@pytest.mark.cluster
def test_a_team_deploys_to_its_namespace_and_to_no_other(server: ApiServer) -> None:
    grant(KubernetesCluster(server.connection()), "team")
    cluster = KubernetesCluster(server.connection(TOKEN))
    world = World(cluster, "team")
    objects = [
        config_map("a", "team"),
        config_map("old", "team"),
        service(namespace="team"),
        cron_job(namespace="team"),
    ]
    world.deploy(objects)
    assert world.deploy(objects).pending == ()
    lease = cluster.get(ObjectRef("", "ConfigMap", "team", "gitops-prod-lease"))
    assert lease is not None
    assert lease.body["data"]["holderIdentity"] == ""
    world.deploy([*objects[:1], *objects[2:]])
    with pytest.raises(GitopsError, match=r"cannot|forbidden"):
        World(cluster, "default").deploy([config_map("a", "default")])


@pytest.mark.cluster
def test_who_may_write_a_lease_and_who_may_not_keep_each_other_out(server: ApiServer) -> None:
    admin, team = KubernetesCluster(server.connection()), KubernetesCluster(server.connection(TOKEN))
    grant(admin, "mixed")
    objects, options = [config_map("a", "mixed")], Options(lease=LeaseOptions(2.0, 0.3, 0.1))
    World(team, "mixed").deploy(objects)
    for one, other in ((team, admin), (admin, team)):
        release = World(one, "mixed").release()
        with (
            ClusterTarget(one, options).lock(release),
            pytest.raises(GitopsError, match=r"gitops-prod-lease: run \w+ deploys here since"),
            ClusterTarget(other, options).lock(release),
        ):
            pass
    World(admin, "mixed").deploy(objects)
    release, target = World(team, "mixed").release(), ClusterTarget(team, options)
    list(tear_down(release, target))
    assert [each.name for each in team.list("", "ConfigMap", "mixed").objects] == []


@pytest.mark.cluster
@pytest.mark.kubectl
def test_who_may_only_read_sees_the_drift_of_what_they_may_read(server: ApiServer) -> None:
    admin = KubernetesCluster(server.connection())
    rule = {"apiGroups": ["", "batch"], "resources": ["configmaps", "services", "cronjobs"], "verbs": ["get", "list"]}
    grant(admin, "seen", [rule])
    objects = [
        config_map(namespace="seen", a="1"),
        service(namespace="seen"),
        cron_job(namespace="seen"),
        secret(namespace="seen", a="1"),
    ]
    world = World(admin, "seen", server)
    world.deploy(objects)
    world.edit(objects[0].ref, {"data": {"a": "2", "more": "3"}})
    world.kubectl("-n", "seen", "set", "image", "cronjob/tick", "web=registry.invalid/tick:hand")
    world.kubectl("-n", "seen", "patch", "service", "web", "-p", '{"spec": {"publishNotReadyAddresses": true}}')
    expected = drifts_of(admin, objects)
    found = drifts_of(KubernetesCluster(server.connection(TOKEN)), objects)
    paths = [
        "data.a",
        "data.more",
        "spec.jobTemplate.spec.template.spec.containers[web].image",
        "spec.publishNotReadyAddresses",
    ]
    assert sorted(path for _, path, *_ in found) == paths
    assert set(found) == set(expected)


def drifts_of(cluster: KubernetesCluster, objects: list[KubeObject]) -> list[tuple[str, str, str, str]]:
    world = World(cluster, "seen")
    plan = compare_released(world.release(), world.target(), lambda _: ("", objects))
    assert plan is not None
    secrets = [str(change.ref) for change in unread(plan)]
    assert secrets in ([], ["Secret/seen/keys"])
    return [(str(each.ref), each.path, str(each.live), each.manager) for each in drifts(plan)]


@pytest.mark.cluster
def test_a_team_that_may_not_write_events_deploys_all_the_same(server: ApiServer) -> None:
    grant(KubernetesCluster(server.connection()), "silent", NO_EVENTS)
    cluster = KubernetesCluster(server.connection(TOKEN))
    asked: list[str] = []
    create = cluster.create

    def counting(body: KubeObject) -> KubeObject:
        asked.append(body.kind)
        return create(body)

    cluster.create = counting  # type: ignore[method-assign]
    world = World(cluster, "silent")
    world.deploy([config_map(f"part-{index}", "silent") for index in range(30)])
    assert world.inventory().history[0].result == "deployed"
    assert asked.count("Event") <= SENDERS + 1, "the first refusal is enough"
