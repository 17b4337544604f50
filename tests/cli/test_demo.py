"""The demo ends with two releases, with Docker and without, and touches nothing but its folder."""

import re
from pathlib import Path

import docker
import pytest

from gitops.cli import run
from gitops.cli.demo import typed
from gitops.clients.git import GitRepository
from gitops.generate.scaffold import base_image


def changed_lines(repository: GitRepository, revisions: str) -> list[str]:
    diff = repository.text("diff", "--unified=0", revisions, "--", ":!.gitops-release")
    return [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def docker_images() -> list[list[str]]:
    """The names of every image that the daemon has."""
    client = docker.from_env()
    try:
        return [image.tags for image in client.images.list()]
    finally:
        client.close()


def test_without_docker_and_kubectl_a_public_image_is_released_twice(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-daemon")
    monkeypatch.setattr("gitops.clients.kubectl._find", lambda _: None)
    before = sorted(home.rglob("*"))
    assert run(["demo", str(tmp_path / "demo")]) == 0
    out = capsys.readouterr().out
    assert "done without an image build: docker: no daemon answers" in out
    assert "done without a cluster" in out
    manifests = GitRepository(tmp_path / "demo" / "demo-manifests")
    released = changed_lines(manifests, "origin/release/staging~1..origin/release/staging")
    assert [line.split("@")[0] for line in released] == [
        "-        image: ghcr.io/stefanprodan/podinfo:6.7.1",
        "+        image: ghcr.io/stefanprodan/podinfo:6.9.1",
    ]
    assert sorted(home.rglob("*")) == before
    # The servers are gone, but the clones still have an origin to fetch from.
    manifests.run("fetch", "origin")


def test_run_again_it_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-daemon")
    assert run(["demo", str(tmp_path / "demo")]) == 0
    assert run(["demo", str(tmp_path / "demo")]) == 0


@pytest.mark.parametrize(
    ("program", "said"),
    [("here/.venv/bin/gitops", ".venv/bin/gitops"), ("elsewhere/bin/gitops", "{}/elsewhere/bin/gitops")],
)
def test_what_to_try_next_can_be_typed_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [str(tmp_path / program), "demo"])
    assert typed() == said.format(tmp_path)


def test_a_folder_of_someone_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert run(["demo", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path}: is not empty, and no demo made it\n  try: ")
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.slow
def test_with_docker_two_commits_become_two_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.support.base_image import import_base_image

    import_base_image(base_image())
    assert run(["demo", str(tmp_path / "demo"), "--network", "host"]) == 0
    out = capsys.readouterr().out
    assert out.count("built and pushed") == 2
    registry = re.search(r"127\.0\.0\.1:\d+(?=/demo/web)", out)
    assert registry
    assert not any(registry[0] in name for image in docker_images() for name in image), "nothing stays in the daemon"
    source = GitRepository(tmp_path / "demo" / "demo-app")
    first, second = source.text("rev-list", "--reverse", "--abbrev-commit", "HEAD").split()
    released = changed_lines(
        GitRepository(tmp_path / "demo" / "demo-manifests"), "origin/release/staging~1..origin/release/staging"
    )
    assert [line.split("@")[0].rpartition(":")[2] for line in released] == [first, second]
