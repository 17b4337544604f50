"""What `gitops render` costs beside `kubectl kustomize`, in the same run: wall and user CPU, ratios, growth, memory.

    python -m benchmarks.render [--large] [--kubectl PATH]

The small ones are `gitops render`, the large ones a process that renders and prints the JSON of every object; all of
them cold but where it says otherwise. `--large` measures kustomize at 2,000 and 4,000 objects too, which takes minutes;
without it those are ours alone.
"""

import argparse
import compileall
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from gitops.clients.kubectl import find_kubectl

OURS = (
    "import sys, json;"
    "from gitops.render import render;"
    "found = render(sys.argv[1], '.');"
    "json.dump([each.body for each in found.objects], sys.stdout)"
)
OBJECT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{n}
  labels:
    app: app-{n}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app-{n}
  template:
    metadata:
      labels:
        app: app-{n}
    spec:
      containers:
        - name: main
          image: registry.example.com/app-{image}:1.0.0
          ports:
            - containerPort: 8080
          envFrom:
            - configMapRef:
                name: conf-{image}
"""


CONFIG = """apiVersion: gitops/v1
name: bench
region: eu-west-1
account: "111122223333"
source: {repository: app}
manifests: {repository: manifests}
images: [{name: app, repository: app}]
clusters: [{name: one}]
environments:
"""
EVEN = "; goal: no slower, start-up included"


class Spent(NamedTuple):
    """Seconds of wall clock and of user CPU, and the largest resident set in MB."""

    wall: float
    user: float
    memory: float

    def __str__(self) -> str:
        return f"{self.wall:8.3f} s wall {self.user:8.3f} s user {self.memory:6.0f} MB"


def run(command: list[str]) -> Spent:
    """Run a command to its end, and say what it took."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed")
    return Spent(time.perf_counter() - start, usage.ru_utime, usage.ru_maxrss / 1024)


def best(command: list[str], times: int = 3) -> Spent:
    return min((run(command) for _ in range(times)), key=lambda spent: spent.wall)


def ours(root: Path) -> list[str]:
    return [sys.executable, "-c", OURS, str(root)]


def plain_tree(root: Path, objects: int) -> Path:
    """Deployments in one file; a namespace and an image."""
    root.mkdir(parents=True)
    text = "---\n".join(OBJECT.format(n=n, image=n % 500) for n in range(objects))
    (root / "all.yaml").write_text(text)
    (root / "kustomization.yaml").write_text(
        "resources: [all.yaml]\nnamespace: prod\nimages: [{name: registry.example.com/app-1, newTag: '2'}]\n"
    )
    return root


def hashed_tree(root: Path, objects: int) -> Path:
    """Deployments that name 500 generated ConfigMaps; a prefix; 500 images."""
    plain_tree(root, objects)
    maps = [f"- {{name: conf-{n}, literals: [a={n}]}}" for n in range(500)]
    images = [f"- {{name: registry.example.com/app-{n}, newTag: '2'}}" for n in range(500)]
    lines = ["resources: [all.yaml]", "namePrefix: pre-", "configMapGenerator:", *maps, "images:", *images]
    (root / "kustomization.yaml").write_text("\n".join(lines) + "\n")
    return root


def small_tree(root: Path, overlays: int) -> list[str]:
    """A base of two objects, and overlays of it."""
    (root / "base").mkdir(parents=True)
    (root / "base/app.yaml").write_text(OBJECT.format(n=1, image=1) + "---\n" + OBJECT.format(n=2, image=2))
    (root / "base/kustomization.yaml").write_text(
        "resources: [app.yaml]\nconfigMapGenerator: [{name: conf-1, literals: [a=b]}]\n"
    )
    names = [f"overlays/o{n}" for n in range(overlays)]
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "kustomization.yaml").write_text(
            f"resources: [../../base]\nnamespace: {name[9:]}\n"
            "images: [{name: registry.example.com/app-1, newTag: '2'}]\nreplicas: [{name: app-1, count: 3}]\n"
        )
    return names


def compare(title: str, mine: Spent, theirs: Spent | None, goal: str = "") -> None:
    print(f"{title}\n  gitops            {mine}")
    if theirs:
        ratio, cpu = theirs.wall / mine.wall, theirs.user / mine.user
        print(f"  kubectl kustomize {theirs}\n  {ratio:.1f} times as fast (user CPU: {cpu:.1f} times){goal}")


def large(work: Path, kubectl: str, *, with_kustomize: bool) -> None:
    before: Spent | None = None
    for objects, goal in ((1000, 5), (2000, 12), (4000, 40), (8000, 0), (16000, 0)):
        root = plain_tree(work / f"plain{objects}", objects)
        mine = best(ours(root))
        measured = objects <= 1000 or (with_kustomize and objects <= 4000)
        theirs = run([kubectl, "kustomize", str(root)]) if measured else None
        compare(f"{objects} objects, namespace and image", mine, theirs, f"; goal {goal}")
        if before:
            print(f"  twice the objects take {mine.wall / before.wall:.2f} times as long (goal: at most 2.3)")
        before = mine
    root = hashed_tree(work / "hashed", 1500)
    theirs = run([kubectl, "kustomize", str(root)]) if with_kustomize else None
    compare("1500 objects, prefix, 500 hashed ConfigMaps, 500 images", best(ours(root)), theirs, "; goal 40")


def small(work: Path, kubectl: str) -> None:
    root = work / "small"
    names = small_tree(root, 100)
    environments = [f"- {{name: {Path(name).name}, namespace: a, cluster: one, overlay: {name}}}\n" for name in names]
    (root / "gitops.yaml").write_text(CONFIG + "".join(environments))
    os.environ["XDG_CACHE_HOME"] = str(work / "home")
    os.chdir(root)
    render = [str(Path(sys.executable).with_name("gitops")), "render"]
    alone = best([kubectl, "kustomize", names[0]], 15)
    compare("one small overlay, `gitops render o0 --no-cache`", best([*render, "o0", "--no-cache"], 15), alone, EVEN)
    compare("one small overlay, `gitops render o0` again", best([*render, "o0"], 15), alone, EVEN)
    one_by_one = [run([kubectl, "kustomize", name]) for name in names]
    hundred = Spent(sum(s.wall for s in one_by_one), sum(s.user for s in one_by_one), 0)
    every = [*render, *(Path(name).name for name in names)]
    compare("100 small overlays, cold", best([*every, "--no-cache"]), hundred, "; goal 10")
    run(every)
    compare("100 small overlays, warm", best(every, 15), hundred, "; goal 100")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--kubectl", default=find_kubectl())
    options = parser.parse_args()
    if not options.kubectl:
        raise SystemExit("kubectl is not there: nothing to compare with")
    version = subprocess.run([options.kubectl, "version", "--client", "-o", "json"], capture_output=True, check=True)
    print("kustomize", json.loads(version.stdout)["kustomizeVersion"], "· Python", sys.version.split()[0])
    compileall.compile_dir(Path(__file__).parent.parent / "gitops", quiet=1)  # as an installation does
    with tempfile.TemporaryDirectory() as work:
        small(Path(work), options.kubectl)
        large(Path(work), options.kubectl, with_kustomize=options.large)
    print(f"largest process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
