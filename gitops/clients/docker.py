"""Docker: builds by BuildKit where `docker buildx` is there, else by the daemon through its SDK; pushes by the SDK."""

import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitops.errors import GitopsError

if TYPE_CHECKING:
    import docker

PING_TIMEOUT, BUILD_TIMEOUT = 10, 3600
"""Seconds: to find the daemon, and that it may be silent during a build."""

KEPT_LINES = 12
"""Lines of a failed step that the error shows."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class BuildOrder:
    """All that decides what an image becomes, but for the files."""

    context: Path
    dockerfile: str
    name: str
    """repository:tag that the image gets."""
    labels: Mapping[str, str]
    build_args: Mapping[str, str]
    platforms: Sequence[str]
    network: str | None = None
    """`docker build --network`; the daemon's default where None."""
    subject: str = field(default="")
    """The Dockerfile as a person knows it, for errors: the context itself is a temporary folder."""


class Docker:
    """The daemon that DOCKER_HOST, or its default, leads to."""

    @cached_property
    def _client(self) -> "docker.DockerClient":
        import docker

        client = None
        try:
            client = docker.from_env(timeout=PING_TIMEOUT)
            client.ping()
        except Exception as error:
            # The SDK lets requests' and the socket's exceptions through beside its own.
            if client:
                client.close()
            raise GitopsError(
                "docker", f"no daemon answers at {_address()}", "start Docker, or set DOCKER_HOST"
            ) from error
        client.api.timeout = BUILD_TIMEOUT
        return client

    def check(self) -> None:
        """Raise `GitopsError` where no daemon answers."""
        _ = self._client

    def has_image(self, name: str) -> bool:
        """Whether the daemon has the image `name`, or can pull it."""
        import docker

        with self._translated(name):
            try:
                self._client.images.get(name)
            except docker.errors.ImageNotFound:
                try:
                    self._client.images.pull(name)
                except docker.errors.APIError:
                    return False
        return True

    def credentials(self, host: str) -> tuple[str, str] | None:
        """User and password that `docker login` kept for `host`."""
        from docker import auth

        found = auth.load_config(credstore_env=dict(os.environ)).resolve_authconfig(host)
        if not found or "Username" in found:
            return (found["Username"], found["Password"]) if found else None
        return (found["username"], found["password"]) if found.get("username") else None

    def build(self, order: BuildOrder, report: Report, credentials: tuple[str, str] | None) -> None:
        """Build and push `order.name`, each step told to `report`. Raises `GitopsError` with a failed step's output."""
        self.check()
        if buildx := find_buildx():
            with self._translated(order.subject):
                several = len(order.platforms) > 1
                _buildx(buildx, order, report, push=several, credentials=credentials)
            if several:
                return
        elif len(order.platforms) > 1:
            raise GitopsError(
                order.subject,
                f"{len(order.platforms)} platforms need BuildKit",
                "install docker buildx, or name one platform",
            )
        else:
            self._build_by_daemon(order, report)
        self._push(order.name, report, credentials)

    def _build_by_daemon(self, order: BuildOrder, report: Report) -> None:
        with self._translated(order.subject):
            stream = self._client.api.build(
                path=str(order.context),
                dockerfile=order.dockerfile,
                tag=order.name,
                labels=dict(order.labels),
                buildargs=dict(order.build_args),
                platform=order.platforms[0] if order.platforms[0] != self._native_platform() else None,
                network_mode=order.network,
                rm=True,
                forcerm=True,
                decode=True,
            )
            _follow_build(stream, order.subject, report)

    def _native_platform(self) -> str:
        """The daemon's own platform. Named anyway, a base that was imported, and so names none, is not found."""
        version = self._client.version()
        return f"{version['Os']}/{version['Arch']}"

    def _push(self, name: str, report: Report, credentials: tuple[str, str] | None) -> None:
        auth = {"username": credentials[0], "password": credentials[1]} if credentials else {}
        with self._translated(name):
            for event in self._client.api.push(name, stream=True, decode=True, auth_config=auth):
                if "error" in event:
                    raise push_refused(name, str(event["error"]))
                if event.get("status") == "Pushed":
                    report(f"pushed layer {event['id']}")

    @contextmanager
    def _translated(self, subject: str) -> Iterator[None]:
        import docker
        import requests

        try:
            yield
        except docker.errors.APIError as error:
            raise refused(subject, str(error.explanation or error)) from error
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise GitopsError(
                subject, "the Docker daemon went away", "look at the daemon's log, then run it again"
            ) from error


