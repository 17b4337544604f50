"""Makers of manifest repositories: a small gitops.yaml, overlays, a bare repository that has them."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

OLD, NEW, NEWER = ("sha256:" + pair * 32 for pair in ("1a", "2b", "3c"))
"""Digests."""

CONFIG = """\
apiVersion: gitops/v1
name: eks-work
region: ap-northeast-2
account: "111122223333"
source:    {repository: eks-work-app}
manifests: {repository: eks-work-manifests}
registry:  {host: "r.example", auth: none}
images:
  - {name: backend-app-image, repository: team/backend-app}
  - {name: worker-image, repository: team/worker}
clusters:
  - {name: eks-work-cluster}
environments:
"""


def config(environments: list[str]) -> bytes:
    """A gitops.yaml with these environments."""
    line = "  - {{name: {0}, cluster: eks-work-cluster, namespace: {0}}}\n"
    return (CONFIG + "".join(line.format(name) for name in environments)).encode()


def kustomization(tag: str = "1.4.1", digest: str = OLD) -> bytes:
    """An overlay with comments, odd indentation and CRLF."""
    text = f"""# {{ the overlay }}
resources:
   - ../../base   # up

images:
    -   name: backend-app-image      # by gitops bump
        newName:  r.example/team/backend-app
        newTag:   "{tag}"\t# the version
        digest:   {digest}
    -   name: worker-image
        newTag: '7'
# end"""
    return text.replace("\n", "\r\n").encode()


def manifest_files(environments: list[str]) -> dict[str, bytes]:
    """The files of a manifest repository."""
    overlays = {f"kustomize/overlays/{name}/kustomization.yaml": kustomization() for name in environments}
    return {"gitops.yaml": config(environments), "kustomize/base/kustomization.yaml": b"resources: []\n", **overlays}


def git(directory: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """The stdout of a git command that must succeed."""
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **(env or {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(directory: Path, files: Mapping[str, bytes]) -> Path:
    """A repository with a work tree and one commit of `files`."""
    directory.mkdir(parents=True)
    git(directory, "init", "--quiet", "--initial-branch=main")
    git(directory, "config", "core.autocrlf", "false")
    write(directory, files)
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "-m", "Add the manifests")
    return directory


def write(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` below `directory`."""
    for path, data in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
