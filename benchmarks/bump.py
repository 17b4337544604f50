"""What `gitops bump` costs over ten thousand overlays, beside `kustomize edit set image` and beside git alone.

    python -m benchmarks.bump [--overlays 10000] [--kustomize PATH] [--sample 200]

All is measured in one run, over a real git server on loopback. The floor is git plumbing alone: the fetch that any
writer needs, the same blobs and trees written by fast-import, and the push. `kustomize edit set image` works on one
folder a process, so a sample of folders is timed and multiplied; what is measured and what is multiplied is printed.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitops.demo.git_server import GitServer

NEW = "sha256:" + "2b" * 32
OLD = "sha256:" + "1a" * 32
CONFIG = """apiVersion: gitops/v1
name: bench
region: ap-northeast-2
account: "111122223333"
source: {repository: app}
manifests: {repository: manifests}
registry: {host: "r.example", auth: none}
images: [{name: app, repository: team/app}]
clusters: [{name: c}]
environments:
"""


def overlay(number: int, tag: str = "1.4.1", digest: str = OLD) -> str:
    return f"""# overlay {number}
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: team-{number % 97}
resources:
  - ../../base/{number % 2000}
labels:
  - pairs: {{app.kubernetes.io/instance: "i{number}"}}
images:
  - name: app             # by gitops bump
    newName: r.example/team/app
    newTag: "{tag}"
    digest: {digest}
  - name: sidecar
    newTag: "7"
replicas:
  - name: app
    count: {number % 7}
"""


def environment(number: int) -> str:
    return f"e{number:05}"


def git(directory: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    return subprocess.run(
        ["git", "-C", str(directory), *arguments], input=stdin, stdout=subprocess.PIPE, check=True
    ).stdout


def seed(bare: Path, overlays: int) -> None:
    """One commit with gitops.yaml, the overlays and 2,000 base files."""
    names = [environment(number) for number in range(overlays)]
    config = CONFIG + f"  - {{name: {environment(overlays // 2)}, cluster: c, namespace: n}}\n"
    files = {"gitops.yaml": config}
    files |= {f"kustomize/base/{n}/kustomization.yaml": f"resources: [d{n}.yaml]\n" for n in range(2000)}
    files |= {f"kustomize/overlays/{name}/kustomization.yaml": overlay(n) for n, name in enumerate(names)}
    import_commit(bare, "refs/heads/main", files, "", "Seed")


def import_commit(bare: Path, ref: str, files: dict[str, str], parent: str, message: str) -> None:
    committer = "committer B <b@example.invalid> 1700000000 +0000"
    head = f"feature done\ncommit {ref}\n{committer}\ndata {len(message)}\n{message}\n"
    pieces = [head.encode(), f"from {parent}\n".encode() if parent else b""]
    for path, text in files.items():
        data = text.encode()
        pieces.append(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    git(bare, "fast-import", "--quiet", "--force", stdin=b"".join([*pieces, b"\ndone\n"]))


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of processors: git's server side included, as it runs below this process."""

    wall: float
    cpu: float


class Meter:
    """Measures what happens within it."""

    def __enter__(self) -> "Meter":
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.cost = Cost(time.perf_counter() - self._wall, cpu_seconds() - self._cpu)


def cpu_seconds() -> float:
    """Of this process and of all below it that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def floor(url: str, work: Path, overlays: int, tag: str, digest: str) -> Cost:
    """What git alone takes: shallow fetch, fast-import of the same blobs, push."""
    files = {
        f"kustomize/overlays/{environment(n)}/kustomization.yaml": overlay(n, tag, digest) for n in range(overlays)
    }
    with Meter() as meter:
        work.mkdir()
        git(work, "init", "--quiet", "--bare")
        git(work, "fetch", "--quiet", "--depth=1", url, "+refs/heads/main:refs/heads/main")
        tip = git(work, "rev-parse", "main").decode().strip()
        import_commit(work, "refs/heads/new", files, tip, "Floor")
        git(work, "push", "--quiet", f"--force-with-lease=refs/heads/main:{tip}", url, "refs/heads/new:refs/heads/main")
    return meter.cost


def bump(url: str, arguments: list[str]) -> Cost:
    """What one `gitops bump` process."""
    command = [sys.executable, "-m", "gitops", "bump", "app", "--unchecked", "--repository", url, *arguments]
    with Meter() as meter:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return meter.cost


def kustomize_loop(program: str, folder: Path, sample: int) -> Cost:
    """What a folder costs with `kustomize edit set image`, a process each as the tool needs it."""
    for number in range(sample):
        here = folder / environment(number)
        here.mkdir(parents=True)
        (here / "kustomization.yaml").write_text(overlay(number))
    image = f"app=r.example/team/app:1.4.2@{NEW}"
    with Meter() as meter:
        for number in range(sample):
            subprocess.run([program, "edit", "set", "image", image], cwd=folder / environment(number), check=True)
    return Cost(meter.cost.wall / sample, meter.cost.cpu / sample)


def medians(runs: int, measure: Callable[[int], Cost]) -> Cost:
    costs = [measure(run) for run in range(runs)]
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--overlays", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=200, help="folders that kustomize edits")
    parser.add_argument("--kustomize", default=os.environ.get("KUSTOMIZE") or shutil.which("kustomize"))
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gitops-bench-") as name:
        folder = Path(name)
        with GitServer(folder / "served") as server:
            seed(server.create("manifests"), options.overlays)
            report(options, folder, server.url("manifests"))


def report(options: argparse.Namespace, folder: Path, url: str) -> None:
    count, runs = options.overlays, options.runs

    def digest(seed: int) -> str:
        return f"sha256:{seed:064x}"

    floor_all = medians(runs, lambda n: floor(url, folder / f"floor{n}", count, f"2.{n}", digest(n)))
    ours_all = medians(runs, lambda n: bump(url, ["--all", "--tag", f"3.{n}", "--digest", digest(100 + n)]))
    floor_one = medians(runs, lambda n: floor(url, folder / f"one{n}", 1, f"4.{n}", digest(200 + n)))
    one = ["-e", environment(count // 2)]
    ours_one = medians(runs, lambda n: bump(url, [*one, "--tag", f"5.{n}", "--digest", digest(300 + n)]))
    print(f"{count:,} overlays, one image, one commit over HTTP; medians of {runs}: seconds, seconds of CPU")
    line("git alone", floor_all, "fetch --depth 1, fast-import, push")
    line("gitops bump", ours_all, over(ours_all, floor_all, "the floor; target: under 3"))
    if options.kustomize:
        each = kustomize_loop(options.kustomize, folder / "kustomize", options.sample)
        loop = Cost(each.wall * count, each.cpu * count)
        line("kustomize edit", loop, f"{each.wall * 1000:.1f} ms each, of {options.sample}, times {count:,}; no git")
        line("", None, over(loop, ours_all, "gitops bump; target: at least 50"))
    else:
        print("  kustomize is not there (--kustomize PATH): not compared")
    print(f"one overlay of {count:,}")
    line("git alone", floor_one, "")
    line("gitops bump", ours_one, over(ours_one, floor_one, "the floor; target: under 3"))


def line(name: str, cost: Cost | None, remark: str) -> None:
    figures = f"{cost.wall:8.2f} {cost.cpu:8.2f}" if cost else " " * 17
    print(f"  {name:15}{figures}   {remark}")


def over(cost: Cost, base: Cost, what: str) -> str:
    return f"{cost.wall / base.wall:.2f} times ({cost.cpu / base.cpu:.2f} by CPU) {what}"


if __name__ == "__main__":
    main()
