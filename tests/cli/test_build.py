"""`gitops build`, as a person runs it: by the real Docker, into a real registry, with ECR's login from moto."""

import json
import os
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gitops.cli import run
from gitops.clients.git import GitRepository
from gitops.demo.aws import REGISTRY_PASSWORD, aws_server, credentials
from gitops.demo.registry import HTPASSWD, registry_server
from gitops.demo.world import create_ecr_repository
from tests.support.base_image import import_base_image
from tests.support.sources import commit

BASE = "public.ecr.aws/docker/library/python:3.14-slim"
"""What the sample application's Dockerfile starts from."""
IMAGE, REPOSITORY = "backend-app-image", "k8sbook/backend-app"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with aws_server() as endpoint:
        for name, value in credentials(endpoint, "ap-northeast-2").items():
            monkeypatch.setenv(name, value)
        # moto's state is the process's, whichever server asks.
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
        create_ecr_repository(REPOSITORY)
        yield endpoint


class Place:
    """The two repositories that `gitops init` writes, with a registry to push to."""

    def __init__(self, folder: Path, registry: str) -> None:
        self.folder = folder
        self.registry = registry
        self.source = GitRepository(folder / "eks-work-app")
        self.manifests = folder / "eks-work-manifests"
        self.output = folder / "image.json"

    def build(self, *arguments: str) -> int:
        return run(["-C", str(self.manifests), "build", "--output", str(self.output), *arguments])

    @property
    def built(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.output.read_text())
        return document


