"""What the two builders share: what is asked of them, and what their failures mean."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitops.errors import GitopsError

LAST_LINES = 12
"""Lines of a failed step that are shown."""

Report = Callable[[str], None]
"""Is told, in one line, what happens now."""

_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


@dataclass(frozen=True)
class BuildOrder:
    """All that decides what an image becomes, but for the files."""

    context: Path
    dockerfile: str
    """Relative to the context."""
    name: str
    """repository:tag that the image gets."""
    labels: Mapping[str, str]
    build_args: Mapping[str, str]
    platforms: Sequence[str]
    epoch: int
    """SOURCE_DATE_EPOCH for BuildKit: the commit's date, in seconds."""
    network: str | None = None
    """`docker build --network`; the daemon's default where None."""
    subject: str = ""
    """The Dockerfile as a person knows it, for errors: the context itself is a temporary folder."""

    @property
    def host(self) -> str:
        """The registry's."""
        return self.name.partition("/")[0]


def refused(subject: str, message: str) -> GitopsError:
    """What the daemon said where no step of a Dockerfile is to blame."""
    text = " ".join(message.split())
    if _DISK_FULL.search(text):
        return GitopsError(subject, "the disk is full", "free some space: docker system prune")
    if re.search(r"toomanyrequests|pull rate limit", text):
        hint = "a copy elsewhere: public.ecr.aws/docker/library/NAME, or a pull-through cache of your ECR"
        return GitopsError(subject, f"the registry of a base image limits pulls: {text}", hint)
    if re.search(r"pull access denied|manifest unknown|manifest for .* not found|failed to resolve source", text):
        hint = "check FROM, or log in to its registry: docker login"
        return GitopsError(subject, f"a base image cannot be pulled: {text}", hint)
    return GitopsError(subject, f"Docker refuses: {text}", "check the Dockerfile there")


def step_failed(subject: str, step: str, message: str, last: Sequence[str]) -> GitopsError:
    """A failed build: which step of which Dockerfile, and what it said last."""
    if any(_DISK_FULL.search(line) for line in (message, *last)):
        return GitopsError(
            subject, f"the disk is full at {step or 'its build'}", "free some space: docker system prune"
        )
    code = re.search(r"(?:returned a non-zero code|exit code): (\d+)", message)
    if not code:
        return refused(subject, f"{step}: {message}" if step else message)
    shown = "".join(f"\n  | {line}" for line in last)
    return GitopsError(subject, f"{step} failed, exit code {code[1]}{shown}", "mend that step, and commit it")


def push_refused(name: str, message: str) -> GitopsError:
    """Why a registry did not take a push."""
    for pattern, problem, hint in _PUSH_REFUSED:
        if re.search(pattern, message, re.IGNORECASE):
            return GitopsError(name, problem.format(message=" ".join(message.split())), hint)
    return refused(name, message)


_PUSH_REFUSED = (
    (_DISK_FULL.pattern, "the disk of the registry is full", "free some space there, then run it again"),
    ("immutable", "the tag exists with another digest, and its repository is immutable", "give a new --version"),
    (
        "denied|unauthorized|no basic auth|forbidden|authentication required",
        "the push was denied: {message}",
        "log in, or give the role the right to push",
    ),
    ("not found|does not exist|name unknown", "the registry has no such repository", "make it: gitops pipeline up"),
    (
        "connection refused|i/o timeout|no such host|handshake|deadline exceeded|EOF",
        "the registry does not answer the Docker daemon: {message}",
        "check the network of the daemon",
    ),
)
