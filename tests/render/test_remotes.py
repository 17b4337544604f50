"""Bases in other repositories: at a full commit, of a repository that gitops.yaml allows, or refused."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.git import GitRepository
from gitops.clients.remote_tree import fetched
from gitops.demo.git_server import GitServer
from gitops.errors import GitopsError
from gitops.render import render
from gitops.render.cache import Cache
from gitops.render.remotes import Remotes

OTHER = "f" * 40
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")


class Elsewhere:
    """A repository on a server, with a base, a link out of it, and one to a neighbour."""

    def __init__(self, server: GitServer, work: Path) -> None:
        self.url = server.url("base.git").removesuffix(".git")
        bare = server.create("base.git")
        (work / "app/part").mkdir(parents=True)
        (work / "app/kustomization.yaml").write_text("resources: [app.yaml, part]\n")
        (work / "app/app.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n")
        (work / "app/part/kustomization.yaml").write_text("configMapGenerator: [{name: made, files: [data]}]\n")
        (work / "app/part/data").write_bytes(b"a\r\nb\n")
        (work / ".gitattributes").write_text("* text=auto filter=evil\n")
        for name, inside in (("out", f"{'../' * 30}etc"), ("up", "../../..")):
            (work / name).mkdir()
            (work / name / "kustomization.yaml").write_text(f"resources: [{inside}]\n")
        git = GitRepository(work)
        git.run("init", "-q", "-b", "main")
        git.run("add", "-A")
        git.run(*AUTHOR, "commit", "-qm", "Base")
        self.commit = git.head()
        git.run("push", "-q", str(bare), "main")

    def at(self, path: str, commit: str = "") -> str:
        return f"{self.url}.git//{path}?ref={commit or self.commit}"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    with GitServer(tmp_path / "served") as server:
        yield Elsewhere(server, tmp_path / "work")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def remotes(tmp_path: Path, *allowed: str) -> Remotes:
    return Remotes(allowed, lambda url, commit: fetched(url, commit, str(tmp_path / "trees")))


def names(here: Path, resource: str, found: Remotes | None = None, cache: Cache | None = None) -> list[str]:
    (here / "kustomization.yaml").write_text(f"namePrefix: my-\nresources:\n- {resource!r}\n")
    return [each.name for each in render(here, ".", cache, found).objects]


def test_a_base_at_a_commit_is_fetched_once(elsewhere: Elsewhere, here: Path, tmp_path: Path) -> None:
    allowed = remotes(tmp_path, elsewhere.url)
    for spelled in (elsewhere.at("app"), f"{elsewhere.url}/app?ref={elsewhere.commit}", f"git::{elsewhere.at('app')}"):
        found = names(here, spelled, allowed)
        assert [each[:8] for each in found] == ["my-far", "my-made-"]
    unreachable = Remotes(allowed.allowed, lambda url, commit: fetched(url, commit, str(tmp_path / "trees")))
    subprocess.run(["rm", "-r", str(tmp_path / "served/base.git")], check=True)
    assert names(here, elsewhere.at("app"), unreachable) == found
    rendered = render(here, ".", None, allowed)
    far = f"{elsewhere.url}@{elsewhere.commit}/app/app.yaml"
    assert far in rendered.inputs
    assert rendered.objects[0].origin == far


def test_no_filter_and_no_hook_of_this_machine_runs(
    elsewhere: Elsewhere, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[filter "evil"]\n\tsmudge = touch {tmp_path}/ran; cat\n[core]\n\tautocrlf = true\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    names(here, elsewhere.at("app"), remotes(tmp_path, elsewhere.url))
    assert not (tmp_path / "ran").exists()
    (data,) = (tmp_path / "trees").glob("*/*/app/part/data")
    assert data.read_bytes() == b"a\nb\n"


def test_what_is_not_allowed_or_not_pinned_is_refused(elsewhere: Elsewhere, here: Path, tmp_path: Path) -> None:
    allowed = remotes(tmp_path, elsewhere.url)
    for resource, found, said in (
        (elsewhere.at("app"), Remotes(), "is in a repository that gitops.yaml does not allow"),
        (elsewhere.at("app").replace("base", "bases"), allowed, "is in a repository that gitops.yaml does not allow"),
        (elsewhere.at("app", "main"), allowed, "not pinned to a full commit"),
        (elsewhere.at("app", elsewhere.commit[:12]), allowed, "not pinned to a full commit"),
        (f"{elsewhere.url}/app", allowed, "not pinned to a full commit"),
        (elsewhere.at("app") + "&submodules=true", allowed, "asks for more than a commit"),
        (elsewhere.at("app").replace("http://", "git://"), allowed, "is neither https nor ssh"),
        (elsewhere.at("app").replace("http://", "http://me:pw@"), allowed, "is neither https nor ssh"),
        (elsewhere.at("nothing"), allowed, "has no folder 'nothing'"),
        (elsewhere.at("../../.."), allowed, "has no folder '../../..'"),
        (elsewhere.at("out"), allowed, "outside of the repository"),
        (elsewhere.at("up"), allowed, "outside of the repository"),
    ):
        with pytest.raises(GitopsError, match=said) as error:
            names(here, resource, found)
        assert "kustomization.yaml:" in str(error.value).splitlines()[0]
        assert "\n  try: " in str(error.value)
    with pytest.raises(GitopsError):
        names(here, elsewhere.at("app", OTHER), allowed)


def test_what_is_kept_is_not_given_to_who_may_not_have_it(elsewhere: Elsewhere, here: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    found = names(here, elsewhere.at("app"), remotes(tmp_path, elsewhere.url), cache)
    assert names(here, elsewhere.at("app"), remotes(tmp_path, elsewhere.url), Cache(tmp_path / "cache")) == found
    with pytest.raises(GitopsError, match="does not allow"):
        names(here, elsewhere.at("app"), Remotes(), Cache(tmp_path / "cache"))


def test_gitops_yaml_says_what_is_allowed(
    elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert run(["init", str(tmp_path), "--yes"]) == 0
    monkeypatch.chdir(tmp_path / "eks-work-manifests")
    file = Path("kustomize/overlays/prod/kustomization.yaml")
    file.write_text(file.read_text().replace("resources:\n", f"resources:\n  - {elsewhere.at('app')}\n"))
    capsys.readouterr()
    assert run(["render", "prod"]) == 1
    assert "add its URL to remotes: there" in capsys.readouterr().err
    config = Path("gitops.yaml")
    config.write_text(config.read_text() + f"remotes: ['{elsewhere.url}']\n")
    assert run(["render", "prod"]) == 0
    assert "name: far" in capsys.readouterr().out
    assert run(["validate", "prod"]) in (0, 1)
    assert "K001" not in capsys.readouterr().out
    config.write_text(config.read_text() + "  - 'http://example.com/x'\n")
    assert run(["render", "prod"]) == 1
