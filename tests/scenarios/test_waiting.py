"""What a release waits for and what it gives up on, kind by kind, on a real API server with its controllers and
scheduler. What has no controller there (a load balancer, somebody's custom kind) is played by the test."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gitops.apply.wait import NotReady
from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject, ObjectRef
from gitops.pipeline import deploy as run
from tests.scenarios.conftest import World
from tests.support.kube_objects import config_map, definition, deployment, namespace, service, widget
from tests.support.kubelet import Node, pod_status, set_status

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl]

LOG = ("starting", "java.sql.SQLException: no route to host 10.0.3.7:5432")
WAIT_FOR_A_POD = "WaitForFirstConsumer"
LONG = 100.0
"""Seconds that these releases may take; what is certain is told long before."""


def body(api_version: str, kind: str, name: str, space: str = "", **more: Any) -> KubeObject:
    metadata = {"name": name, "namespace": space} if space else {"name": name}
    return KubeObject({"apiVersion": api_version, "kind": kind, "metadata": metadata, **more})


def workload(kind: str, space: str, image: str = "registry.invalid/web:1", **spec: Any) -> KubeObject:
    """A StatefulSet or DaemonSet of one container."""
    template = deployment(namespace=space, image=image).body["spec"]
    rest = {key: value for key, value in template.items() if key != "replicas"}
    name = {"serviceName": "web"} if kind == "StatefulSet" else {}
    return body("apps/v1", kind, "web", space, spec={**rest, **name, **spec})


def job(space: str, image: str = "registry.invalid/migrate:done", name: str = "migrate", **spec: Any) -> KubeObject:
    container = {"name": "web", "image": image}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return body("batch/v1", "Job", name, space, spec={"backoffLimit": 0, "template": template, **spec})


def failure(world: World, *objects: KubeObject, timeout: float = LONG, confirmed: tuple[str, ...] = ()) -> NotReady:
    """How the deploy of `objects` fails, well before its time is up."""
    started = time.monotonic()
    with pytest.raises(NotReady) as caught:
        world.deploy(list(objects), timeout=timeout, confirmed=frozenset(confirmed))
    assert timeout < LONG or time.monotonic() - started < LONG / 2
    assert world.inventory().history[0].result == "failed"
    return caught.value


def waited_for(world: World, each: KubeObject) -> list[str]:
    """What was said of an object until it was ready."""
    found = [f"{event.status} {event.detail}".rstrip() for event in world.events if event.ref == each.ref]
    return [said for said in found if said.startswith(("waiting", "ready"))]


@contextmanager
def meanwhile(world: World, ref: ObjectRef, act: Callable[[KubernetesCluster, KubeObject], None]) -> Iterator[None]:
    """Do `act` once the object `ref` is there, beside what happens within."""
    assert world.server
    cluster = KubernetesCluster(world.server.connection())
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.05):
            found = cluster.get(ref) if cluster.kinds(refresh=True).find(ref.group, ref.kind) else None
            if found:
                time.sleep(0.5)
                act(cluster, found)
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def becomes(*statuses: dict[str, Any]) -> Callable[[KubernetesCluster, KubeObject], None]:
    """What writes one status after the other."""

    def act(cluster: KubernetesCluster, found: KubeObject) -> None:
        for status in statuses:
            set_status(cluster, found, status)
            time.sleep(0.3)

    return act


def condition(kind: str, value: str, reason: str, message: str = "") -> dict[str, Any]:
    one = {"type": kind, "status": value, "reason": reason, "message": message}
    return {"conditions": [{**one, "lastTransitionTime": "2026-11-24T00:00:00Z"}]}


# --- pods that cannot run


def test_a_crash_tells_the_containers_last_lines_from_the_kubelet(real_world: World, node: Node) -> None:
    found = failure(real_world, deployment(namespace=real_world.space, image="registry.invalid/web:crash"))
    assert found.problem == "failed: CrashLoopBackOff, container web, exit 1"
    assert found.lines == LOG
    assert "previous=true" in node.asked[-1]
    assert str(found).splitlines()[1] == "  | starting"


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_crash_of_other_workloads_is_told_too(real_world: World, kind: str) -> None:
    found = failure(real_world, workload(kind, real_world.space, "registry.invalid/web:crash"))
    assert found.problem == "failed: CrashLoopBackOff, container web, exit 1"
    assert found.lines == LOG


def test_a_bare_pod_that_crashes_fails_the_release(real_world: World) -> None:
    spec = {"containers": [{"name": "web", "image": "registry.invalid/web:crash"}]}
    found = failure(real_world, body("v1", "Pod", "alone", real_world.space, spec=spec))
    assert found.problem == "failed: CrashLoopBackOff, container web, exit 1"
    assert found.lines == LOG


def test_a_job_that_fails_shows_its_log(real_world: World, node: Node) -> None:
    found = failure(real_world, job(real_world.space, "registry.invalid/migrate:failed"))
    assert found.problem.startswith("failed: BackoffLimitExceeded")
    assert found.lines[:2] == LOG
    assert "previous=true" not in node.asked[-1]


def test_a_job_whose_image_is_not_there_fails_although_it_would_wait_for_ever(real_world: World) -> None:
    found = failure(real_world, job(real_world.space, "registry.invalid/migrate:missing"))
    assert found.problem == "failed: ErrImagePull, container web, registry.invalid/migrate:missing: not found"


def test_what_depends_on_a_job_that_fails_is_told_its_log_and_not_begun(real_world: World) -> None:
    app = config_map(namespace=real_world.space).with_annotations({"gitops/depends-on": "Job/migrate"})
    found = failure(real_world, job(real_world.space, "registry.invalid/migrate:failed"), app)
    assert found.problem.startswith("failed: BackoffLimitExceeded")
    assert found.lines[:2] == LOG
    assert real_world.get(app) is None


def test_a_pod_that_is_evicted_in_the_middle_is_replaced_and_fails_nothing(real_world: World) -> None:
    slow = deployment(namespace=real_world.space, image="registry.invalid/web:unready")

    def act(cluster: KubernetesCluster, _: KubeObject) -> None:
        evicted, *_rest = cluster.list("", "Pod", real_world.space).objects
        set_status(cluster, evicted, {"phase": "Failed", "reason": "Evicted", "message": "low on memory"})
        time.sleep(1)
        for pod in cluster.list("", "Pod", real_world.space).objects:
            if pod.uid != evicted.uid:
                set_status(cluster, pod, pod_status("registry.invalid/web:1"))

    with meanwhile(real_world, slow.ref, act):
        real_world.deploy([slow], timeout=LONG)
    assert waited_for(real_world, slow)[-1] == "ready 2/2 ready"


def test_a_deployment_that_is_paused_is_given_up_soon(real_world: World) -> None:
    paused = deployment(namespace=real_world.space)
    found = failure(real_world, KubeObject({**paused.body, "spec": {**paused.body["spec"], "paused": True}}))
    assert found.problem == "failed: 0/2 updated; paused"


def test_a_job_of_which_a_pod_is_evicted_tries_again(real_world: World) -> None:
    again = job(real_world.space, "registry.invalid/migrate:unready", backoffLimit=2)

    def act(cluster: KubernetesCluster, _: KubeObject) -> None:
        (first,) = cluster.list("", "Pod", real_world.space).objects
        set_status(cluster, first, {**pod_status("migrate:failed"), "reason": "Evicted"})
        eventually(lambda: len(cluster.list("", "Pod", real_world.space).objects) > 1)
        for pod in cluster.list("", "Pod", real_world.space).objects:
            if pod.uid != first.uid:
                set_status(cluster, pod, pod_status("migrate:done"))

    with meanwhile(real_world, again.ref, act):
        real_world.deploy([again], timeout=LONG)
    assert waited_for(real_world, again)[-1] == "ready complete"


@pytest.mark.parametrize("bad", ["crash", "unready"])
def test_a_pod_of_a_revision_that_failed_is_not_in_the_way_of_the_next(real_world: World, bad: str) -> None:
    """A StatefulSet goes on in order, and would wait for the broken pod for ever (kubernetes#67250)."""
    space = real_world.space
    real_world.deploy([workload("StatefulSet", space, replicas=2)], timeout=LONG)
    failure(real_world, workload("StatefulSet", space, f"registry.invalid/web:{bad}", replicas=2), timeout=5)
    mended = workload("StatefulSet", space, "registry.invalid/web:2", replicas=2)
    real_world.deploy([mended], timeout=LONG)
    said = waited_for(real_world, mended)
    assert any(f"Pod/{space}/web-1 of a revision that failed was in the way, and is deleted" in each for each in said)
    assert said[-1] == "ready 2/2 ready"


def test_a_first_revision_that_failed_is_not_in_the_way_either(real_world: World) -> None:
    failure(real_world, workload("StatefulSet", real_world.space, "registry.invalid/web:crash", replicas=2))
    mended = workload("StatefulSet", real_world.space, replicas=2)
    real_world.deploy([mended], timeout=LONG)
    assert waited_for(real_world, mended)[-1] == "ready 2/2 ready"


@pytest.mark.scheduler
def test_what_no_node_takes_is_told_with_the_schedulers_reason(real_world: World) -> None:
    nowhere = deployment(namespace=real_world.space, nodeSelector={"disk": "none"})
    found = failure(real_world, nowhere)
    assert found.problem.startswith("failed: Unschedulable: 0/1 nodes are available")
    assert any(line.startswith("FailedScheduling: 0/1 nodes are available") for line in found.lines)
    waiting = waited_for(real_world, nowhere)
    assert any("Unschedulable" in said for said in waiting), waiting


@pytest.mark.scheduler
def test_a_pod_that_an_autoscaler_makes_room_for_is_waited_for(real_world: World) -> None:
    nowhere = deployment(namespace=real_world.space, nodeSelector={"disk": "none"})

    def promise(cluster: KubernetesCluster, _: KubeObject) -> None:
        for pod in cluster.list("", "Pod", real_world.space).objects:
            about = {"kind": "Pod", "namespace": pod.namespace, "name": pod.name, "uid": pod.uid}
            promised = {"involvedObject": about, "type": "Normal", "reason": "TriggeredScaleUp", "message": "1 -> 2"}
            cluster.create(body("v1", "Event", f"{pod.name}.up", pod.namespace, **promised))

    with meanwhile(real_world, nowhere.ref, promise):
        found = failure(real_world, nowhere, timeout=4)
    assert found.problem.startswith("is not ready after 4 s: 0/2")


@pytest.mark.scheduler
def test_what_finds_no_room_while_other_pods_are_on_their_way_out_is_waited_for(real_world: World) -> None:
    spec = {"containers": [{"name": "web", "image": "registry.invalid/web:1"}]}
    draining = body("v1", "Pod", "draining", real_world.space, spec=spec)
    make(real_world, draining.with_metadata(finalizers=["example.invalid/drains"]))
    real_world.cluster.delete(draining.ref)
    try:
        nowhere = deployment(namespace=real_world.space, nodeSelector={"disk": "none"})
        found = failure(real_world, nowhere, timeout=4)
        assert found.problem.startswith("is not ready after 4 s: 0/2")
    finally:
        real_world.edit(draining.ref, {"metadata": {"finalizers": None}})


def test_a_progress_deadline_shows_what_the_running_container_says(real_world: World) -> None:
    slow = deployment(namespace=real_world.space, image="registry.invalid/web:unready")
    slow = KubeObject({**slow.body, "spec": {**slow.body["spec"], "progressDeadlineSeconds": 1}})
    found = failure(real_world, slow)
    assert found.problem.startswith("failed: ProgressDeadlineExceeded")
    assert found.lines == LOG


# --- pods that cannot be created


def quota(space: str, pods: str = "0") -> KubeObject:
    return body("v1", "ResourceQuota", "small", space, spec={"hard": {"pods": pods}})


def policy(space: str, name: str) -> list[KubeObject]:
    """A policy that admits no pod of the namespace, and its binding."""
    group = "admissionregistration.k8s.io/v1"
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": space}}
    rule = {"expression": "false", "message": "no pod of yours"}
    spec = {"matchConstraints": {"resourceRules": [pods], "namespaceSelector": here}, "validations": [rule]}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    return [
        body(group, "ValidatingAdmissionPolicy", name, spec=spec),
        body(group, "ValidatingAdmissionPolicyBinding", name, spec=binding),
    ]


def eventually(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert holds()


def make(world: World, *objects: KubeObject) -> None:
    """What is there before the deploy, made by somebody else."""
    world.cluster.apply(namespace(world.space))
    for each in objects:
        world.cluster.apply(each, manager="an-admin")


def app(kind: str, space: str) -> KubeObject:
    if kind == "Job":
        return job(space)
    return deployment(namespace=space) if kind == "Deployment" else workload(kind, space)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "Job"])
