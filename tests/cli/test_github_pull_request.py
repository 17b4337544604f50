"""`gitops bump --pull-request` on GitHub: one pull request, its comment, and a clear line for each refusal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.github import GitHubRepository, github_repository, is_github
from gitops.demo.git_server import GitServer
from gitops.errors import GitopsError
from tests.support.github import TOKEN, Answer, GitHub, served
from tests.support.manifests import NEW, NEWER, config, git, manifest_files, repository

TOPIC = "gitops/backend-app-image-prod"
ARN = "arn:aws:codeconnections:ap-northeast-2:111122223333:connection/1"
MANIFESTS = f'manifests: {{repository: acme/manifests, connection: "{ARN}"}}'


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository behind a connection, on a git server; its clone is the current folder."""
    with GitServer(tmp_path / "served") as server:
        bare = server.create("acme/manifests")
        text = config(["staging", "prod"]).decode()
        files = manifest_files(["staging", "prod"])
        files["gitops.yaml"] = text.replace("manifests: {repository: eks-work-manifests}", MANIFESTS).encode()
        seed = repository(tmp_path / "seed", files)
        git(seed, "push", "--quiet", server.url("acme/manifests"), "main")
        git(tmp_path, "clone", "--quiet", server.url("acme/manifests"), "clone")
        monkeypatch.chdir(tmp_path / "clone")
        yield bare


