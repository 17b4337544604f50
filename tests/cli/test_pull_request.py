"""`gitops bump --pull-request`: one CodeCommit pull request, opened once and kept up to date."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.demo.git_server import GitServer
from tests.support.codecommit import COMMENT_LIMIT, CodeCommit, served
from tests.support.manifest_server import NAME, bare, clone, server, url
from tests.support.manifests import NEW, NEWER, git

__all__ = ["bare", "clone", "server", "url"]

TOPIC = "gitops/backend-app-image-prod"


@pytest.fixture
def codecommit(bare: Path, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeCommit]:
    monkeypatch.chdir(clone)
    service = CodeCommit(NAME, bare)
    with served(service) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CODECOMMIT", address)
        yield service


def propose(tag: str, digest: str, *more: str) -> int:
    return run(
        ["bump", "backend-app", "-e", "prod", "--tag", tag, "--unchecked", "--digest", digest, "--pull-request", *more]
    )


def test_opens_one_and_leaves_the_branch_alone(
    codecommit: CodeCommit, clone: Path, bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = git(bare, "rev-parse", "main")
    assert propose("1.4.2", NEW) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-2].startswith("proposed ")
    assert out[-1] == f"pull request 1 of {NAME}: {TOPIC} to main"
    assert git(bare, "rev-parse", "main") == before == git(clone, "rev-parse", "HEAD")
    assert git(bare, "rev-parse", f"{TOPIC}~1") == before
    request = codecommit.requests["1"]
    assert request["title"] == "bump backend-app-image 1.4.2 in prod"
    assert "Environment: prod" in request["description"]
    [posted] = codecommit.comments.values()
    assert posted["afterCommitId"] == git(bare, "rev-parse", TOPIC)
    assert "| prod | `backend-app-image` | 1.4.1 -> 1.4.2 | `sha256:2b2b2b2b2b2b` |" in posted["comment"]["content"]
    assert '+        newTag:   "1.4.2"' in posted["comment"]["content"]


def test_a_second_one_updates_the_first(codecommit: CodeCommit, bare: Path) -> None:
    assert propose("1.4.2", NEW) == 0
    codecommit.requests["0"] = {**codecommit.requests["1"], "pullRequestId": "0", "pullRequestStatus": "CLOSED"}
    assert propose("1.4.3", NEWER) == 0
    assert sorted(codecommit.requests) == ["0", "1"]
    assert codecommit.requests["1"]["title"] == "bump backend-app-image 1.4.3 in prod"
    assert git(bare, "rev-list", "--count", f"main..{TOPIC}") == "1"
    assert 'newTag:   "1.4.3"' in git(bare, "show", f"{TOPIC}:kustomize/overlays/prod/kustomization.yaml")


def test_other_environments_have_a_pull_request_of_their_own(codecommit: CodeCommit) -> None:
    assert propose("1.4.2", NEW) == 0
    assert propose("1.4.2", NEW, "-e", "staging") == 0
    assert propose("1.4.3", NEWER) == 0
    assert [each["title"][-7:] for each in codecommit.requests.values()] == ["in prod", "staging"]
    assert codecommit.asked.count("CreatePullRequest") == 2


def test_a_promotion_can_be_reviewed_too(codecommit: CodeCommit, clone: Path, bare: Path) -> None:
    text = (clone / "gitops.yaml").read_text()
    (clone / "gitops.yaml").write_text(text.replace("  - {name: worker-image, repository: team/worker}\n", ""))
    git(clone, "commit", "--quiet", "-am", "One image")
    git(clone, "push", "--quiet")
    assert run(["bump", "backend-app", "-e", "staging", "--tag", "1.4.2", "--unchecked", "--digest", NEW]) == 0
    before = git(bare, "rev-parse", "main")
    assert run(["promote", "staging", "prod", "--pull-request", "--dry-run"]) == 3
    assert codecommit.asked == []
    assert run(["promote", "staging", "prod", "--pull-request"]) == 0
    assert git(bare, "rev-parse", "main") == before == git(bare, "rev-parse", "gitops/promote-staging-prod~1")
    assert codecommit.requests["1"]["title"] == "promote staging to prod"
    [posted] = codecommit.comments.values()
    assert "1.4.1 -> 1.4.2" in posted["comment"]["content"]


def test_a_dry_run_opens_none(codecommit: CodeCommit, bare: Path) -> None:
    assert propose("1.4.2", NEW, "--dry-run") == 3
    assert codecommit.asked == []
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_works_without_a_clone(
    codecommit: CodeCommit, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert propose("1.4.2", NEW, "--repository", url) == 0
    assert list(codecommit.requests) == ["1"]


def test_a_refusal_of_aws_is_one_clear_line(
    codecommit: CodeCommit, server: GitServer, capsys: pytest.CaptureFixture[str]
) -> None:
    codecommit.name = "elsewhere"
    assert propose("1.4.2", NEW) == 1
    assert "AWS refuses: RepositoryDoesNotExistException" in capsys.readouterr().err


def test_a_long_diff_fits_a_comment() -> None:
    from gitops.clients.git_objects import TreeEntry
    from gitops.manifest.bump import BumpProposal
    from gitops.manifest.repository import FileEdit, Message
    from gitops.manifest.review import markdown

    edit = FileEdit(TreeEntry("a", "100644", ""), b"", b"```\n" * 9000)
    text = markdown(BumpProposal((edit,), Message("x"), ()))
    assert len(text) < COMMENT_LIMIT
    assert text.count("````") == 2
