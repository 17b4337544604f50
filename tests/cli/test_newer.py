"""What ends a wait: a newer commit at the origin that changes what the environment renders to, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gitops.cli.context import Context
from gitops.cli.release_options import ASK_AFTER_FAILURE, ASK_EVERY, newer_of
from gitops.clients.git import GitRepository
from gitops.config.overlays import overlays_named
from gitops.revisions import Revisions
from tests.cli.test_several import NAMES, write_shop


class Deploy:
    """A clone in which a deploy of `prod` waits, and another clone that pushes."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.questions = 0
        GitRepository(folder).run("init", "--quiet", "--bare", "origin.git")
        for name in ("colleague", "clone"):
            GitRepository(folder).run("clone", "--quiet", str(folder / "origin.git"), name)
            if name == "colleague":
                write_shop(folder / name)
                self.colleague = folder / name
                self.push("Start")
        self.clone = folder / "clone"
        context = Context(self.clone / "gitops.yaml")
        revisions = Revisions(self.clone)
        newest = revisions.newest

        def counting(branch: str) -> str:
            self.questions += 1
            return newest(branch)

        revisions.newest = counting  # type: ignore[method-assign]
        (overlay,) = overlays_named(context.config, "prod")
        head = GitRepository(self.clone).head()
        self.newer: Callable[[], str] = newer_of(context, overlay, revisions, head, lambda: self.now)

    def push(self, subject: str) -> str:
        git = GitRepository(self.colleague)
        git.run("add", "--all")
        git.run("commit", "--quiet", "--allow-empty", "-m", subject)
        git.run("push", "--quiet", "origin", "HEAD:refs/heads/main")
        return git.head()

    def edit(self, name: str) -> str:
        file = self.colleague / "kustomize/overlays" / name / "settings.yaml"
        file.write_text(file.read_text().replace("'1'", "'2'"))
        return self.push(f"Change {name}")

    def later(self) -> str:
        self.now += ASK_EVERY
        return self.newer()


@pytest.fixture
def deploy(tmp_path: Path) -> Deploy:
    return Deploy(tmp_path)


def test_a_newer_commit_that_changes_the_environment(deploy: Deploy) -> None:
    assert deploy.later() == ""
    newer = deploy.edit("prod")
    assert deploy.later() == newer
    assert deploy.later() == newer


def test_a_newer_commit_that_changes_another_environment(deploy: Deploy) -> None:
    for name in NAMES:
        if name != "prod":
            deploy.edit(name)
            assert deploy.later() == ""


def test_the_origin_is_asked_now_and_then(deploy: Deploy) -> None:
    deploy.edit("prod")
    assert deploy.newer() == ""
    for _ in range(100):
        deploy.now += (ASK_EVERY - 0.1) / 100
        assert deploy.newer() == ""
    assert deploy.questions == 0
    deploy.now += 1
    deploy.newer()
    deploy.newer()
    assert deploy.questions == 1


def test_a_commit_that_does_not_render_or_is_on_another_line_is_no_reason(deploy: Deploy) -> None:
    file = deploy.colleague / "kustomize/overlays/prod/kustomization.yaml"
    good = file.read_text()
    file.write_text("resources: [gone.yaml]\n")
    deploy.push("Break it")
    assert deploy.later() == ""
    git = GitRepository(deploy.colleague)
    git.run("checkout", "--quiet", "--orphan", "other")
    file.write_text(good)
    git.run("add", "--all")
    git.run("commit", "--quiet", "-m", "Another line")
    git.run("push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")
    assert deploy.later() == ""


def test_without_an_answer_the_wait_goes_on(deploy: Deploy, tmp_path: Path) -> None:
    deploy.edit("prod")
    (tmp_path / "origin.git").rename(tmp_path / "away")
    assert deploy.later() == ""
    (tmp_path / "away").rename(tmp_path / "origin.git")
    assert deploy.later() == ""
    assert deploy.questions == 1
    deploy.now += ASK_AFTER_FAILURE
    assert deploy.newer() != ""
    GitRepository(deploy.clone).run("remote", "remove", "origin")
    assert deploy.later() == ""
