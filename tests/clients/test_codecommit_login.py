"""git's login at CodeCommit: the signature that AWS's own helper makes, given to git and to nobody else."""

import hashlib
import hmac
import subprocess
from collections.abc import Mapping

import pytest

from gitops.clients.codecommit_login import https_url, login_environment, merged, sign

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
        ("https://x.example/a", "https://x.example/a"),
    ],
)
def test_git_remote_codecommits_addresses_are_understood(url: str, https: str) -> None:
    assert https_url(url) == https
