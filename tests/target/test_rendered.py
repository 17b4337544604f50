"""The rendered target: a folder, or a branch whose every release is one commit."""

import subprocess
from pathlib import Path

import pytest
import yaml

from gitops.apply.events import Event
from gitops.clients.git import GitRepository
from gitops.errors import GitopsError
from gitops.objects import KubeObject
from gitops.pipeline import deploy, prepare
from gitops.plan.model import Plan, Release
from gitops.render.text import to_yaml
from gitops.target.rendered import RELEASE_FILE, Branch, Folder, RenderedTarget, Store, path_of
from tests.support.kube_objects import aggregated_role, config_map, deployment, namespace


def release(revision: str = "a" * 40) -> Release:
    return Release("prod", "branch", revision, "a title", "shop/prod", "app")


def run(store: Store, objects: list[KubeObject], revision: str = "a" * 40) -> tuple[Plan, list[Event]]:
    plan, *events = deploy(release(revision), objects, RenderedTarget(store))
    assert isinstance(plan, Plan)
    return plan, [event for event in events if isinstance(event, Event)]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone with an origin and one commit on main."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", "--bare", str(origin)], check=True)
    subprocess.run(["git", "clone", "--quiet", str(origin), str(clone)], check=True, capture_output=True)
    git(clone, "commit", "--quiet", "--allow-empty", "-m", "first")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    return clone


def branch(repository: Path) -> Branch:
    return Branch(GitRepository(repository), "release/prod")


def test_a_release_is_one_commit_on_the_branch_one_file_an_object(repository: Path) -> None:
    _, events = run(branch(repository), [config_map(), namespace("app")])
    assert [event.status for event in events] == ["created", "created", "recorded"]
    git(repository, "fetch", "--quiet")
    assert git(repository, "rev-list", "--count", "origin/release/prod") == "1"
    files = git(repository, "ls-tree", "-r", "--name-only", "origin/release/prod").splitlines()
    assert files == [RELEASE_FILE, "app/configmap-settings.yaml", "cluster/namespace-app.yaml"]
    assert git(repository, "log", "-1", "--format=%s", "origin/release/prod") == "Release prod aaaaaaa: a title"
    assert git(repository, "status", "--porcelain") == ""


def test_the_diff_of_the_commit_is_the_release(repository: Path) -> None:
    old = config_map("old", a="1")
    run(branch(repository), [config_map(), deployment(image="web:1"), old])
    plan, _ = run(branch(repository), [config_map(), deployment(image="web:2")], "b" * 40)
    assert [f"{change.action} {change.ref.kind} {change.note}" for change in plan.pending] == [
        "update Deployment image 1 -> 2",
        "delete ConfigMap ",
    ]
    git(repository, "fetch", "--quiet")
    shown = git(repository, "diff", "--name-status", "origin/release/prod~1", "origin/release/prod").splitlines()
    assert shown == [f"M\t{RELEASE_FILE}", "D\tapp/configmap-old.yaml", "M\tapp/deployment.apps-web.yaml"]


def test_a_second_release_of_an_aggregated_cluster_role_makes_no_commit(repository: Path) -> None:
    run(branch(repository), [aggregated_role("all", rules=[])])
    plan, _ = run(branch(repository), [aggregated_role("all", rules=[])], "b" * 40)
    assert plan.pending == ()


def test_a_second_release_of_the_same_makes_no_commit(repository: Path) -> None:
    run(branch(repository), [config_map()])
    plan, events = run(branch(repository), [config_map()])
    assert (plan.pending, events) == ((), [])
    git(repository, "fetch", "--quiet")
    assert git(repository, "rev-list", "--count", "origin/release/prod") == "1"


def test_a_dry_run_makes_no_branch(repository: Path) -> None:
    list(deploy(release(), [config_map()], RenderedTarget(branch(repository)), dry_run=True))
    assert git(repository, "ls-remote", "origin", "refs/heads/release/prod") == ""


def test_a_branch_that_moved_meanwhile_keeps_its_other_commit(repository: Path, tmp_path: Path) -> None:
    run(branch(repository), [config_map()])
    target = RenderedTarget(branch(repository))
    plan = prepare(release("b" * 40), [config_map(a="2")], target)
    other = tmp_path / "other"
    origin = git(repository, "remote", "get-url", "origin")
    subprocess.run(["git", "clone", "--quiet", "--branch=release/prod", origin, str(other)], check=True)
    (other / "README").write_text("by hand\n")
    git(other, "add", "README")
    git(other, "commit", "--quiet", "-m", "by hand")
    git(other, "push", "--quiet")
    list(target.apply(plan))
    git(repository, "fetch", "--quiet")
    assert git(repository, "log", "--format=%s", "origin/release/prod").splitlines() == [
        "Release prod bbbbbbb: a title",
        "by hand",
        "Release prod aaaaaaa: a title",
    ]
    assert git(repository, "show", "origin/release/prod:README") == "by hand"


def test_without_an_origin_the_branch_is_moved_here(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "first")
    run(branch(tmp_path), [config_map()])
    assert git(tmp_path, "show", "release/prod:app/configmap-settings.yaml").startswith("apiVersion: v1")
    with pytest.raises(GitopsError, match="is checked out here"):
        run(Branch(GitRepository(tmp_path), git(tmp_path, "branch", "--show-current")), [config_map()])


def test_the_history_of_a_branch_tells_when_and_what(repository: Path) -> None:
    run(branch(repository), [deployment(image="registry.invalid/web:1")])
    run(branch(repository), [deployment(image="registry.invalid/web:2")], "b" * 40)
    inventory = RenderedTarget(branch(repository)).inventory(release())
    assert [entry.revision[0] for entry in inventory.history] == ["b", "a"]
    assert inventory.history[0].images == ("registry.invalid/web:2",)
    assert all(entry.started for entry in inventory.history)


def test_a_folder_keeps_files_that_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "README").write_text("ours?")
    run(Folder(tmp_path), [config_map(), config_map("old")])
    run(Folder(tmp_path), [config_map()], "b" * 40)
    assert sorted(path.name for path in (tmp_path / "app").iterdir()) == ["README", "configmap-settings.yaml"]


def test_a_folder_of_another_environment_is_refused(tmp_path: Path) -> None:
    run(Folder(tmp_path), [config_map()])
    other = Release("staging", "folder", "a" * 40, "", "shop/staging", "app")
    with pytest.raises(GitopsError, match="holds the release of shop/prod, not of shop/staging"):
        list(deploy(other, [config_map()], RenderedTarget(Folder(tmp_path))))


@pytest.mark.parametrize("text", ["y", "n", "on", "1.20", "0x1", "a: b", "- a", "", " x", "a\nb\n", "a\nb", "é", "~"])
def test_text_is_text_again_when_it_is_read(text: str) -> None:
    body = config_map(a=text).body
    assert yaml.safe_load(to_yaml(body)) == body


def test_what_yaml_1_1_takes_for_a_truth_is_quoted() -> None:
    assert b"a: 'y'" in to_yaml(config_map(a="y").body)


def test_a_name_cannot_leave_the_folder() -> None:
    assert path_of(config_map("../../etc/passwd").ref) == "app/configmap-%2e%2e%2f..%2fetc%2fpasswd.yaml"
    assert path_of(config_map("a", "..").ref) == "%2e%2e/configmap-a.yaml"
    assert path_of(config_map("a", ".git").ref) == "%2egit/configmap-a.yaml"
