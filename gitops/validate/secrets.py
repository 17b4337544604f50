"""Checks for secrets in clear, and for the roles in AWS that ServiceAccounts name."""

import re
from collections.abc import Iterator
from typing import Any

from gitops.validate.finding import Finding
from gitops.validate.scope import Overlay, value_at

_SECRET_NAME = re.compile(r"(?i)(passw(or)?d|pwd|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key)\d*$")
"""At the end of a name: TOKEN_TTL, PASSWORD_FILE and SECRET_NAME say something of a secret, and hold none."""

_NO_SECRET = re.compile(r"(?i)|/.*|\$[({].*|arn:.*|true|false|yes|no|on|off|none|null")
"""A path, something that is filled in, the name of a secret in AWS, a switch."""

SECRET_VALUE = re.compile(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bk8s-aws-v1\."
    r"|\b[a-z][a-z0-9+.-]*://[^\s:/@]+:[^\s:/@${<*]+@(?!localhost\b|127\.)[\w.-]"
)
"""A key of AWS, a private key, a token of EKS, a password in a URL of another machine."""

ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


def check_secrets(overlay: Overlay) -> Iterator[Finding]:
    """Findings in ConfigMaps, Secrets and ServiceAccounts."""
    for obj in overlay.of_kind("ConfigMap"):
        for key, value in (obj.body.get("data") or {}).items():
            if SECRET_VALUE.search(str(value)) or tells(key, value):
                yield overlay.finding("W005", obj, ("data", key), f"{key} holds a password, key or token")
    for obj in overlay.of_kind("Secret"):
        # What a secretGenerator makes is said of its kustomization (K016).
        for field in ("data", "stringData") if overlay.sources.find(overlay.folder, obj) else ():
            if any((obj.body.get(field) or {}).values()):
                yield overlay.finding("W005", obj, (field,), f"{field} is here, and base64 hides nothing")
    for obj in overlay.of_kind("ServiceAccount"):
        role = value_at(obj.body, ("metadata", "annotations", ROLE_ANNOTATION))
        if role is not None and not ROLE_ARN.fullmatch(str(role)):
            where = ("metadata", "annotations", ROLE_ANNOTATION)
            yield overlay.finding("W014", obj, where, f"'{role}' is the ARN of no role")


def tells(name: Any, value: Any) -> bool:
    """Whether `value` is a secret, from its name."""
    return bool(_SECRET_NAME.search(str(name))) and value is not None and not _NO_SECRET.fullmatch(str(value).strip())
