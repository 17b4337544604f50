"""Bad input: one clear line that begins with what is concerned, a hint, exit 1, and nothing changed."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.git import GitRepository
from gitops.demo.git_server import GitServer

DIGEST = "sha256:" + "1" * 64
IMAGE = ("--tag", "1.4.2", "--unchecked", "--digest", DIGEST)


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "server", {"dev": "right"}) as server:
        server.create("shop-manifests")
        yield server


@pytest.fixture
def manifests(tmp_path: Path, git_server: GitServer, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    """A clone of the manifest repository, pushed, in which the test stands. The source repository is beside it."""
    options = ["--name", "shop", "--application", "web", "--rendered", "--registry", "127.0.0.1:1"]
    options += ["--registry-auth", "none", "--manifest-url", git_server.url("shop-manifests", "dev", "right")]
    assert run(["init", str(tmp_path / "shop"), "--yes", *options]) == 0
    repository = GitRepository(tmp_path / "shop" / "shop-manifests")
    repository.run("push", "--quiet", "--set-upstream", "origin", "main")
    monkeypatch.chdir(repository.directory)
    return repository


def everything(repository: GitRepository) -> tuple[str, str, list[str]]:
    """What must stay as it was: every ref, the files of the folder, and the remote's branch."""
    files = [path for path in repository.directory.rglob("*") if ".git" not in path.parts]
    contents = [f"{path} {path.read_bytes()!r}" for path in sorted(files) if path.is_file()]
    return repository.text("for-each-ref", "refs/heads"), repository.text("status", "--porcelain"), contents


def check(
    capsys: pytest.CaptureFixture[str], repository: GitRepository, arguments: tuple[str, ...], begins: str
) -> None:
    before = everything(repository)
    capsys.readouterr()
    assert run(arguments) == 1
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if not line.startswith("[")]
    assert lines[0].startswith(begins), captured.err
    assert lines[1].startswith("  try: "), captured.err
    assert len(lines) == 2, captured.err
    assert "Traceback" not in captured.err
    assert everything(repository) == before


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (("bump", "web", "--env", "stagin", *IMAGE), "gitops.yaml: no environment 'stagin'"),
        (("bump", "web", "--env", "stagin", "--tag", "1.4.2"), "gitops.yaml: no environment 'stagin'"),
        (("bump", "wbe", "--env", "staging", *IMAGE), "gitops.yaml: no image 'wbe'"),
        (("render", "stagin"), "gitops.yaml: no environment 'stagin'"),
        (("plan", "stagin"), "gitops.yaml: no environment 'stagin'"),
        (("deploy", "stagin"), "gitops.yaml: no environment 'stagin'"),
        (("build", "wbe"), "gitops.yaml: no image 'wbe'"),
        (("build", "web", "--source", "/nowhere"), "/nowhere: "),
        (("bump", "web", "--env", "staging", "--from", "none.json"), "none.json: cannot be read"),
        (("bump", "web", "--env", "staging", "--tag", "1.4.2"), "127.0.0.1:1: the registry does not answer"),
        (("build", "web", "--source", "../shop-app"), "127.0.0.1:1: the registry does not answer"),
    ],
)
def test_what_is_not_there_is_named(
    manifests: GitRepository, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], begins: str
) -> None:
    check(capsys, manifests, arguments, begins)


def test_no_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (("bump", "web", "--env", "staging", *IMAGE), ("build",), ("render", "x"), ("deploy", "x")):
        assert run(command) == 1
        assert capsys.readouterr().err.startswith("gitops.yaml: not found in ")


def test_broken_yaml(manifests: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    (manifests.directory / "gitops.yaml").write_text("name: [\n")
    check(capsys, manifests, ("render", "staging"), "gitops.yaml:2:1: is not YAML")


def test_an_overlay_without_the_image(manifests: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    file = manifests.directory / "kustomize/overlays/staging/kustomization.yaml"
    file.write_text(file.read_text().partition("images:")[0])
    manifests.run("commit", "--quiet", "--all", "--message", "No images")
    manifests.run("push", "--quiet")
    check(
        capsys, manifests, ("bump", "web", "--env", "staging", *IMAGE), "kustomize/overlays/staging/kustomization.yaml"
    )


def test_an_overlay_that_is_not_there(manifests: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    manifests.run("rm", "-r", "--quiet", "kustomize/overlays/staging")
    manifests.run("commit", "--quiet", "--message", "No overlay")
    manifests.run("push", "--quiet")
    for arguments in (("render", "staging"), ("deploy", "staging")):
        check(capsys, manifests, arguments, "kustomize/overlays/staging")
    begins = "gitops.yaml: environment 'staging' has its overlay in kustomize/overlays/staging, which has no"
    check(capsys, manifests, ("bump", "web", "--env", "staging", *IMAGE), begins)


def test_uncommitted_changes(manifests: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    file = manifests.directory / "kustomize/overlays/staging/kustomization.yaml"
    file.write_text(file.read_text() + "# half done\n")
    for arguments in (("deploy", "staging"), ("bump", "web", "--env", "staging", *IMAGE)):
        check(capsys, manifests, arguments, "")


def test_an_empty_and_a_detached_source_repository(
    manifests: GitRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    GitRepository(empty).run("init", "--quiet")
    check(capsys, manifests, ("build", "web", "--source", str(empty)), f"{empty}: has no commit yet")
    source = GitRepository(manifests.directory.parent / "shop-app")
    source.run("checkout", "--quiet", "--detach")
    check(capsys, manifests, ("build", "web", "--source", str(source.directory)), str(source.directory))


def test_a_wrong_password(manifests: GitRepository, git_server: GitServer, capsys: pytest.CaptureFixture[str]) -> None:
    manifests.run("remote", "set-url", "origin", git_server.url("shop-manifests", "dev", "wrong"))
    begins = f"{git_server.url('shop-manifests')}: refused the credentials"
    check(capsys, manifests, ("bump", "web", "--env", "staging", *IMAGE), begins)
    assert "wrong" not in capsys.readouterr().err


@pytest.mark.slow
def test_a_remote_that_accepts_and_says_nothing_is_given_up(
    manifests: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/shop-manifests"
        manifests.run("remote", "set-url", "origin", url)
        check(capsys, manifests, ("bump", "web", "--env", "staging", *IMAGE), f"{url}: does not answer")


@pytest.mark.slow
def test_an_aws_that_accepts_and_says_nothing_is_given_up(
    manifests: GitRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = manifests.directory / "gitops.yaml"
    lines = [line for line in file.read_text().splitlines(keepends=True) if not line.startswith("registry:")]
    file.write_text("".join(lines))
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        check(capsys, manifests, ("build", "web", "--source", "../shop-app"), "shop/web: AWS does not answer at")


def test_a_status_that_could_not_be_read(manifests: GitRepository, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--context", "nowhere"]) == 1
    shown = capsys.readouterr().out
    assert "unknown" in shown
    assert "staging: " in shown
    assert run(["status"]) == 0