def test_a_quota_that_is_used_up_is_the_reason(real_world: World, kind: str) -> None:
    make(real_world, quota(real_world.space))
    live = quota(real_world.space).ref
    eventually(lambda: ((found := real_world.cluster.get(live)) and found.body.get("status")) or False)
    found = failure(real_world, app(kind, real_world.space))
    assert "exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0" in found.problem
    assert found.problem.startswith("failed: FailedCreate: ")


def reasons(world: World, ref: ObjectRef) -> list[str]:
    """Of the events at an object."""
    fields = {"involvedObject.name": ref.name, "involvedObject.kind": ref.kind}
    return [str(each.body["reason"]) for each in world.cluster.list("", "Event", ref.namespace, fields=fields).objects]


def restricted(space: str, level: str) -> KubeObject:
    labels = {"pod-security.kubernetes.io/enforce": level}
    return KubeObject({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": labels}})


def test_a_refusal_that_is_mended_does_not_fail_the_next_deploy(real_world: World) -> None:
    space = real_world.space
    objects = [deployment(namespace=space), workload("StatefulSet", space), workload("DaemonSet", space)]
    objects[2] = KubeObject({**objects[2].body, "metadata": {"name": "agent", "namespace": space}})
    found = failure(real_world, restricted(space, "restricted"), *objects)
    assert "violates PodSecurity" in found.problem
    # What is still true ends the wait of the next deploy as early, though nothing is new to be applied.
    assert "violates PodSecurity" in failure(real_world, restricted(space, "restricted"), *objects).problem
    real_world.deploy([restricted(space, "privileged"), *objects], timeout=LONG)
    assert all(waited_for(real_world, each)[-1].startswith("ready") for each in objects)
    # The controller was asked to try again by an apply, which tells who did it.
    live = real_world.get(objects[0])
    assert live is not None
    assert live.annotations["gitops/revision"] == real_world.inventory().history[0].revision
    assert "Configured" in reasons(real_world, objects[0].ref)
    assert real_world.deploy([restricted(space, "privileged"), *objects]).pending == ()


def test_a_quota_that_has_no_room_for_one_pod_is_the_end_at_once(real_world: World) -> None:
    make(real_world, quota(real_world.space))
    eventually(lambda: (found := real_world.cluster.get(quota(real_world.space).ref)) and found.body.get("status"))
    target = real_world.target(timeout=20, patience=LONG)
    with pytest.raises(NotReady, match=r"failed: .*requested: pods=1, used: pods=0, limited: pods=0"):
        list(run(real_world.release(), [app("Deployment", real_world.space)], target))


def pods_become(world: World, *statuses: dict[str, Any]) -> Callable[[KubernetesCluster, KubeObject], None]:
    """What gives all pods one status after the other, as a kubelet does that tries again."""

    def act(cluster: KubernetesCluster, _: KubeObject) -> None:
        for status in statuses:
            for pod in cluster.list("", "Pod", world.space).objects:
                set_status(cluster, pod, status)
            time.sleep(0.5)

    return act


def test_an_image_that_is_pushed_at_last_does_not_fail_the_next_deploy(real_world: World) -> None:
    late = deployment(namespace=real_world.space, image="registry.invalid/web:missing")
    failure(real_world, late)
    time.sleep(1.1)  # The server's clock tells seconds.
    with meanwhile(real_world, late.ref, pods_become(real_world, pod_status("registry.invalid/web:1"))):
        real_world.deploy([late], timeout=LONG)
    assert waited_for(real_world, late)[-1] == "ready 2/2 ready"


def test_an_image_that_is_still_missing_fails_once_it_was_tried_again(real_world: World) -> None:
    late = deployment(namespace=real_world.space, image="registry.invalid/web:missing")
    failure(real_world, late)
    time.sleep(1.1)
    tried = pod_status("registry.invalid/web:missing")
    waiting = {**tried, "containerStatuses": [{**tried["containerStatuses"][0]}]}
    waiting["containerStatuses"][0]["state"] = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    with meanwhile(real_world, late.ref, pods_become(real_world, waiting, tried)):
        found = failure(real_world, late)
    assert found.problem.startswith("failed: ErrImagePull, container web")


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job"])
def test_admission_that_refuses_the_pods_is_the_reason_at_once(real_world: World, kind: str) -> None:
    make(real_world, *policy(real_world.space, f"no-pods-{real_world.space}"))

    def is_refused() -> bool:
        spec = {"containers": [{"name": "web", "image": "registry.invalid/web:1"}]}
        try:
            real_world.cluster.preview(body("v1", "Pod", "probe", real_world.space, spec=spec))
        except GitopsError as error:
            return "no pod of yours" in str(error)
        return False

    eventually(is_refused)
    found = failure(real_world, app(kind, real_world.space))
    assert found.problem.startswith("failed: FailedCreate: ")
    assert "denied request: no pod of yours" in found.problem


def test_an_old_refusal_does_not_fail_a_release_that_is_well(real_world: World) -> None:
    make(real_world, quota(real_world.space))
    eventually(lambda: (found := real_world.cluster.get(quota(real_world.space).ref)) and found.body.get("status"))
    failure(real_world, app("StatefulSet", real_world.space))
    real_world.cluster.delete(quota(real_world.space).ref)
    real_world.deploy([workload("StatefulSet", real_world.space, "registry.invalid/web:2", replicas=2)], timeout=LONG)
    assert real_world.inventory().history[0].result == "deployed"


# --- kinds that are ready in their own way


def test_workloads_and_jobs_become_ready(real_world: World) -> None:
    space = real_world.space
    objects = [
        workload("StatefulSet", space, replicas=2),
        workload("DaemonSet", space),
        job(space),
        app("Deployment", space),
    ]
    real_world.deploy(objects, timeout=LONG)
    said = {each.kind: waited_for(real_world, each)[-1] for each in objects}
    assert said == {
        "StatefulSet": "ready 2/2 ready",
        "DaemonSet": "ready 1/1 ready",
        "Job": "ready complete",
        "Deployment": "ready 2/2 ready",
    }


def test_a_load_balancer_is_ready_with_its_address(real_world: World) -> None:
    balancer = service("lb", real_world.space)
    balancer = KubeObject({**balancer.body, "spec": {**balancer.body["spec"], "type": "LoadBalancer"}})
    address = {"loadBalancer": {"ingress": [{"hostname": "lb.example.invalid"}]}}
    with meanwhile(real_world, balancer.ref, becomes(address)):
        real_world.deploy([balancer], timeout=LONG)
    assert waited_for(real_world, balancer) == ["waiting no address yet", "ready"]


def test_a_claim_is_ready_when_it_is_bound(real_world: World) -> None:
    name, size = f"disk-{real_world.space}", {"storage": "1Gi"}
    access = {"accessModes": ["ReadWriteOnce"], "storageClassName": name}
    disk = body("v1", "PersistentVolume", name, spec={**access, "capacity": size, "hostPath": {"path": "/none"}})
    claim = body(
        "v1", "PersistentVolumeClaim", "data", real_world.space, spec={**access, "resources": {"requests": size}}
    )
    real_world.deploy([disk, claim], timeout=LONG)
    assert waited_for(real_world, claim)[-1] == "ready"


def test_a_claim_whose_volume_is_made_for_its_first_pod_is_not_waited_for(real_world: World) -> None:
    name = f"late-{real_world.space}"
    late = body("storage.k8s.io/v1", "StorageClass", name, provisioner="nobody", volumeBindingMode=WAIT_FOR_A_POD)
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": name, "resources": {"requests": {"storage": "1Gi"}}}
    claim = body("v1", "PersistentVolumeClaim", "data", real_world.space, spec=spec)
    real_world.deploy([late, claim], timeout=LONG)
    assert waited_for(real_world, claim)[-1] == "ready bound when a pod uses it"


def test_a_claim_without_a_class_says_why_it_is_late(real_world: World) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}
    found = failure(real_world, body("v1", "PersistentVolumeClaim", "data", real_world.space, spec=spec), timeout=3)
    assert found.problem == "is not ready after 3 s: not bound"
    assert any('"none" not found' in line for line in found.lines), found.lines


def test_an_api_service_is_ready_when_it_is_available(real_world: World) -> None:
    group = f"{real_world.space}.example.invalid"
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100}
    local = body("apiregistration.k8s.io/v1", "APIService", f"v1.{group}", spec=spec)
    real_world.deploy([local, config_map(namespace=real_world.space)], timeout=LONG)
    served = {"insecureSkipTLSVerify": True, "service": {"name": "nobody", "namespace": real_world.space}}
    spec = {**spec, "version": "v2", **served}
    remote = body("apiregistration.k8s.io/v1", "APIService", f"v2.{group}", spec=spec)
    try:
        found = failure(real_world, local, remote, config_map(namespace=real_world.space), timeout=3)
        assert "ServiceNotFound" in found.problem
    finally:
        # An API that does not answer would stand in the way of every other test.
        real_world.cluster.delete(remote.ref)


