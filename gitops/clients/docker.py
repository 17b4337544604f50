"""Docker: builds by BuildKit where `docker buildx` is there, else by the daemon through its SDK; pushes by the SDK."""

import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gitops.clients.building import LAST_LINES, BuildOrder, Report, push_refused, refused, step_failed
from gitops.clients.buildx import Buildx
from gitops.errors import GitopsError

if TYPE_CHECKING:
    import docker

PING_TIMEOUT, BUILD_TIMEOUT = 10, 3600
"""Seconds: to find the daemon, and that it may be silent during a build."""


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
            raise _no_daemon(str(error)) from error
        client.api.timeout = BUILD_TIMEOUT
        return client

    def close(self) -> None:
        """Let go of the connection, where there is one."""
        if "_client" in self.__dict__:
            self._client.close()

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

    def remove_images(self, host: str) -> None:
        """Remove the images whose names begin with the registry `host`."""
        with self._translated(host):
            for image in self._client.images.list():
                for name in image.tags:
                    if name.startswith(f"{host}/"):
                        self._client.images.remove(name)

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
        buildx, several = Buildx.find(), len(order.platforms) > 1
        if several and not buildx:
            problem = f"{len(order.platforms)} platforms need BuildKit, and docker has no buildx"
            raise GitopsError(order.subject, problem, "install docker-buildx-plugin, or name one platform")
        if buildx:
            buildx.build(order, report, credentials, push=several)
        else:
            self._build_by_daemon(order, report, credentials)
        if not several:
            self._push(order.name, report, credentials)

    def _build_by_daemon(self, order: BuildOrder, report: Report, credentials: tuple[str, str] | None) -> None:
        """The daemon's classic builder: the SDK knows no other (docker/docker-py#2230)."""
        with self._translated(order.subject):
            if credentials:  # A base image may come from the same registry.
                self._client.login(credentials[0], credentials[1], registry=order.host, reauth=True)
            stream = self._client.api.build(
                path=str(order.context),
                dockerfile=order.dockerfile,
                tag=order.name,
                labels=dict(order.labels),
                buildargs=dict(order.build_args),
                platform=order.platforms[0] if order.platforms[0] != self._native_platform() else None,
                network_mode=order.network,
                timeout=BUILD_TIMEOUT,
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
            _follow_push(self._client.api.push(name, stream=True, decode=True, auth_config=auth), name, report)

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


def _no_daemon(message: str) -> GitopsError:
    if "Permission denied" in message:
        hint = "add yourself to the group docker, or set DOCKER_HOST to a daemon of your own"
        return GitopsError("docker", f"this user may not use the daemon at {_address()}", hint)
    return GitopsError("docker", f"no daemon answers at {_address()}", "start Docker, or set DOCKER_HOST")


def _address() -> str:
    return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


def _follow_build(stream: Iterator[Mapping[str, Any]], subject: str, report: Report) -> None:
    """Tell the daemon's output as it comes. Raises `GitopsError` with the last lines of a step that failed."""
    step, last, failure = "", deque[str](maxlen=LAST_LINES), None
    for event in stream:
        if "error" in event:
            failure = step_failed(subject, step, str(event["error"]), list(last))
        for line in str(event.get("stream", "")).splitlines():
            if line.startswith("Step "):
                step = "step " + line.removeprefix("Step ").strip()
                last.clear()
            elif line.strip() and not _CHATTER.match(line):
                last.append(line)
            if line.strip() and not _CHATTER.match(line):
                report(line.strip())
    if failure:  # Only now: a stream that is left half read would keep its connection.
        raise failure


def _follow_push(stream: Iterator[Mapping[str, Any]], name: str, report: Report) -> None:
    failure = None
    for event in stream:
        if "error" in event:
            failure = push_refused(name, str(event["error"]))
        elif event.get("status") and event.get("id"):
            report(f"{event['status'].lower()} layer {event['id']}{_size(event.get('progressDetail') or {})}")
    if failure:
        raise failure


def _size(detail: Mapping[str, int]) -> str:
    done, total = detail.get("current"), detail.get("total")
    return f", {done / 1e6:.1f} of {total / 1e6:.1f} MB" if done and total else ""


_CHATTER = re.compile(r" ?--->|Removing intermediate container|Successfully (built|tagged)")
"""What the daemon says of itself, and not of the build."""
