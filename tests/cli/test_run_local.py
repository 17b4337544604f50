"""`gitops pipeline run-local`: a commit through all four buildspecs, and what is refused before anything runs."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.git import GitRepository
from gitops.clients.kubernetes import KubernetesCluster
from gitops.demo.aws import aws_server, credentials
from gitops.demo.git_server import GitServer
from gitops.demo.registry import HTPASSWD, registry_server
from gitops.demo.world import create_ecr_repository
from gitops.template.buildspecs import buildspecs
from tests.cli.test_build import BASE, answer_of
from tests.support.api_server import ApiServer
from tests.support.base_image import import_base_image
from tests.support.kubelet import Kubelet

ROOT = Path(__file__).parents[2]
REPOSITORY = "k8sbook/backend-app"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toolkit's wheel, built from this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


class World:
    """Both repositories cloned, with their origins served over HTTP."""

    def __init__(self, folder: Path, git: GitServer, registry: str) -> None:
        self.folder = folder
        self.git = git
        self.registry = registry
        self.manifests = GitRepository(folder / "eks-work-manifests")
        self.source = GitRepository(folder / "eks-work-app")

    def init(self) -> None:
        """Write both repositories, releasing to branches, and push them."""
        for repository in (self.source, self.manifests):
            self.git.create(repository.directory.name)
        urls = ["--source-url", self.git.url("eks-work-app"), "--manifest-url", self.git.url("eks-work-manifests")]
        registry = ["--registry", self.registry, "--registry-auth", "ecr", "--image-repository", REPOSITORY]
        assert run(["init", str(self.folder), "--yes", "--name", "eks-work", "--rendered", *urls, *registry]) == 0
        for repository in (self.source, self.manifests):
            repository.run("push", "--quiet", "origin", "main")

    def run_local(self, stage: str, *arguments: str) -> int:
        return run(["-C", str(self.manifests.directory), "pipeline", "run-local", stage, *arguments])

    def handed_on(self, stage: str, file: str) -> Path:
        return Path(os.environ["XDG_CACHE_HOME"]) / "gitops/run-local/eks-work" / stage / file


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with (
        aws_server() as endpoint,
        GitServer(tmp_path / "served") as git,
        registry_server(tmp_path / "registry", HTPASSWD) as registry,
    ):
        for name, value in credentials(endpoint, "ap-northeast-2").items():
            monkeypatch.setenv(name, value)
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
        create_ecr_repository(REPOSITORY)
        world = World(tmp_path, git, registry)
        world.init()
        yield world


@pytest.fixture
def docker_images(world: World) -> Iterator[None]:
    import docker

    import_base_image(BASE)
    yield
    with closing(docker.from_env()) as client:
        tags = [tag for image in client.images.list() for tag in image.tags if tag.startswith(f"{world.registry}/")]
        for tag in tags:
            client.images.remove(tag, force=True)


@pytest.fixture
def api_server(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesCluster]:
    """A real API server that the environments are deployed to, instead of branches; its pods become ready."""
    file = world.manifests.directory / "gitops.yaml"
    text = file.read_text()
    for environment in ("staging", "prod"):
        text = text.replace(f"target: {{branch: release/{environment}}}", "cluster: local")
    text = text.replace("environments:", "clusters:\n  - {name: local, context: test}\nenvironments:")
    file.write_text(text)
    assert run(["-C", str(world.manifests.directory), "generate"]) == 0
    world.manifests.run("add", "--all")
    world.manifests.run("commit", "--quiet", "-m", "Deploy to a cluster")
    world.manifests.run("push", "--quiet", "origin", "main")
    (tmp_path / "cluster").mkdir()
    with ApiServer(tmp_path / "cluster", controllers=True) as server:
        cluster = KubernetesCluster(server.connection())
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig()))
        with Kubelet(cluster, "eks-work-staging"):
            yield cluster


def run_three_stages(world: World, wheel: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Build, bump and validate; returns the image that staging shall have."""
    assert world.run_local("build", "--wheel", str(wheel)) == 0, capsys.readouterr().out
    built = json.loads(world.handed_on("build", "built/backend-app-image.json").read_text())
    assert built["revision"] == world.source.head()
    assert answer_of(world.registry, built["digest"]) == {"status": "ok"}

    assert world.run_local("bump", "--wheel", str(wheel)) == 0, capsys.readouterr().out
    world.manifests.run("pull", "--quiet", "--ff-only", "origin", "main")
    assert f"exported MANIFEST_COMMIT={world.manifests.head()}" in capsys.readouterr().out
    assert built["digest"] in world.manifests.text("show", "HEAD:kustomize/overlays/staging/kustomization.yaml")

    assert world.run_local("validate", "--wheel", str(wheel)) == 0, capsys.readouterr().out
    assert world.handed_on("validate", "plans/staging.json").is_file()
    assert "report manifests: 1 file (JUNITXML)" in capsys.readouterr().out
    return f"{built['repository']}:{built['tag']}@{built['digest']}"


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.kubectl
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("docker_images")
def test_a_commit_goes_through_all_four_buildspecs_to_a_branch(
    world: World, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = run_three_stages(world, wheel, capsys)
    assert world.run_local("deploy", "--wheel", str(wheel), "-e", "GITOPS_TARGET=staging") == 0, capsys.readouterr().out
    world.manifests.run("fetch", "--quiet", "origin", "release/staging")
    assert image in world.manifests.text("grep", "image:", "FETCH_HEAD")


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.kubectl
@pytest.mark.cluster
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("docker_images")
def test_a_commit_goes_through_all_four_buildspecs_to_a_real_api_server(
    world: World, api_server: KubernetesCluster, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = run_three_stages(world, wheel, capsys)
    plan = ["--input", f"Plan={world.handed_on('validate', '.')}"]
    assert world.run_local("deploy", "--wheel", str(wheel), *plan, "-e", "GITOPS_TARGET=staging") == 0, (
        capsys.readouterr().out
    )
    deployments = api_server.list("apps", "Deployment", "eks-work-staging").objects
    assert [each.body["spec"]["template"]["spec"]["containers"][0]["image"] for each in deployments] == [image]
    assert deployments[0].body["status"]["readyReplicas"] == 2


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest repository with the generated buildspecs, committed; nothing else is there."""
    from tests.support.configs import sample

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "eks-work-manifests"
    folder.mkdir()
    (folder / "gitops.yaml").write_bytes((ROOT / "gitops.yaml").read_bytes())
    (folder / "buildspec").mkdir()
    for path, data in buildspecs(sample()).items():
        (folder / path).write_bytes(data)
    git = GitRepository(folder)
    git.run("init", "--quiet", "--initial-branch=main")
    git.run("remote", "add", "origin", "http://127.0.0.1:1/eks-work-manifests")
    git.run("add", "--all")
    git.run("commit", "--quiet", "-m", "Start")
    return folder


def run_own(folder: Path, text: str, *arguments: str) -> int:
    (folder / "own.yaml").write_text("version: 0.2\n" + text)
    return run(["-C", str(folder), "pipeline", "run-local", "own", "--buildspec", "own.yaml", *arguments])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["biuld"], None, "did you mean 'build'"),
        (["build"], 2, "buildspec/build.yaml installs gitops from a wheel\n  try: name one: --wheel FILE.whl"),
        (["build", "--secret", "NOT_SET"], 2, "--secret: NOT_SET is not set here"),
        (["build", "-e", "NOT_SET"], 2, "--env: NOT_SET is not set here"),
        (["build", "--buildspec", "nothing.yaml"], 1, "nothing.yaml: cannot be read"),
        (["bump", "--wheel", "gitops.yaml", "--input", "Built=nothing"], 2, "there is no folder nothing"),
        (["build", "--wheel", "gitops.yaml"], 2, "no source repository here"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    sample: Path, arguments: list[str], code: int | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(sample), "pipeline", "run-local", *arguments]) == (code or 2)
    assert said in capsys.readouterr().err


def test_it_runs_in_a_clone_of_what_is_committed(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sample / "uncommitted").touch()
    commands = '["git status --porcelain; git remote get-url origin", "ls uncommitted || touch made"]'
    assert run_own(sample, f"phases: {{build: {{commands: {commands}}}}}\n") == 0
    out = capsys.readouterr().out
    assert "http://127.0.0.1:1/eks-work-manifests" in out
    assert "cannot access 'uncommitted'" in out
    assert not (sample / "made").exists()


def test_codebuilds_variables_are_there(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = 'echo "$AWS_REGION ${CODEBUILD_BUILD_ID%:*} $PWD/ $CODEBUILD_SRC_DIR/ $CODEBUILD_RESOLVED_SOURCE_VERSION"'
    assert run_own(sample, f"phases: {{build: {{commands: ['{command}']}}}}\n") == 0
    region, name, here, source, commit = capsys.readouterr().out.split("\n  ")[1].split("\n")[0].split()
    assert (region, name, here) == ("ap-northeast-2", "eks-work-own", source)
    assert commit == GitRepository(sample).head()


def test_a_failed_build_exits_1_and_says_where(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_own(sample, "phases: {build: {commands: ['exit 4']}, post_build: {commands: ['echo cleaning']}}\n") == 1
    out = capsys.readouterr().out.splitlines()
    assert "  (exit code 4)" in out
    assert "  cleaning" in out
    assert out[-1].startswith("own: failed in build after ")


def test_the_python_that_is_asked_for_is_python3(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    install = f"install: {{runtime-versions: {{python: '{version}'}}}}"
    assert run_own(sample, f"phases: {{{install}, build: {{commands: ['python3 --version']}}}}\n") == 0
    assert f"  Python {version}." in capsys.readouterr().out


def test_a_runtime_that_is_not_here_is_said(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "phases: {install: {runtime-versions: {java: corretto21}}, build: {commands: ['true']}}\n"
    assert run_own(sample, text) == 0
    assert "note: java corretto21 is not here; what PATH has is used" in capsys.readouterr().out
