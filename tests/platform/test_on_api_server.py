"""The generated tree on a real API server: deployed in one run from nothing, and doing what it promises."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.git import GitRepository
from gitops.clients.kubectl import find_kubectl
from gitops.clients.kubernetes import KubernetesCluster
from tests.support.api_server import ApiServer
from tests.support.kubelet import Kubelet

pytestmark = [pytest.mark.cluster, pytest.mark.kubectl, pytest.mark.slow, pytest.mark.timeout(300)]
READER = "reader-of-the-test-cluster"
ZEROS = "0" * 64
IMAGE = f"111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/eks-work/backend-app@sha256:{ZEROS}"

RESTRICTED_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: eks-work}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: other
      image: IMAGE
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""


class MetricsServer:
    """Says of the metrics APIService that it is available, which on this API server nothing else can."""

    def __init__(self, kubectl: "Kubectl") -> None:
        self._kubectl = kubectl
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        patch = {
            "status": {
                "conditions": [{"type": "Available", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
            }
        }
        arguments = ("patch", "apiservice", "v1beta1.metrics.k8s.io", "--subresource=status", "--type=merge")
        while not self._stop.wait(0.2):
            self._kubectl.run(*arguments, "-p", json.dumps(patch))


class Kubectl:
    """kubectl as the user of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        program = find_kubectl()
        assert program
        command = [program, f"--kubeconfig={self._kubeconfig}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)


class World:
    """A cluster, and a manifest repository whose environments enforce `restricted`."""

    def __init__(self, server: ApiServer, root: Path) -> None:
        self.server = server
        self.root = root
        self.admin = Kubectl(server.kubeconfig())
        self.reader = Kubectl(server.kubeconfig(READER))
        self.planned = ""
        """What `plan` said of all of it while the cluster was empty."""
        self.said = ""
        """What the first deploy of all of it said."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    tmp = tmp_path_factory.mktemp("platform")
    with ExitStack() as stack:
        server = stack.enter_context(
            ApiServer(tmp, controllers=True, tokens={READER: 'jane,jane-uid,"eks-work-readers"'})
        )
        yield World(server, tmp / "repositories/eks-work-manifests")


@pytest.fixture
def deployed(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    """The four overlays and both environments, deployed."""
    monkeypatch.setenv("KUBECONFIG", str(world.server.kubeconfig()))
    if not world.root.exists():
        assert run(["init", str(world.root.parent), "--yes", "--no-git", "--monitoring", "manifests"]) == 0
        config = world.root / "gitops.yaml"
        config.write_text(
            config.read_text().replace("namespace: eks-work", "podSecurity: restricted, namespace: eks-work")
        )
        monkeypatch.chdir(world.root)
        assert run(["generate"]) == 0
        git = GitRepository(world.root)
        for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "Start")):
            git.run(*arguments)
    monkeypatch.chdir(world.root)
    with ExitStack() as stack:
        cluster = KubernetesCluster(world.server.connection())
        for namespace in ("kube-system", "headroom", "eks-work", "eks-work-staging"):
            stack.enter_context(Kubelet(cluster, namespace))
        stack.enter_context(MetricsServer(world.admin))
        if not world.said:
            capsys.readouterr()
            assert run(["plan", "--all", "--context", "test", "-o", "json"]) == 0, capsys.readouterr().err
            world.planned = capsys.readouterr().out
        assert run(["deploy", "--all", "--context", "test", "--yes", "--timeout", "60"]) == 0, capsys.readouterr().err
        world.said = world.said or capsys.readouterr().out
        capsys.readouterr()
        yield world


ORDER = ["security", "logging", "monitoring", "autoscaling", "staging", "prod"]


def test_one_run_deploys_everything_in_order_from_an_empty_cluster(deployed: World) -> None:
    done = re.findall(r"^(\w+): deployed [0-9a-f]{7} in", deployed.said, re.MULTILINE)
    assert done == ORDER


def test_a_plan_of_everything_says_what_the_run_then_does(deployed: World) -> None:
    """On the empty cluster: namespaces of the environments come with an overlay before, and are not planned twice."""
    planned = [(plan["environment"], plan["summary"]) for plan in json.loads(deployed.planned)]
    headings = re.findall(r"^(\w+) on test · [^\n]*\n(?:.*\n)*?(\d+ create)$", deployed.said, re.MULTILINE)
    assert [name for name, _ in planned] == ORDER
    assert planned == headings


def test_a_second_run_plans_nothing(deployed: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--all", "--context", "test", "-o", "json"]) == 0
    plans = json.loads(capsys.readouterr().out)
    assert [plan["environment"] for plan in plans] == ORDER
    assert {change["action"] for plan in plans for change in plan["changes"]} == {"unchanged"}


def test_the_applications_pods_are_admitted_where_restricted_is_enforced(deployed: World) -> None:
    labels = deployed.admin.run("get", "ns", "eks-work", "-o", "jsonpath={.metadata.labels}").stdout
    assert json.loads(labels)["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = deployed.admin.run("get", "pods", "-n", "eks-work", "-l", "app=backend-app", "-o", "name").stdout
    assert pods.startswith("pod/backend-app-")


def test_a_pod_that_violates_restricted_is_refused(deployed: World) -> None:
    run_ = deployed.admin.run("run", "root", "-n", "eks-work", f"--image={IMAGE}")
    assert run_.returncode == 1
    assert 'violates PodSecurity "restricted:v1.36"' in run_.stderr


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("nginx:latest", "images must come from 111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/: nginx:latest"),
        (IMAGE.partition("@")[0] + ":1.0", "images must be named by digest"),
    ],
)
def test_other_images_are_refused(deployed: World, image: str, why: str) -> None:
    of_a_pod = deployed.admin.run("create", "-f", "-", stdin=RESTRICTED_POD.replace("IMAGE", image))
    of_a_deployment = deployed.admin.run("create", "deployment", "other", "-n", "eks-work", f"--image={image}")
    for run_ in (of_a_pod, of_a_deployment):
        assert run_.returncode == 1
        assert "ValidatingAdmissionPolicy 'eks-work-images'" in run_.stderr
        assert why in run_.stderr


def test_an_image_that_is_mounted_is_refused_too(deployed: World) -> None:
    volume = "  volumes: [{name: model, image: {reference: 'registry.example/model:latest'}}]\n"
    run_ = deployed.admin.run("create", "-f", "-", stdin=RESTRICTED_POD.replace("IMAGE", IMAGE) + volume)
    assert run_.returncode == 1
    assert "images must come from" in run_.stderr
    assert "registry.example/model:latest" in run_.stderr


def test_a_pod_from_before_the_policy_can_lose_its_finalizer_and_go(deployed: World) -> None:
    """The Job controller takes one off each of its pods; refused, the pod would be there for ever."""
    binding = "validatingadmissionpolicybinding/eks-work-images"
    actions = '{"spec": {"validationActions": ["%s"]}}'
    old = RESTRICTED_POD.replace("IMAGE", "nginx:latest").replace(
        "name: other,", "name: old, finalizers: [a.example/b],", 1
    )
    deployed.admin.run("patch", binding, "--type=merge", "-p", actions % "Audit")
    assert until(lambda: deployed.admin.run("create", "-f", "-", stdin=old).returncode == 0)
    deployed.admin.run("patch", binding, "--type=merge", "-p", actions % "Deny")
    another = RESTRICTED_POD.replace("IMAGE", "nginx:latest")
    assert until(lambda: deployed.admin.run("create", "--dry-run=server", "-f", "-", stdin=another).returncode == 1)
    image = ("set", "image", "-n", "eks-work", "pod/old", "other=nginx:1")
    assert "images must come from" in deployed.admin.run(*image).stderr
    deployed.admin.run("delete", "pod", "-n", "eks-work", "old", "--wait=false", "--grace-period=0", "--force")
    off = deployed.admin.run(
        "patch",
        "pod",
        "-n",
        "eks-work",
        "old",
        "--type=json",
        "-p",
        '[{"op": "remove", "path": "/metadata/finalizers"}]',
    )
    assert off.returncode == 0, off.stderr


def until(holds: Callable[[], bool]) -> bool:
    """Whether it holds within some seconds: the API server takes a changed policy up a moment later."""
    for _ in range(100):
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_an_image_of_the_account_by_digest_is_let_in(deployed: World) -> None:
    run_ = deployed.admin.run("create", "--dry-run=server", "-f", "-", stdin=RESTRICTED_POD.replace("IMAGE", IMAGE))
    assert run_.returncode == 0, run_.stderr


def test_images_of_the_platforms_namespaces_are_left_alone(deployed: World) -> None:
    run_ = deployed.admin.run(
        "create", "deployment", "other", "-n", "kube-system", "--image=nginx:latest", "--dry-run=server"
    )
    assert run_.returncode == 0, run_.stderr


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("get pods", "yes"),
        ("list pods", "yes"),
        ("watch pods", "yes"),
        ("get pods --subresource=log", "yes"),
        ("get services", "yes"),
        ("list deployments.apps", "yes"),
        ("list replicasets.apps", "yes"),
        ("create pods", "no"),
        ("create deployments.apps", "no"),
        ("update deployments.apps", "no"),
        ("delete pods", "no"),
        ("create pods --subresource=exec", "no"),
        ("get secrets", "no"),
    ],
)
def test_the_readers_may_look_and_not_touch(deployed: World, question: str, answer: str) -> None:
    assert deployed.reader.run("auth", "can-i", *question.split(), "-n", "eks-work").stdout.strip() == answer


def test_the_readers_see_nothing_of_other_namespaces(deployed: World) -> None:
    assert deployed.reader.run("auth", "can-i", "list", "pods", "-n", "kube-system").stdout.strip() == "no"


def test_the_load_test_is_admitted(deployed: World) -> None:
    run_ = deployed.admin.run("apply", "-k", "kustomize/load-test")
    assert run_.returncode == 0, run_.stderr
    assert "Warning" not in run_.stderr
    for _ in range(50):
        pods = deployed.admin.run("get", "pods", "-n", "eks-work-load-test", "-o", "name").stdout
        if pods:
            break
    assert pods.count("pod/load-test-") == 4
    assert deployed.admin.run("delete", "-k", "kustomize/load-test", "--wait=false").returncode == 0


def test_it_tells_what_would_be_refused_before_a_level_is_raised(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Row 50: a running workload stays, and its next pod would be refused without a word."""
    assert run(["validate", "--running", "restricted", "prod", "--context", "test"]) == 0
    assert "restricted refuses nothing" in capsys.readouterr().out
    label = "pod-security.kubernetes.io/enforce="
    deployed.admin.run("label", "--overwrite", "ns", "eks-work", f"{label}privileged")
    made = deployed.admin.run("create", "deployment", "root", "-n", "eks-work", f"--image={IMAGE}")
    assert made.returncode == 0, made.stderr
    assert run(["validate", "--running", "restricted", "prod", "--context", "test"]) == 1
    assert "Deployment/eks-work/root: container backend-app needs runAsNonRoot: true" in capsys.readouterr().out
    deployed.admin.run("delete", "deployment", "root", "-n", "eks-work")
    deployed.admin.run("label", "--overwrite", "ns", "eks-work", f"{label}restricted")


def test_nothing_is_left_of_the_agent_where_the_add_on_takes_its_place(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Point 5: one switch, never both. The overlay that gitops.yaml no longer names is torn down by its name."""
    config = Path("gitops.yaml")
    before = config.read_text()
    config.write_text(before.replace("logging, monitoring, autoscaling", "logging, autoscaling"))
    assert run(["generate"]) == 0
    assert not Path("kustomize/overlays/monitoring").exists()
    assert "cloudwatch-agent" in deployed.admin.run("get", "ds,cm,sa", "-n", "amazon-cloudwatch").stdout
    assert run(["teardown", "monitoring", "--context", "test", "--yes"]) == 0, capsys.readouterr().err
    left = deployed.admin.run("get", "ds,cm,sa,clusterroles,clusterrolebindings", "-n", "amazon-cloudwatch").stdout
    assert "cloudwatch-agent" not in left
    assert "fluent-bit" in left
    assert run(["teardown", "monitorin", "--context", "test", "--yes"]) == 1
    config.write_text(before)
    assert run(["generate"]) == 0


def test_a_teardown_leaves_nothing_that_a_deploy_made(deployed: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The last test of this module: afterwards the next fixture would deploy everything again."""
    made = _objects(deployed)
    assert run(["teardown", "all", "--context", "test", "--dry-run"]) == 0
    assert _objects(deployed) == made
    assert run(["teardown", "all", "--context", "test"]) == 1
    assert "nobody is there to ask" in capsys.readouterr().err
    assert run(["teardown", "all", "--context", "test", "--yes"]) == 0, capsys.readouterr().err
    assert "left on purpose" in capsys.readouterr().out
    for _ in range(100):
        left = _objects(deployed)
        if not left:
            break
    assert left == set()
    # Again, on nothing.
    assert run(["teardown", "all", "--context", "test", "--yes"]) == 0


KINDS = (
    "namespaces,deployments,daemonsets,services,configmaps,serviceaccounts,roles,rolebindings,clusterroles,leases,"
    "clusterrolebindings,networkpolicies,limitranges,resourcequotas,poddisruptionbudgets,horizontalpodautoscalers,"
    "priorityclasses,apiservices,validatingadmissionpolicies,validatingadmissionpolicybindings,pods,jobs"
)


def _objects(world: World) -> set[str]:
    """Everything in the cluster that is not the cluster's own."""
    found = json.loads(world.admin.run("get", KINDS, "-A", "-o", "json").stdout)["items"]
    return {_name(item) for item in found if not _built_in(item)}


def _name(item: dict[str, dict[str, str]]) -> str:
    return f"{item['kind']}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def _built_in(item: dict[str, dict[str, str]]) -> bool:
    """What an API server and its controllers make for themselves."""
    name, namespace = item["metadata"]["name"], item["metadata"].get("namespace", "")
    if any(word in name for word in ("metrics-server", "aggregated-metrics", "cluster-autoscaler", "v1beta1.metrics")):
        return False
    if name.startswith(("system:", "system-", "kube-", "v1.", "v2.", "apiserver-", "extension-apiserver")):
        return True
    names = {"cluster-admin", "admin", "edit", "view", "default", "kubernetes", "generic-garbage-collector"}
    return name in names or name.endswith("-controller") or namespace in ("kube-public", "kube-node-lease")
