"""What the API server's refusals mean, in our words: a `Status` document in, an `ApiError` out."""

import json
import re
from typing import Any

from gitops.clients.cluster import ApiError, Conflict, Invalid
from gitops.hidden import without
from gitops.objects import FieldConflict

IMMUTABLE = re.compile(
    r"field is immutable|may not be (changed|updated)|updates (to \w+ spec for|may not change) fields other than"
    r"|updates to \w+ are forbidden|cannot change roleRef|is immutable after creation|may not change once set"
    r"|spec is immutable",
    re.IGNORECASE,
)
NO_RIGHT = re.compile(r'User "[^"]*" cannot \w+ (resource|path)|is attempting to grant RBAC permissions')
"""How a 403 says that it is the role that lacks a right, and not a policy, a quota or a webhook that refuses."""
NO_WEBHOOK = re.compile(r'failed calling webhook "([^"]*)"')
HINTS = {
    401: "log in again, or check the token",
    413: "the object is too large; etcd takes about 1.5 MB",
    429: "the API server is busy; run it again later",
    504: "the API server did not finish in time; run it again",
}

PAGE = "a page of HTML"
ELSEWHERE = "is that the address of an API server? a proxy or a login page may stand before it"


def refusal(subject: str, code: int, body: bytes) -> ApiError:
    """The error for an answer of `code` with `body` about `subject`."""
    status = _status(body)
    message = str(status.get("message") or _text(code, body))
    causes = (status.get("details") or {}).get("causes") or []
    if code == 409:
        return _conflict(subject, message, causes)
    if code == 422:
        return _invalid(subject, message, causes)
    problem = " ".join(_without_name(message).split())
    return ApiError(subject, problem, _hint(code, message), code, str(status.get("reason") or ""))


def _hint(code: int, message: str) -> str:
    if 300 <= code < 400 or message.endswith(PAGE):
        return ELSEWHERE
    if code == 403 and NO_RIGHT.search(message):
        return "the role needs this right"
    if webhook := NO_WEBHOOK.search(message):
        return f"see that what answers for {webhook[1]} runs; else change or delete its webhook configuration"
    return HINTS.get(code, "")


def _text(code: int, body: bytes) -> str:
    """What an answer says that is no Status."""
    # Hidden before it is cut: half of a secret would not be known for one.
    text = without(body.decode("utf-8", "replace"))[:200].strip()
    return f"HTTP {code}, with {PAGE}" if text.startswith("<") else text or f"HTTP {code}"


def _status(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) and document.get("kind") == "Status" else {}


def _conflict(subject: str, message: str, causes: list[dict[str, Any]]) -> Conflict:
    fields = tuple(
        FieldConflict(_manager(cause.get("message", "")), cause.get("field", ""))
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    )
    if not fields:
        return Conflict(subject, " ".join(_without_name(message).split()), "run it again")
    named = ", ".join(f"{manager} owns {field}" for manager, field in sorted(set(fields)))
    return Conflict(subject, named, f"--take-ownership {subject}, or leave the field out of the overlay", fields)


def _manager(message: str) -> str:
    match = re.search(r'conflict with "([^"]*)"', message)
    return match[1] if match else "another manager"


def _invalid(subject: str, message: str, causes: list[dict[str, Any]]) -> Invalid:
    immutable = tuple(cause.get("field", "") for cause in causes if IMMUTABLE.search(cause.get("message", "")))
    if causes:
        said = "; ".join(f"{cause.get('field', '')}: {cause.get('message', '')}".lstrip(": ") for cause in causes[:5])
    else:
        said = _without_name(message)
        immutable = ("",) if IMMUTABLE.search(message) else ()
    return Invalid(subject, " ".join(said.split()), "", immutable)


def _without_name(message: str) -> str:
    """The server's sentence without its own `deployments.apps "x" is forbidden: ` at the front: ours says it."""
    return re.sub(r'^[\w.-]+ "[^"]*" is (forbidden|invalid): ', "", message)