def test_an_autoscaler_that_cannot_scale_is_not_ready(real_world: World) -> None:
    def autoscaler(most: int) -> KubeObject:
        spec = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"},
            "minReplicas": 1,
            "maxReplicas": most,
        }
        return body("autoscaling/v2", "HorizontalPodAutoscaler", "web", real_world.space, spec=spec)

    def unable() -> bool:
        found = real_world.get(autoscaler(2))
        return bool(found and "FailedGetScale" in str(found.body.get("status")))

    real_world.deploy([autoscaler(2)], timeout=LONG)
    eventually(unable)
    found = failure(real_world, autoscaler(3), timeout=3)
    assert "FailedGetScale" in found.problem


def test_a_definition_whose_names_are_taken_fails(real_world: World) -> None:
    group = f"{real_world.space}.example.invalid"
    first, second = definition(group=group), definition(group=group)
    names = {**second.body["spec"]["names"], "plural": "gadgets", "singular": "gadget"}
    metadata = {"name": f"gadgets.{group}"}
    second = KubeObject({**second.body, "metadata": metadata, "spec": {**second.body["spec"], "names": names}})
    real_world.deploy([first, config_map(namespace=real_world.space)], timeout=LONG)
    with pytest.raises(GitopsError, match=r'KindConflict: "Widget\w*" is already in use'):
        real_world.deploy([first, second, config_map(namespace=real_world.space)], timeout=LONG)


