"""The demo's world: everything that a release needs, in one folder and in this process."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitops.demo.aws import ACCOUNT, aws_server, credentials
from gitops.demo.git_server import GitServer
from gitops.demo.registry import HTPASSWD, registry_program, registry_server
from gitops.errors import GitopsError

REGION = "ap-northeast-2"
USER, PASSWORD = "demo", "demo"
MARKER = ".gitops-demo"
"""A file in the demo's folder, without which nothing in a folder is removed."""

_GIT_CONFIG = """\
[user]
  name = Demo
  email = demo@example.invalid
[credential]
  helper = store --file={folder}/git-credentials
"""


@dataclass(frozen=True)
class PublicImage:
    """An image that exists, to release where none can be built."""

    repository: str
    tag: str
    digest: str


PUBLIC_REGISTRY, PUBLIC_REPOSITORY = "ghcr.io", "stefanprodan/podinfo"
PUBLIC_IMAGES = (
    PublicImage(PUBLIC_REPOSITORY, "6.7.1", "sha256:862ca45e61b32392f7941a1bdfdbe5ff8b6899070135f1bdca1c287d0057fc94"),
    PublicImage(PUBLIC_REPOSITORY, "6.9.1", "sha256:262578cde928d5c9eba3bce079976444f624c13ed0afb741d90d5423877496cb"),
)
"""podinfo, a small web service; digests as in the component descriptors of the OCM project's tutorials."""

PUBLIC_PORT, PUBLIC_HEALTH = 9898, "/healthz"
"""Where podinfo listens, and answers for its health."""


@dataclass(frozen=True)
class World:
    """What there is: the folder, git over HTTP with a password, an AWS, and a registry where one can be had."""

    folder: Path
    git: GitServer
    registry: str
    """host:port, or empty where images cannot be built and pushed."""
    missing: str
    """Why not; empty where they can."""


@contextmanager
def demo_world(folder: Path, why_no_image: Callable[[], str]) -> Iterator[World]:
    """Make the world in `folder` and lead this process's AWS, git and cache settings into it, for the context's time.

    `why_no_image` says why no image can be built, with nothing where one can. Raises `GitopsError` where `folder` is
    in use for something else.
    """
    _clear(folder)
    with ExitStack() as stack:
        endpoint = stack.enter_context(aws_server())
        git = stack.enter_context(GitServer(folder / "server", {USER: PASSWORD}))
        missing = why_no_image() or ("" if registry_program() else "no registry program (docker-registry) on PATH")
        registry = "" if missing else stack.enter_context(registry_server(folder / "registry", HTPASSWD))
        (folder / "gitconfig").write_text(_GIT_CONFIG.format(folder=folder))
        (folder / "git-credentials").write_text(f"http://{USER}:{PASSWORD}@127.0.0.1:{git.port}\n")
        settings = {
            **credentials(endpoint, REGION),
            "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        stack.enter_context(_environment(settings))
        yield World(folder, git, registry, missing)


def create_ecr_repository(repository: str) -> None:
    """Make `repository` in the demo's ECR, with immutable tags as the pipeline's template has it."""
    import boto3

    boto3.client("ecr").create_repository(repositoryName=repository, imageTagMutability="IMMUTABLE")


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise GitopsError(str(folder), "is not empty, and no demo made it", "give another folder: gitops demo DIR")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(f"Made by gitops demo (account {ACCOUNT} is moto's). Remove it as you like.\n")


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.pop("AWS_PROFILE", None)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
