"""git's login at CodeCommit with a role's credentials: user and password, signed here for some minutes.

As `aws codecommit credential-helper` and git-remote-codecommit do it: AWS Signature Version 4 of a request "GIT".
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gitops.errors import GitopsError
from gitops.hidden import remember

if TYPE_CHECKING:
    from botocore.session import Session

_HOST = re.compile(r"git-codecommit\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_HELPER = '!f() { test "$1" = get && echo "username=$GITOPS_GIT_USER" && echo "password=$GITOPS_GIT_PASSWORD"; }; f'


def login_environment(url: str, settings: int = 0, profile: str = "") -> dict[str, str]:
    """What git's environment needs to log in at the CodeCommit address `url`; nothing for another address.

    `settings` is how many GIT_CONFIG_KEY_n there are already; `profile` is the AWS profile, if it is not the usual one.
    The credentials are in the environment of git alone: on no command line and in no file. Without AWS credentials it
    is left to git's own helpers.
    """
    parts = urlsplit(url)
    match = _HOST.fullmatch(parts.hostname or "")
    if not match or parts.scheme != "https" or parts.username:
        return {}
    signed = sign(parts.hostname or "", parts.path, match["region"], profile=profile)
    if signed is None:
        return {}
    user, password = signed
    return {
        "GIT_CONFIG_COUNT": str(settings + 1),
        f"GIT_CONFIG_KEY_{settings}": f"credential.https://{parts.hostname}.helper",
        f"GIT_CONFIG_VALUE_{settings}": _HELPER,
        "GITOPS_GIT_USER": user,
        "GITOPS_GIT_PASSWORD": password,
    }


def sign(host: str, path: str, region: str, timestamp: str = "", profile: str = "") -> tuple[str, str] | None:
    """User and password for `path` at `host`, good for about 15 minutes from `timestamp` (UTC, as 20261124T030000).

    None where there are no AWS credentials. Raises `GitopsError` where there is no such profile.
    """
    from datetime import UTC, datetime

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    with _known_profile():
        credentials = _session(profile).get_credentials()
    if credentials is None:
        return None
    frozen = credentials.get_frozen_credentials()
    signer = SigV4Auth(frozen, "codecommit", region)
    request = AWSRequest(method="GIT", url=f"https://{host}{path}")
    request.context["timestamp"] = timestamp or datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    canonical = f"GIT\n{path}\n\nhost:{host}\n\nhost\n"
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    user = f"{frozen.access_key}%{frozen.token}" if frozen.token else str(frozen.access_key)
    password = f"{request.context['timestamp']}Z{signature}"
    remember((password, frozen.secret_key or "", frozen.token or ""))
    return user, password


def _session(profile: str) -> "Session":
    from botocore.session import Session

    return Session(profile=profile or os.environ.get("AWS_PROFILE"))


@contextmanager
def _known_profile() -> Iterator[None]:
    from botocore.exceptions import ProfileNotFound

    try:
        yield
    except ProfileNotFound as error:
        raise GitopsError("AWS", f"has no such profile: {error}", "check it in ~/.aws/config") from error


def https_url(url: str) -> str:
    """The https address of what git-remote-codecommit calls `url`; any other as it is. Raises `GitopsError`."""
    return _resolved(url)[0]


def _resolved(url: str) -> tuple[str, str]:
    """`codecommit::REGION://PROFILE@REPOSITORY` as an https address, and its profile; both may be left out there.

    Raises `GitopsError` where the region is not known.
    """
    match = re.fullmatch(r"codecommit:(?::([a-z0-9-]+):)?//(?:([^@/]+)@)?([\w.-]+)", url)
    if not match:
        return url, ""
    profile = match[2] or ""
    with _known_profile():
        region = match[1] or _session(profile).get_config_variable("region")
    if not region:
        raise GitopsError(url, "names no region, and AWS's settings have none", f"codecommit::REGION://{match[3]}")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://git-codecommit.{region}.{suffix}/v1/repos/{match[3]}", profile


def merged(environment: Mapping[str, str], url: str) -> dict[str, str]:
    """`environment` with the login for `url` beside its own git settings.

    git is told the https address of git-remote-codecommit's, so that this program is not needed.
    """
    address, profile = _resolved(url)
    count = int(environment.get("GIT_CONFIG_COUNT", "0"))
    result = {**environment, **login_environment(address, count, profile)}
    if address != url:
        count = int(result.get("GIT_CONFIG_COUNT", "0"))
        result |= {
            "GIT_CONFIG_COUNT": str(count + 1),
            f"GIT_CONFIG_KEY_{count}": f"url.{address}.insteadOf",
            f"GIT_CONFIG_VALUE_{count}": url,
        }
    return result