def custom(space: str) -> tuple[KubeObject, KubeObject]:
    """A definition with a status of its own, and an object of it."""
    group = f"{space}.example.invalid"
    defined = definition(group=group)
    (version,) = defined.body["spec"]["versions"]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {**version, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}
    spec = {**defined.body["spec"], "versions": [version]}
    return KubeObject({**defined.body, "spec": spec}), widget(namespace=space, group=group)


def test_a_custom_object_is_waited_for_by_its_standard_conditions(real_world: World) -> None:
    defined, one = custom(real_world.space)
    first = [defined, config_map(namespace=real_world.space)]
    real_world.deploy(first, timeout=LONG)
    real_world.cluster.apply(one, manager="an-admin")
    made = real_world.get(one)
    assert made
    set_status(real_world.cluster, made, condition("Reconciling", "True", "Working"))  # type: ignore[arg-type]
    ready = becomes(condition("Ready", "False", "AlmostThere"), condition("Ready", "True", "Done"))
    with meanwhile(real_world, one.ref, ready):
        real_world.deploy([*first, one], timeout=LONG, take_ownership=frozenset({str(one.ref)}))
    assert waited_for(real_world, one) == ["waiting Working", "waiting AlmostThere", "ready"]


def test_a_custom_object_that_is_stalled_has_failed(real_world: World) -> None:
    defined, one = custom(real_world.space)
    first = [defined, config_map(namespace=real_world.space)]
    real_world.deploy(first, timeout=LONG)
    real_world.cluster.apply(one, manager="an-admin")
    made = real_world.get(one)
    assert made
    set_status(real_world.cluster, made, condition("Ready", "False", "Working"))  # type: ignore[arg-type]
    with meanwhile(real_world, one.ref, becomes(condition("Stalled", "True", "NoQuota", "the account is full"))):
        found = failure(real_world, *first, one)
    assert found.problem == "failed: NoQuota: the account is full"


# --- what happens to an object while it is waited for


def test_an_object_that_is_deleted_meanwhile_is_not_waited_for(real_world: World) -> None:
    slow = deployment(namespace=real_world.space, image="registry.invalid/web:unready")

    def somebody_deletes(cluster: KubernetesCluster, found: KubeObject) -> None:
        cluster.delete(found.ref)

    with meanwhile(real_world, slow.ref, somebody_deletes):
        found = failure(real_world, slow)
    assert found.problem == "failed: it was deleted while the release waited for it"


def test_an_object_may_take_as_long_as_it_says_itself(real_world: World) -> None:
    slow = deployment(namespace=real_world.space, image="registry.invalid/web:unready")
    found = failure(real_world, slow.with_annotations({"gitops/timeout": "2s"}))
    assert found.problem == "is not ready after 2 s: 0/2 ready"
    assert found.lines == LOG
