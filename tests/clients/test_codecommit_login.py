"""git's login at CodeCommit: the signature that AWS's own helper makes, given to git and to nobody else."""

import hashlib
import hmac
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops.clients.codecommit_login import https_url, login_environment, merged, sign
from gitops.errors import GitopsError

HOST, PATH, REGION = "git-codecommit.ap-northeast-2.amazonaws.com", "/v1/repos/app", "ap-northeast-2"


def by_hand(timestamp: str) -> str:
    """The signature, from the words of AWS's Signature Version 4 alone."""
    scope = f"{timestamp[:8]}/{REGION}/codecommit/aws4_request"
    canonical = f"GIT\n{PATH}\n\nhost:{HOST}\n\nhost\n"
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4testing"
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def test_the_password_is_a_signature_of_the_repository() -> None:
    assert sign(HOST, PATH, REGION, "20261124T030000") == ("testing", f"20261124T030000Z{by_hand('20261124T030000')}")


def test_a_session_token_is_part_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    signed = sign(HOST, PATH, REGION)
    assert signed
    assert signed[0] == "testing%token"


def asked(environment: Mapping[str, str]) -> str:
    """What git's credential machinery gives for the address."""
    import os

    return subprocess.run(
        ["git", "credential", "fill"],
        input=f"protocol=https\nhost={HOST}\n\n",
        capture_output=True,
        text=True,
        env={**os.environ, **environment, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true"},
        check=False,
    ).stdout


def test_git_gets_them_from_its_environment() -> None:
    environment = merged(
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c"}, f"https://{HOST}{PATH}"
    )
    out = asked(environment)
    assert "username=testing\n" in out
    assert f"password={environment['GITOPS_GIT_PASSWORD']}\n" in out
    assert environment["GIT_CONFIG_COUNT"] == "2"


@pytest.mark.parametrize(
    "url",
    ["https://github.com/a/b", f"http://{HOST}{PATH}", f"https://user@{HOST}{PATH}", f"ssh://{HOST}/x", "/srv/x", ""],
)
def test_no_other_address_is_signed_for(url: str) -> None:
    assert login_environment(url) == {}


def test_without_credentials_it_is_left_to_git(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert login_environment(f"https://{HOST}{PATH}") == {}


@pytest.mark.parametrize(
    ("url", "https"),
    [
        ("codecommit::ap-northeast-2://app", f"https://{HOST}{PATH}"),
        ("codecommit::ap-northeast-2://profile@app", f"https://{HOST}{PATH}"),
        ("codecommit::cn-north-1://app", "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/app"),
        ("codecommit://profile@app", f"https://{HOST}{PATH}"),
        ("codecommit://app", f"https://{HOST}{PATH}"),
        ("https://x.example/a", "https://x.example/a"),
    ],
)
@pytest.mark.usefixtures("profiles")
def test_git_remote_codecommits_addresses_are_understood(url: str, https: str) -> None:
    assert https_url(url) == https


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's settings: a region, and a profile with credentials of its own."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    keys = "aws_access_key_id = other\naws_secret_access_key = secret\n"
    (tmp_path / "config").write_text(f"[default]\nregion = {REGION}\n[profile profile]\nregion = {REGION}\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


@pytest.mark.usefixtures("profiles")
def test_the_profile_of_the_address_signs() -> None:
    assert merged({}, f"codecommit::{REGION}://profile@app")["GITOPS_GIT_USER"] == "other"
    assert merged({}, f"codecommit::{REGION}://app")["GITOPS_GIT_USER"] == "testing"
    with pytest.raises(GitopsError, match=r"AWS: has no such profile: .*\(nobody\)"):
        merged({}, f"codecommit::{REGION}://nobody@app")


def test_without_a_region_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(GitopsError, match="codecommit://app: names no region"):
        https_url("codecommit://app")


def test_git_takes_the_address_of_a_clone_without_git_remote_codecommit(tmp_path: Path) -> None:
    """What git would ask: the address that it comes to."""
    import os

    url = f"codecommit::{REGION}://app"
    for arguments in (["init", "--quiet", "."], ["remote", "add", "origin", url]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    asked = subprocess.run(
        ["git", "remote", "get-url", "origin"],
        cwd=tmp_path,
        env={**os.environ, **merged({}, url)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.strip() == f"https://{HOST}{PATH}"