@pytest.fixture
def place(tmp_path: Path, aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    with registry_server(tmp_path / "registry", HTPASSWD) as registry:
        arguments = ["--yes", "--rendered", "--registry", registry, "--registry-auth", "ecr"]
        assert run(["init", str(tmp_path), "--name", "eks-work", *arguments, "--image-repository", REPOSITORY]) == 0
        yield Place(tmp_path, registry)


@pytest.fixture
def docker_images(place: Place) -> Iterator[None]:
    """The daemon has the base image; what is built for this registry is taken away again."""
    import docker

    import_base_image(BASE)
    yield
    with closing(docker.from_env()) as client:
        tags = [tag for image in client.images.list() for tag in image.tags if tag.startswith(f"{place.registry}/")]
        for tag in tags:
            client.images.remove(tag, force=True)


def answer_of(host: str, digest: str) -> Any:
    """Pull the image by its digest, run it, and ask it for its health."""
    import docker

    name = f"{host}/{REPOSITORY}@{digest}"
    with closing(docker.from_env()) as client, closing(socket.socket()) as probe:
        client.images.pull(name, auth_config={"username": "AWS", "password": REGISTRY_PASSWORD})
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        container = client.containers.run(name, detach=True, network_mode="host", environment={"PORT": str(port)})
        try:
            return _first_answer(f"http://127.0.0.1:{port}/health")
        finally:
            container.remove(force=True)


def _first_answer(url: str) -> Any:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return json.load(response)
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{url} never answered")


@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.usefixtures("docker_images")
def test_a_commit_is_built_pushed_and_answers_when_it_is_run(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.build() == 0
    built = place.built
    assert built["revision"] == place.source.head()
    assert built["repository"] == f"{place.registry}/{REPOSITORY}"
    assert not built["skipped"]
    shown = capsys.readouterr().out.splitlines()
    assert shown[-3].startswith(f"{IMAGE}  {place.source.head()[:7]}  sha256:")
    assert shown[-1] == f"wrote {place.output} · next: gitops bump {IMAGE} --env staging --from {place.output}"
    assert answer_of(place.registry, built["digest"]) == {"status": "ok"}

    # Nothing changed: nothing is built. Another file changed: the image gets one more tag.
    assert place.build() == 0
    assert place.built == built | {"skipped": True}
    commit(place.source, {"README.md": "Other words.\n"})
    assert place.build("--version", "1.4.2") == 0
    again = place.built
    assert (again["digest"], again["tag"], again["skipped"]) == (built["digest"], "1.4.2", True)
    assert (again["revision"], again["builtFrom"]) == (place.source.head(), built["revision"])
    assert f"was pushed already, from {built['revision'][:7]}" in capsys.readouterr().out

    # The version is taken now, and ECR's repository is immutable.
    commit(place.source, {"backend-app/notes.txt": "New.\n"})
    assert place.build("--version", "1.4.2") == 1
    assert "1.4.2: exists with another digest" in capsys.readouterr().err


@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.usefixtures("docker_images")
def test_a_failed_step_pushes_nothing_and_writes_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    commit(place.source, {"backend-app/Dockerfile": f"FROM {BASE}\nRUN echo one; echo two; exit 7\n"})
    assert place.build("--network", "none") == 1
    error = capsys.readouterr().err
    assert re.search(
        r"^backend-app/Dockerfile: step 2/\d : RUN echo one; echo two; exit 7 failed, exit code 7$", error, re.MULTILINE
    )
    assert "exit code 7\n  | one\n  | two\n  try: " in error
    assert not place.output.exists()


@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.usefixtures("docker_images")
def test_a_dirty_work_tree_is_built_when_asked(place: Place) -> None:
    (place.source.directory / "backend-app/app.py").write_text("print('dirty')\n")
    assert place.build("--dirty") == 0
    assert place.built["dirty"] is True
    assert place.built["tag"].startswith(f"{place.source.head()[:7]}-dirty-")


@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.usefixtures("docker_images")
def test_a_wrong_password_pushes_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file = place.manifests / "gitops.yaml"
    file.write_text(file.read_text().replace("auth: ecr", "auth: none"))
    assert place.build() == 1
    assert capsys.readouterr().err.startswith(f"{place.registry}/{REPOSITORY}: the registry refuses the credentials")
    assert not place.output.exists()


@pytest.mark.registry
def test_no_daemon_is_said_before_anything_is_pushed(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert place.build() == 1
    assert "docker: no daemon answers at tcp://127.0.0.1:1" in capsys.readouterr().err


@pytest.fixture
def unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    """Repositories whose registry and AWS are at an address where nothing answers."""
    monkeypatch.chdir(tmp_path)
    arguments = ["--yes", "--rendered", "--registry", "127.0.0.1:1", "--registry-auth", "none", "--name", "eks-work"]
    assert run(["init", str(tmp_path), *arguments, "--image-repository", REPOSITORY]) == 0
    capsys.readouterr()
    return Place(tmp_path, "127.0.0.1:1")


def test_a_registry_that_does_not_answer_is_one_line(unreachable: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert unreachable.build() == 1
    assert "127.0.0.1:1: the registry does not answer" in capsys.readouterr().err


def test_a_base_image_of_docker_hub_is_warned_of(unreachable: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert unreachable.build() == 1
    assert "Docker Hub" not in capsys.readouterr().err
    dockerfile = (unreachable.source.directory / "backend-app" / "Dockerfile").read_text()
    from_hub = "\n" + dockerfile.replace("public.ecr.aws/docker/library/", "")
    commit(unreachable.source, {"backend-app/Dockerfile": from_hub})
    assert unreachable.build() == 1
    warning, hint = capsys.readouterr().err.splitlines()[:2]
    assert warning.startswith("warning: backend-app/Dockerfile:5: python:3.14-slim is pulled from Docker Hub")
    assert hint.startswith("  try: public.ecr.aws/docker/library/python:3.14-slim, or ")


def test_an_aws_endpoint_that_does_not_answer_is_one_line(
    unreachable: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = unreachable.manifests / "gitops.yaml"
    file.write_text(file.read_text().replace("auth: none", "auth: ecr"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert unreachable.build() == 1
    assert "AWS does not answer at http://127.0.0.1:1" in capsys.readouterr().err


def test_a_repository_that_ecr_has_not_is_one_line(
    unreachable: Place, aws: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = unreachable.manifests / "gitops.yaml"
    file.write_text(file.read_text().replace("auth: none", "auth: ecr").replace(REPOSITORY, "k8sbook/other"))
    assert unreachable.build() == 1
    assert "k8sbook/other: ECR in ap-northeast-2 has no such repository" in capsys.readouterr().err


def test_missing_credentials_are_one_line(
    unreachable: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = unreachable.manifests / "gitops.yaml"
    file.write_text(file.read_text().replace("auth: none", "auth: ecr"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert unreachable.build() == 1
    assert "no AWS credentials" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["backend-ap"], 1, "no image 'backend-ap'"),
        (["--version", "1 4"], 2, "--version: cannot be '1 4'"),
        (["--revision", "nothing"], 2, "has no commit 'nothing'"),
        (["--dirty", "--revision", "main"], 2, "--dirty: builds the work tree"),
        (["--source", "/"], 1, "is not in a git repository"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    unreachable: Place, arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert unreachable.build(*arguments) == code
    assert said in capsys.readouterr().err


def test_the_source_repository_finds_the_config_beside_it(
    unreachable: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(unreachable.source.directory / "backend-app")
    assert run(["build"]) == 1
    assert "127.0.0.1:1: the registry does not answer" in capsys.readouterr().err


def test_a_source_repository_without_a_config_beside_it_says_how_to_name_one(
    unreachable: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.rename(unreachable.manifests, unreachable.folder / "elsewhere.d")
    (unreachable.folder / "pipe").mkdir()
    os.mkfifo(unreachable.folder / "pipe" / "gitops.yaml")  # would be waited for, were it opened
    (unreachable.folder / "elsewhere.d" / "gitops.yaml").rename(unreachable.folder / "elsewhere.d" / "other.yaml")
    monkeypatch.chdir(unreachable.source.directory)
    assert run(["build"]) == 1
    assert "gitops.yaml: not found" in capsys.readouterr().err
    monkeypatch.setenv("GITOPS_CONFIG", str(unreachable.folder / "elsewhere.d" / "other.yaml"))
    assert run(["build"]) == 1
    assert "127.0.0.1:1: the registry does not answer" in capsys.readouterr().err
