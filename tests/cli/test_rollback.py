"""`gitops rollback`: a revert commit and a hold, which bump obeys, for a branch that releases are rendered to."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.configs import SHOP

CONFIG = (
    SHOP
    + """\
images: [{name: web, repository: web}]
environments: [{name: prod, target: {branch: release/prod}, namespace: shop}]
"""
)
OVERLAY = """\
resources: [../../base]
images:
  - name: web
    newName: registry.invalid/web
    newTag: "TAG"
    digest: sha256:DIGEST
"""
WORKLOAD = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: web, namespace: shop}
spec:
  schedule: "0 * * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: web, image: web}]}}}}
"""


class Shop:
    """A manifest repository with three commits: 1.0, 1.1 and the bad 1.2, each released."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.overlay = folder / "kustomize" / "overlays" / "prod" / "kustomization.yaml"
        self.overlay.parent.mkdir(parents=True)
        base = folder / "kustomize" / "base"
        base.mkdir()
        (folder / "gitops.yaml").write_text(CONFIG)
        (base / "kustomization.yaml").write_text("resources: [web.yaml]\n")
        (base / "web.yaml").write_text(WORKLOAD)
        self.git("init", "--quiet", "--initial-branch=main")
        for number in range(3):
            self.overlay.write_text(OVERLAY.replace("TAG", f"1.{number}").replace("DIGEST", f"{number}" * 64))
            self.git("add", "--all")
            self.git("commit", "--quiet", "-m", f"bump web 1.{number}")
            self.run("deploy", "prod")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def run(self, *arguments: str, code: int = 0) -> str:
        env = {**os.environ, "PYTHONPATH": os.getcwd()}
        command = [sys.executable, "-m", "gitops", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


def test_pain_01_a_rollback_is_a_commit_and_a_hold_that_bump_obeys(shop: Shop) -> None:
    said = shop.run("rollback", "prod", "--reason", "errors at checkout")
    assert "prod goes back to" in said.splitlines()[0]
    assert 'newTag: "1.1"' in shop.overlay.read_text()
    changed = shop.git("show", "--name-only", "--format=%s", "HEAD").splitlines()
    good = shop.git("rev-parse", "--short=7", "HEAD~2")
    assert changed[0] == f"roll back prod to {good}: errors at checkout"
    assert sorted(filter(None, changed[1:])) == [
        ".gitops/holds/prod.yaml",
        "kustomize/overlays/prod/kustomization.yaml",
    ]
    digest = f"sha256:{'2' * 64}"
    refused = shop.run("bump", "web", "--env", "prod", "--tag", "1.2", "--unchecked", "--digest", digest, code=1)
    assert "errors at checkout" in refused
    assert 'newTag: "1.1"' in shop.overlay.read_text()
    assert "1 update" in shop.run("deploy", "prod")
    assert "registry.invalid/web:1.1@sha256:111" in shop.git("show", "release/prod:shop/cronjob.batch-web.yaml")


def test_a_rollback_of_what_is_held_already_adds_its_reason_to_the_hold(shop: Shop) -> None:
    shop.run("hold", "prod", "--reason", "black friday")
    for _ in range(2):
        shop.run("rollback", "prod", "--reason", "1.2 loses\norders")
    holds = (shop.folder / ".gitops" / "holds" / "prod.yaml").read_text()
    assert "reason: black friday; 1.2 loses orders\n" in holds
    assert tag(shop) == "1.1"
    assert "--reason: is empty" in shop.run("rollback", "prod", "--reason", " ", code=2)
    assert "--reason: is empty" in shop.run("hold", "prod", "--reason", "", code=2)


def test_a_dry_run_of_a_rollback_commits_nothing(shop: Shop) -> None:
    head = shop.git("rev-parse", "HEAD")
    said = shop.run("rollback", "prod", "--dry-run")
    assert "kustomize/overlays/prod/kustomization.yaml" in said
    assert "nothing was written (--dry-run)" in said
    assert shop.git("rev-parse", "HEAD") == head
    assert shop.git("status", "--porcelain") == ""


def test_a_rollback_goes_to_the_revision_that_is_named(shop: Shop) -> None:
    shop.run("rollback", "prod", "--to", "HEAD~2")
    assert 'newTag: "1.0"' in shop.overlay.read_text()
    assert "is no commit of this clone" in shop.run("rollback", "prod", "--to", "nowhere", code=1)


def tag(shop: Shop) -> str:
    return shop.overlay.read_text().partition('newTag: "')[2][:3]


def test_a_rollback_that_is_asked_for_twice_is_one_and_one_more_once_that_was_deployed(shop: Shop) -> None:
    for _ in range(2):
        shop.run("rollback", "prod")
        assert tag(shop) == "1.1"
    shop.run("deploy", "prod")
    # Not the bad one that it was rolled back from, though that is the last other one that was deployed.
    shop.run("rollback", "prod")
    assert tag(shop) == "1.0"
    shop.run("deploy", "prod")
    assert "was rolled back to" in shop.run("rollback", "prod", code=1)


def test_a_release_that_changed_nothing_here_is_not_gone_back_to(shop: Shop) -> None:
    (shop.folder / "README.md").write_text("of another environment\n")
    shop.git("add", "--all")
    shop.git("commit", "--quiet", "-m", "elsewhere")
    shop.run("deploy", "prod")
    shop.run("rollback", "prod")
    assert tag(shop) == "1.1"


def test_where_every_good_release_was_the_same_nothing_is_held(shop: Shop) -> None:
    first = shop.git("rev-parse", "HEAD~2")
    shop.git("checkout", "--quiet", first, "--", ".")
    shop.git("commit", "--quiet", "-m", "1.0 again")
    shop.git("branch", "-D", "release/prod")
    shop.run("deploy", "prod")
    said = shop.run("rollback", "prod", code=1)
    assert "was no other in any good release before that is known" in said
    assert not (shop.folder / ".gitops").exists()


def test_status_and_history_of_a_rendered_branch(shop: Shop) -> None:
    status = shop.run("status").splitlines()
    assert all(len(line) <= 80 for line in status)
    row = dict(zip(*(re.split(r"  +", line) for line in status[:2]), strict=True))
    assert row["CLUSTER"] == "release/prod"
    assert (row["ENV"], row["IMAGE"], row["HEALTH"], row["DRIFT"]) == ("prod", "1.2@22222222", "rendered", "none")
    history = shop.run("history", "prod").splitlines()
    assert [line.rpartition("  ")[2] for line in history[1:]] == [
        f"Release prod {sha}: bump web 1.{n}"
        for sha, n in zip(shop.git("log", "--format=%h", "--abbrev=7").splitlines(), (2, 1, 0), strict=True)
    ]


def test_status_shows_what_it_can_where_the_branch_of_the_holds_is_missing(shop: Shop) -> None:
    shop.git("branch", "-m", "main", "trunk")
    said = shop.run("status", code=1).splitlines()
    row = dict(zip(*(re.split(r"  +", line) for line in said[:2]), strict=True))
    assert (row["ENV"], row["HEALTH"], row["DRIFT"], row["HOLD"]) == ("prod", "rendered", "none", "unknown")
    assert said[2].endswith("has no branch 'main'")


@pytest.mark.parametrize(("days", "shown"), [(0, r"since \d\d:\d\d"), (20, r"since 20\d\d-\d\d-\d\d")])
def test_a_hold_of_another_day_says_which(shop: Shop, days: int, shown: str) -> None:
    holds = shop.folder / ".gitops" / "holds"
    holds.mkdir(parents=True)
    since = datetime.now(UTC) - timedelta(days=days)
    (holds / "prod.yaml").write_text(f"{{since: '{since:%Y-%m-%dT%H:%M:%SZ}', by: me, reason: slow}}\n")
    shop.git("add", "--all")
    shop.git("commit", "--quiet", "-m", "hold")
    assert re.search(rf"^prod: held {shown}: slow$", shop.run("status"), re.MULTILINE)


def test_a_hold_that_cannot_be_read_hides_nothing_else(shop: Shop) -> None:
    holds = shop.folder / ".gitops" / "holds"
    holds.mkdir(parents=True)
    (holds / "prod.yaml").write_text("since: [")
    shop.git("add", "--all")
    shop.git("commit", "--quiet", "-m", "broken hold")
    said = shop.run("status", code=1)
    assert re.search(r"prod .* none .* unknown", said)
    assert "holds are unknown: .gitops/holds/prod.yaml: is not YAML" in said


def release(shop: Shop, tag: str) -> None:
    shop.overlay.write_text(OVERLAY.replace("TAG", tag).replace("DIGEST", tag.replace(".", "") * 32))
    shop.git("commit", "--quiet", "-am", f"bump web {tag}")
    shop.run("deploy", "prod")


def test_no_release_that_was_ever_rolled_back_from_is_gone_back_to(shop: Shop) -> None:
    shop.run("rollback", "prod")
    shop.run("deploy", "prod")
    release(shop, "1.3")
    shop.run("rollback", "prod")
    shop.run("deploy", "prod")
    assert tag(shop) == "1.1"
    # 1.2 is in between, and was found bad.
    shop.run("rollback", "prod")
    assert tag(shop) == "1.0"


def test_a_rollback_leaves_the_release_that_is_deployed_though_the_branch_has_moved_on(shop: Shop) -> None:
    shop.overlay.write_text(OVERLAY.replace("TAG", "1.3").replace("DIGEST", "3" * 64))
    shop.git("commit", "--quiet", "-am", "bump web 1.3, which nobody has deployed yet")
    shop.run("rollback", "prod")
    assert tag(shop) == "1.1"


def test_a_shallow_clone_goes_back_as_a_whole_one_does(shop: Shop, tmp_path: Path) -> None:
    origin, shallow = tmp_path / "origin.git", tmp_path / "shallow"
    shop.git("clone", "--quiet", "--bare", str(shop.folder), str(origin))
    shop.git("clone", "--quiet", "--depth=1", "--no-single-branch", origin.as_uri(), str(shallow))
    shop.git("-C", str(shallow), "branch", "release/prod", "origin/release/prod")
    shop.git("-C", str(shallow), "checkout", "--quiet", "--detach")
    shop.folder = shallow
    shop.run("rollback", "prod")
    assert 'newTag: "1.1"' in shop.git("show", "origin/main:kustomize/overlays/prod/kustomization.yaml")
