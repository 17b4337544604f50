"""Deploys beside `kubectl apply --server-side` (and kapp where it is on PATH), on one API server, in one run.

    python -m benchmarks.deploy [OBJECTS | --large]

Needs etcd, kube-apiserver and kube-controller-manager ($KUBEBUILDER_ASSETS) and kubectl. Prints seconds, and the ratio
to kubectl. gitops runs as a whole process (`gitops deploy`), Python's start and the rendering of the overlay included;
the others are given the same objects as one file, rendered beforehand. gitops and kapp wait until all is ready; kubectl
waits for nothing.

Three mixes: `config` has nothing that takes time to be ready (ConfigMaps, Services, CronJobs); in `apps` a quarter of
the objects are Deployments, scaled to nothing, so that they are ready as soon as their controller has made a
ReplicaSet; in `tiers` five tiers of eight Deployments wait for each other, each with a pod that is ready as soon as it
is seen: gitops is told by `gitops/depends-on`, kapp by its change groups and rules, and kubectl goes as a pipeline
written by hand does: it applies a tier, waits for its rollouts, and goes on to the next.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject
from tests.support.api_server import ApiServer
from tests.support.configs import SHOP
from tests.support.kube_objects import config_map, cron_job, deployment, service, service_account
from tests.support.kubelet import Kubelet

TIERS, PER_TIER = 5, 8
REPEATS = {"gitops": 3, "kubectl": 3, "kapp": 1}
"""kapp takes so much longer that one run has to do."""
CONFIG = (
    SHOP
    + """\
images: [{name: web, repository: web}]
clusters: [{name: test, context: test}]
environments: [{name: prod, cluster: test, namespace: NAMESPACE}]
"""
)


def config(index: int, space: str, tag: str) -> list[KubeObject]:
    return [
        cron_job(f"web-{index}", space, image(index, tag)),
        config_map(f"settings-{index}", space, text="x" * 200),
        service(f"web-{index}", space),
    ]


def apps(index: int, space: str, tag: str) -> list[KubeObject]:
    return [
        deployment(f"web-{index}", space, image(index, tag), replicas=0),
        config_map(f"settings-{index}", space, text="x" * 200),
        service(f"web-{index}", space),
        service_account(f"web-{index}", space),
    ]


def image(index: int, tag: str) -> str:
    return f"registry.invalid/web:{tag if index == 0 else 1}"


def tiers(index: int, space: str, tag: str) -> list[KubeObject]:
    """What `config` has, with a Deployment in the CronJob's place while there is a tier left to fill."""
    tier, rest = tier_of(index), config(index, space, tag)
    if tier == TIERS:
        return rest
    workload = deployment(f"web-{index}", space, image(index, tag), replicas=1)
    notes = {"kapp.k14s.io/change-group": f"bench.invalid/tier-{tier}"}
    if tier:
        before = range((tier - 1) * PER_TIER, tier * PER_TIER)
        notes["gitops/depends-on"] = ", ".join(f"Deployment/{space}/web-{each}" for each in before)
        notes["kapp.k14s.io/change-rule"] = f"upsert after upserting bench.invalid/tier-{tier - 1}"
    return [workload.with_metadata(annotations=notes, labels={"tier": str(tier)}), *rest[1:]]


