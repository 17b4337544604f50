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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def timed(results: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    results[name] = time.perf_counter() - started


def floor(url: str, work: Path, overlays: int, tag: str, digest: str) -> float:
    """Seconds that git alone takes: shallow fetch, fast-import of the same blobs, push."""
    files = {
        f"kustomize/overlays/{environment(n)}/kustomization.yaml": overlay(n, tag, digest) for n in range(overlays)
    }
    started = time.perf_counter()
    work.mkdir()
    git(work, "init", "--quiet", "--bare")
    git(work, "fetch", "--quiet", "--depth=1", url, "+refs/heads/main:refs/heads/main")
    tip = git(work, "rev-parse", "main").decode().strip()
    import_commit(work, "refs/heads/new", files, tip, "Floor")
    git(work, "push", "--quiet", f"--force-with-lease=refs/heads/main:{tip}", url, "refs/heads/new:refs/heads/main")
    return time.perf_counter() - started


def bump(url: str, arguments: list[str]) -> float:
    """Seconds of one `gitops bump` process."""
    command = [sys.executable, "-m", "gitops", "bump", "app", "--repository", url, *arguments]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def kustomize_loop(program: str, folder: Path, sample: int) -> float:
    """Seconds a folder of `kustomize edit set image`, a process each as the tool needs it."""
    for number in range(sample):
        here = folder / environment(number)
        here.mkdir(parents=True)
        (here / "kustomization.yaml").write_text(overlay(number))
    started = time.perf_counter()
    for number in range(sample):
        image = f"app=r.example/team/app:1.4.2@{NEW}"
        subprocess.run([program, "edit", "set", "image", image], cwd=folder / environment(number), check=True)
    return (time.perf_counter() - started) / sample


def medians(runs: int, measure: Callable[[int], float]) -> float:
    return statistics.median(measure(run) for run in range(runs))


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
    print(f"{count:,} overlays, one image, one commit over HTTP (medians of {runs})")
    print(f"  git alone      {floor_all:7.2f} s   fetch --depth 1, fast-import, push")
    print(f"  gitops bump    {ours_all:7.2f} s   {ours_all / floor_all:.2f} times the floor (target: under 3)")
    if options.kustomize:
        each = kustomize_loop(options.kustomize, folder / "kustomize", options.sample)
        loop = each * count
        each_said = f"{each * 1000:.1f} ms each, of {options.sample}"
        print(f"  kustomize edit {loop:7.2f} s   {each_said}, times {count:,}; no git")
        print(f"  gitops bump is {loop / ours_all:.0f} times as fast (target: at least 50)")
    else:
        print("  kustomize is not there (--kustomize PATH): not compared")
    print(f"one overlay of {count:,}")
    print(f"  git alone      {floor_one:7.3f} s")
    print(f"  gitops bump    {ours_one:7.3f} s   {ours_one / floor_one:.2f} times the floor (target: under 3)")


if __name__ == "__main__":
    main()
