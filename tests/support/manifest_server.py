"""Fixtures: a manifest repository on a git server, and a clone of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.demo.git_server import GitServer
from tests.support.manifests import git, manifest_files, repository

NAME = "eks-work-manifests"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """Serves the manifests of staging and prod to the user `robot`."""
    with GitServer(tmp_path / "served", {"robot": "secret"}) as server:
        server.create(NAME)
        seed = repository(tmp_path / "seed", manifest_files(["staging", "prod"]))
        git(seed, "push", "--quiet", server.url(NAME, "robot", "secret"), "main")
        yield server


@pytest.fixture
def url(server: GitServer) -> str:
    return server.url(NAME, "robot", "secret")


@pytest.fixture
def bare(server: GitServer) -> Path:
    """The repository on the server's disk."""
    return server.root / NAME


@pytest.fixture
def clone(url: str, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "--quiet", url, "clone")
    return tmp_path / "clone"