@pytest.fixture
def github(bare: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    service = GitHub("acme/manifests", bare)
    with served(service) as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.delenv("GH_TOKEN", raising=False)
        yield service


def propose(tag: str, digest: str, *more: str) -> int:
    return run(
        ["bump", "backend-app", "-e", "prod", "--tag", tag, "--unchecked", "--digest", digest, "--pull-request", *more]
    )


def test_opens_one_and_leaves_the_branch_alone(github: GitHub, bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = git(bare, "rev-parse", "main")
    assert propose("1.4.2", NEW) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"pull request 1 of acme/manifests: {TOPIC} to main"
    assert git(bare, "rev-parse", "main") == before == git(bare, "rev-parse", f"{TOPIC}~1")
    [pull] = github.pulls
    assert pull["title"] == "bump backend-app-image 1.4.2 in prod"
    assert "Environment: prod" in pull["body"]
    [comment] = github.comments
    assert comment["issue"] == 1
    assert "| prod | `backend-app-image` | 1.4.1 -> 1.4.2 | `sha256:2b2b2b2b2b2b` |" in comment["body"]
    assert '+        newTag:   "1.4.2"' in comment["body"]


def test_a_second_one_updates_the_first_and_its_comment(github: GitHub, bare: Path) -> None:
    assert propose("1.4.2", NEW) == 0
    # More than a page of what others say, ours among the first.
    github.comments += [{"id": 5000 + number, "issue": 1, "body": "+1"} for number in range(150)]
    github.comments.append(github.comments.pop(0))
    assert propose("1.4.3", NEWER) == 0
    assert [pull["title"] for pull in github.pulls] == ["bump backend-app-image 1.4.3 in prod"]
    assert len(github.comments) == 151
    assert "1.4.1 -> 1.4.3" in github.comments[-1]["body"]
    assert git(bare, "rev-list", "--count", f"main..{TOPIC}") == "1"


def test_a_closed_one_stays_closed(github: GitHub) -> None:
    assert propose("1.4.2", NEW) == 0
    github.pulls[0]["state"] = "closed"
    assert propose("1.4.3", NEWER) == 0
    assert [pull["state"] for pull in github.pulls] == ["closed", "open"]


def test_one_that_another_run_opens_in_this_moment_is_updated(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert propose("1.4.2", NEW) == 0
    real, answers = GitHub._page, iter([True])

    def late(self: GitHub, items: list[dict[str, str]], name: str, query: dict[str, str]) -> Answer:
        return real(self, [] if next(answers, False) else items, name, query)

    monkeypatch.setattr(GitHub, "_page", late)
    assert propose("1.4.3", NEWER) == 0
    assert "POST /repos/acme/manifests/pulls" in github.asked[4:]
    assert [pull["title"] for pull in github.pulls] == ["bump backend-app-image 1.4.3 in prod"]


def test_a_dry_run_asks_nobody_and_needs_no_token(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    assert propose("1.4.2", NEW, "--dry-run") == 3
    assert github.asked == []


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    assert propose("1.4.2", NEW) == 1
    captured = capsys.readouterr()
    assert TOKEN not in captured.out + captured.err
    assert captured.err.count("\n") <= 2, captured.err
    return captured.err.partition("\n")[0]


def refused(status: int, document: object, headers: dict[str, str] | None = None) -> Answer:
    return status, document, headers or {}


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (refused(401, {"message": "Bad credentials"}), "GitHub refuses the token: Bad credentials"),
        (
            refused(403, {"message": "Resource not accessible by personal access token"}),
            "GitHub forbids it: Resource not accessible by personal access token",
        ),
        (refused(404, {"message": "Not Found"}), "GitHub knows no such repository, or hides it from this token"),
        (
            refused(403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": "0"}),
            "GitHub's rate limit is reached",
        ),
        (
            refused(429, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "3600"}),
            "GitHub's rate limit is reached",
        ),
        (refused(500, b"<html>oh no</html>"), "GitHub answers 500: <html>oh no</html>"),
        (refused(200, b"<html>a proxy's login</html>"), "GitHub answers with something else than was asked for"),
        (refused(503, {"message": "down"}), "GitHub does not answer (too many 503 error responses)"),
    ],
)
def test_a_refusal_is_one_clear_line_without_the_token(
    refusal: Answer, said: str, github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    github.refusal = refusal
    assert said in error_of(capsys)


def test_a_refused_pull_request_says_why(
    github: GitHub, bare: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = GitHub._route

    def protected(self: GitHub, route: str, number: int, query: dict[str, str], said: dict[str, str]) -> Answer:
        if route == "POST pulls/":
            return 422, {"message": "Validation Failed", "errors": [{"field": "base", "code": "invalid"}]}, {}
        return real(self, route, number, query, said)

    monkeypatch.setattr(GitHub, "_route", protected)
    said = "acme/manifests: GitHub refuses the pull request: Validation Failed: base is invalid"
    assert error_of(capsys) == said


def test_without_a_token_nothing_is_pushed(
    github: GitHub, bare: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    said = "acme/manifests: needs a token to open a pull request (GH_TOKEN or GITHUB_TOKEN is not set)"
    assert error_of(capsys) == said
    assert git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_token_with_a_line_break_is_refused_and_not_shown(
    github: GitHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", f"{TOKEN}\nX-Evil: 1")
    assert error_of(capsys).startswith("GH_TOKEN: holds no token")


ENVIRONMENT = {"GH_TOKEN": "public", "GH_ENTERPRISE_TOKEN": "own"}


@pytest.mark.parametrize(
    ("address", "environment", "api", "name", "token"),
    [
        ("https://github.com/acme/manifests.git", {}, "https://api.github.com", "acme/manifests", "public"),
        ("git@github.com:acme/manifests.git", {}, "https://api.github.com", "acme/manifests", "public"),
        ("ssh://git@github.com:22/acme/manifests", {}, "https://api.github.com", "acme/manifests", "public"),
        ("https://acme.ghe.com/acme/m", {}, "https://api.acme.ghe.com", "acme/m", "public"),
        ("https://git.corp.example/acme/m", {}, "https://git.corp.example/api/v3", "acme/m", "own"),
        ("git@git.corp.example:acme/m.git", {}, "https://git.corp.example/api/v3", "acme/m", "own"),
        (
            "https://git.corp.example/acme/m",
            {"GITHUB_API_URL": "https://api.corp.example/"},
            "https://api.corp.example",
            "acme/m",
            "public",
        ),
    ],
)
def test_the_api_follows_from_the_remote(
    address: str, environment: dict[str, str], api: str, name: str, token: str
) -> None:
    assert github_repository(address, {**ENVIRONMENT, **environment}) == GitHubRepository(api, name, token)


@pytest.mark.parametrize(
    "address",
    [
        "https://gitlab.com/acme/manifests",
        "https://bitbucket.org/acme/manifests.git",
        "https://dev.azure.com/acme/x/_git/manifests",
        "https://github.com/acme",
        "https://github.com/acme/../evil",
        "https://github.com/acme/manifests?x=1",
        "/srv/git/manifests",
        "",
    ],
)
def test_another_host_is_refused(address: str) -> None:
    with pytest.raises(GitopsError, match="is not a repository of GitHub"):
        github_repository(address, ENVIRONMENT)


def test_a_token_goes_nowhere_unprotected() -> None:
    environment = {**ENVIRONMENT, "GITHUB_API_URL": "http://127.0.0.1.evil.example"}
    with pytest.raises(GitopsError, match="unprotected"):
        github_repository("https://github.com/acme/m", environment)
    with pytest.raises(GitopsError, match="GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN is not set"):
        github_repository("https://evil.example/acme/m", {"GH_TOKEN": "public"})


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://github.com/a/b", True),
        ("git@github.com:a/b", True),
        ("https://acme.ghe.com/a/b", True),
        ("https://notgithub.com/a/b", False),
        ("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/b", False),
        ("http://127.0.0.1:1/b", False),
    ],
)
def test_github_is_known_by_its_host(address: str, is_one: bool) -> None:
    assert is_github(address) == is_one
