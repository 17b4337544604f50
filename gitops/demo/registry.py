"""A registry on this machine: Debian's docker-registry (the distribution project's), with ECR's login."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from gitops.errors import GitopsError

PROGRAMS = ("docker-registry", "registry")
"""What the distribution project's program is called: by Debian, and by itself."""

START_TIMEOUT = 20.0
"""Seconds until it must answer."""

HTPASSWD = "AWS:$2y$05$hQj68DCjkILWuk.TPuEITe..6qg5d2mbtCHAhApUo2PEQ5WdkAcUK"
"""User and password of `gitops.demo.aws`'s ECR token; this registry takes bcrypt hashes only."""

_CONFIG = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""
_AUTH = """\
auth:
  htpasswd: {{realm: demo, path: {folder}/htpasswd}}
"""


def registry_program() -> str | None:
    """The program that serves a registry, where PATH has one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextmanager
def registry_server(folder: Path, htpasswd: str = "") -> Iterator[str]:
    """Serve a registry whose data is in `folder`, as long as the context lasts; gives its host:port.

    `htpasswd` has a line `user:bcrypt` for each user; without it everyone may push. Raises `GitopsError`.
    """
    program = registry_program()
    if program is None:
        raise GitopsError("docker-registry", "is not on PATH", "install it: apt-get install docker-registry")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = _CONFIG.format(folder=folder, port=port)
    if htpasswd:
        (folder / "htpasswd").write_text(htpasswd + "\n")
        config += _AUTH.format(folder=folder)
    (folder / "config.yml").write_text(config)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
        try:
            _await_answer(process, port, folder / "log")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    with urllib3.PoolManager(retries=False, timeout=1.0) as http:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                http.request("GET", f"http://127.0.0.1:{port}/v2/")
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
            else:
                return
    raise GitopsError("docker-registry", "did not start", f"see {log}")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