def tier_of(index: int) -> int:
    return min(index // PER_TIER, TIERS)


def tier_in(body: dict[str, Any]) -> int:
    """The tier of an object's file; what is in none goes with the first."""
    return int(body["metadata"].get("labels", {}).get("tier", 0))


MIXES = {"config": config, "apps": apps, "tiers": tiers}


class Environment:
    """A manifest repository of `count` objects, and the same objects as one file for kubectl."""

    def __init__(self, folder: Path, namespace: str, mix: str, count: int) -> None:
        self.folder = folder
        self.namespace = namespace
        self.mix = mix
        overlay = folder / "kustomize" / "overlays" / "prod"
        overlay.mkdir(parents=True)
        (folder / "gitops.yaml").write_text(CONFIG.replace("NAMESPACE", namespace))
        (overlay / "kustomization.yaml").write_text("resources: [objects.yaml]\n")
        self.objects = overlay / "objects.yaml"
        self.write(count, "1")
        self.git("init", "--quiet")
        self.commit("first")

    def write(self, count: int, tag: str) -> None:
        """`count` objects, the first workload with the image `tag`."""
        bodies: list[Any] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}]
        made = [each.body for index in range(count // 3) for each in MIXES[self.mix](index, self.namespace, tag)]
        bodies += made[: count - 1]
        self.objects.write_text(yaml.dump_all(bodies, Dumper=yaml.CSafeDumper))
        self.tiers = [self.folder / f"tier-{tier}.yaml" for tier in range(TIERS)] if self.mix == "tiers" else []
        for tier, path in enumerate(self.tiers):
            of_it = [body for body in bodies if tier_in(body) == tier]
            path.write_text(yaml.dump_all(of_it, Dumper=yaml.CSafeDumper))

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=b", "-c", "user.email=b@example.invalid"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True)

    def commit(self, subject: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", subject)


def run(*command: str, folder: Path, kubeconfig: Path) -> float:
    """Seconds that a command takes; its output is checked for nothing but success."""
    started = time.perf_counter()
    env = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(Path.cwd())}
    # An installed program has its bytecode.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return time.perf_counter() - started


def gitops(environment: Environment, kubeconfig: Path, *options: str) -> float:
    command = (sys.executable, "-m", "gitops", "deploy", "prod", "--timeout", "300", *options)
    return run(*command, folder=environment.folder, kubeconfig=kubeconfig)


def kubectl(environment: Environment, kubeconfig: Path) -> float:
    files = environment.tiers or [environment.objects]
    commands: list[tuple[str, ...]] = []
    for tier, path in enumerate(files):
        commands.append(("apply", "--server-side", "-f", str(path)))
        if environment.tiers:
            commands.append(("rollout", "status", "deployment", "-n", environment.namespace, "-l", f"tier={tier}"))
    return sum(run("kubectl", *command, folder=environment.folder, kubeconfig=kubeconfig) for command in commands)


def kapp(environment: Environment, kubeconfig: Path) -> float:
    command = ("kapp", "deploy", "-a", environment.namespace, "-n", "default", "-f", str(environment.objects), "--yes")
    return run(*command, folder=environment.folder, kubeconfig=kubeconfig)


def compare(folder: Path, server: ApiServer, mix: str, count: int) -> None:
    """First deploy, no change, one image: each tool on namespaces of its own, one after the other, in turns."""
    tools = {"gitops": gitops, "kubectl": kubectl} | ({"kapp": kapp} if shutil.which("kapp") else {})
    kubeconfig, seconds = server.kubeconfig(), dict[tuple[str, str], list[float]]()
    for repeat in range(max(REPEATS.values())):
        for name in [name for name in tools if repeat < REPEATS[name]]:
            space = f"{name}-{mix}-{repeat}"
            environment = Environment(folder / space, space, mix, count)
            with Kubelet(KubernetesCluster(server.connection()), space) if mix == "tiers" else nullcontext():
                seconds.setdefault(("first", name), []).append(tools[name](environment, kubeconfig))
                seconds.setdefault(("no change", name), []).append(tools[name](environment, kubeconfig))
                environment.write(count, "2")
                environment.commit("second")
                seconds.setdefault(("one image", name), []).append(tools[name](environment, kubeconfig))
    print(f"{count} objects, {mix}: median seconds (ratio to kubectl)", flush=True)
    for case in ("first", "no change", "one image"):
        median = {name: statistics.median(seconds[case, name]) for name in tools}
        said = "  ".join(f"{name} {median[name]:6.2f} ({median[name] / median['kubectl']:4.2f})" for name in tools)
        print(f"  {case:10}  {said}")
    ours = {case: statistics.median(seconds[case, "gitops"]) for case in ("no change", "one image")}
    print(f"  one image to no change, gitops: {ours['one image'] / ours['no change']:.2f}", flush=True)


def large(folder: Path, kubeconfig: Path, count: int) -> None:
    """Seconds and memory of many objects. The largest child so far is gitops: nothing else is run before."""
    environment = Environment(folder / f"large-{count}", f"large-{count}", "config", count)
    first, again = gitops(environment, kubeconfig), gitops(environment, kubeconfig)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{count} objects: first {first:.1f} s, no change {again:.1f} s, peak memory {peak:.0f} MB", flush=True)


def main() -> None:
    counts = [int(argument) for argument in sys.argv[1:] if argument.isdigit()] or [500]
    with tempfile.TemporaryDirectory() as name, ApiServer(Path(name), controllers=True) as server:
        kubeconfig = server.kubeconfig()
        if "--large" in sys.argv:
            for count in (1000, 5000):
                large(Path(name), kubeconfig, count)
        else:
            for count, mix in product(counts, MIXES):
                compare(Path(name), server, mix, count)


if __name__ == "__main__":
    main()
