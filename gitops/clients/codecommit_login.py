"""git's login at CodeCommit with a role's credentials: user and password, signed here for some minutes.

As `aws codecommit credential-helper` and git-remote-codecommit do it: AWS Signature Version 4 of a request "GIT".
"""

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_HOST = re.compile(r"git-codecommit\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_HELPER = '!f() { test "$1" = get && echo "username=$GITOPS_GIT_USER" && echo "password=$GITOPS_GIT_PASSWORD"; }; f'


def login_environment(url: str, settings: int = 0) -> dict[str, str]:
    """What git's environment needs to log in at the CodeCommit address `url`; nothing for another address.

    `settings` is how many GIT_CONFIG_KEY_n there are already. The credentials are in the environment of git alone:
    on no command line and in no file. Without AWS credentials it is left to git's own helpers.
    """
    parts = urlsplit(url)
    match = _HOST.fullmatch(parts.hostname or "")
    if not match or parts.scheme != "https" or parts.username:
        return {}
    signed = sign(parts.hostname or "", parts.path, match["region"])
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


def sign(host: str, path: str, region: str, timestamp: str = "") -> tuple[str, str] | None:
    """User and password for `path` at `host`, good for about 15 minutes from `timestamp` (UTC, as 20261124T030000).

    None where there are no AWS credentials.
    """
    from datetime import UTC, datetime

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.session import Session

    credentials = Session(profile=os.environ.get("AWS_PROFILE")).get_credentials()
    if credentials is None:
        return None
    frozen = credentials.get_frozen_credentials()
    signer = SigV4Auth(frozen, "codecommit", region)
    request = AWSRequest(method="GIT", url=f"https://{host}{path}")
    request.context["timestamp"] = timestamp or datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    canonical = f"GIT\n{path}\n\nhost:{host}\n\nhost\n"
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    user = f"{frozen.access_key}%{frozen.token}" if frozen.token else str(frozen.access_key)
    return user, f"{request.context['timestamp']}Z{signature}"


def https_url(url: str) -> str:
    """The https address of git-remote-codecommit's `codecommit::REGION://REPOSITORY`; any other `url` as it is."""
    match = re.fullmatch(r"codecommit::([a-z0-9-]+)://(?:[^@/]+@)?([\w.-]+)", url)
    if not match:
        return url
    suffix = "amazonaws.com.cn" if match[1].startswith("cn-") else "amazonaws.com"
    return f"https://git-codecommit.{match[1]}.{suffix}/v1/repos/{match[2]}"


def merged(environment: Mapping[str, str], url: str) -> dict[str, str]:
    """`environment` with the login for `url` beside its own git settings."""
    return {**environment, **login_environment(url, int(environment.get("GIT_CONFIG_COUNT", "0")))}