def _address() -> str:
    return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


def find_buildx() -> str | None:
    """The docker program, where it has buildx."""
    program = shutil.which("docker")
    if program is None:
        return None
    answer = subprocess.run([program, "buildx", "version"], capture_output=True, timeout=PING_TIMEOUT, check=False)
    return program if answer.returncode == 0 else None


def _buildx(
    program: str, order: BuildOrder, report: Report, *, push: bool, credentials: tuple[str, str] | None
) -> None:
    command = [program, "buildx", "build", "--progress=plain", "--push" if push else "--load", "--tag", order.name]
    command += ["--file", str(order.context / order.dockerfile), "--platform", ",".join(order.platforms)]
    command += [f"--label={key}={value}" for key, value in order.labels.items()]
    command += [f"--build-arg={key}={value}" for key, value in order.build_args.items()]
    command += [f"--network={order.network}"] if order.network else []
    with _docker_config(order.name.partition("/")[0], credentials if push else None) as env:
        process = subprocess.Popen(
            [*command, str(order.context)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
        )
        last: deque[str] = deque(maxlen=KEPT_LINES)
        assert process.stdout
        for line in process.stdout:
            if line.strip():
                last.append(line.rstrip())
                report(line.rstrip())
        if process.wait():
            raise step_failed(order.subject, "the build", list(last))


@contextmanager
def _docker_config(host: str, credentials: tuple[str, str] | None) -> Iterator[dict[str, str]]:
    """The environment in which `docker` pushes with `credentials`, which stay out of its arguments."""
    from tempfile import TemporaryDirectory

    if credentials is None:
        yield dict(os.environ)
        return
    import base64
    import json

    with TemporaryDirectory(prefix="gitops-docker-") as folder:
        auth = base64.b64encode(":".join(credentials).encode()).decode()
        (Path(folder) / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
        yield {**os.environ, "DOCKER_CONFIG": folder}


def _follow_build(stream: Iterator[Mapping[str, Any]], subject: str, report: Report) -> None:
    """Tell the daemon's output as it comes. Raises `GitopsError` with the last lines of a step that failed."""
    step, last = "the build", deque[str](maxlen=KEPT_LINES)
    for event in stream:
        if "error" in event:
            detail = str(event.get("errorDetail", {}).get("message") or event["error"])
            raise step_failed(subject, step, [*last, detail])
        for line in str(event.get("stream", "")).splitlines():
            if line.startswith("Step "):
                step = "step " + line.removeprefix("Step ").strip()
                last.clear()
            elif line.strip() and not line.startswith(" --->"):
                last.append(line)
            if line.strip() and not _CHATTER.match(line):
                report(line.strip())


_CHATTER = re.compile(r" ?--->|Removing intermediate container|Successfully (built|tagged)")
"""What the daemon says of itself, and not of the build."""


def step_failed(subject: str, step: str, lines: Sequence[str]) -> GitopsError:
    """A failed step of a Dockerfile, with its last lines."""
    if any(_DISK_FULL.search(line) for line in lines):
        return GitopsError(subject, f"the disk is full at {step}", "free some space: docker system prune")
    shown = "".join(f"\n  | {line}" for line in lines[-KEPT_LINES:])
    return GitopsError(subject, f"{step} failed{shown}", "mend that step; docker build shows the same")


_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


def push_refused(name: str, message: str) -> GitopsError:
    """Why a registry did not take a push."""
    if "immutable" in message:
        return GitopsError(
            name, "the tag exists with another digest, and its repository is immutable", "give a new tag"
        )
    if re.search(r"denied|unauthorized|no basic auth|forbidden|authentication required", message, re.IGNORECASE):
        return GitopsError(
            name, f"the push was denied: {message.strip()}", "log in, or give the role the right to push"
        )
    if "not found" in message or "does not exist" in message:
        return GitopsError(name, "the registry has no such repository", "create it: gitops pipeline up makes it")
    return refused(name, message)


def refused(subject: str, message: str) -> GitopsError:
    """What the daemon said, in a line."""
    if _DISK_FULL.search(message):
        return GitopsError(subject, "the disk is full", "free some space: docker system prune")
    return GitopsError(subject, f"Docker refuses: {' '.join(message.split())}")
