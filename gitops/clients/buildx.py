"""`docker buildx`: BuildKit, which the Docker SDK cannot speak to and many Dockerfiles need."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitops.clients.building import LAST_LINES, BuildOrder, Report, push_refused, refused, step_failed
from gitops.errors import GitopsError

LOOK_TIMEOUT = 15
"""Seconds in which `docker buildx version` must answer."""


class Buildx:
    """The plugin of the docker program at `program`."""

    def __init__(self, program: str) -> None:
        self._program = program

    @classmethod
    def find(cls) -> "Buildx | None":
        """The plugin, or None where docker or the plugin is not on this machine."""
        program = shutil.which("docker")
        if program is None:
            return None
        try:
            asked = subprocess.run(
                [program, "buildx", "version"], capture_output=True, timeout=LOOK_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return cls(program) if asked.returncode == 0 else None

    def build(self, order: BuildOrder, report: Report, credentials: tuple[str, str] | None, *, push: bool) -> None:
        """Build `order`: into the daemon, or with `push` straight into the registry.

        Raises `GitopsError` with the last lines of a failed step.
        """
        with _docker_config(order.host, credentials) as config:
            environment = os.environ | {"DOCKER_CONFIG": str(config), "SOURCE_DATE_EPOCH": str(order.epoch)}
            lines, status = _run([self._program, *_arguments(order, push)], environment, report)
        if status:
            raise _failure(order, lines)


def _arguments(order: BuildOrder, push: bool) -> Iterator[str]:
    # Without attestations: with them even one platform becomes an index, which scanners and older nodes stumble over.
    yield from ("buildx", "build", "--progress=plain", "--provenance=false", f"--tag={order.name}")
    yield from (f"--file={order.context / order.dockerfile}", "--push" if push else "--load")
    yield f"--platform={','.join(order.platforms)}"
    yield f"--build-arg=SOURCE_DATE_EPOCH={order.epoch}"
    yield from (f"--build-arg={key}={value}" for key, value in order.build_args.items())
    yield from (f"--label={key}={value}" for key, value in order.labels.items())
    if order.network:
        yield f"--network={order.network}"
    yield str(order.context)


def _run(command: list[str], environment: Mapping[str, str], report: Report) -> tuple[deque[str], int]:
    """Run `command`, show each of its lines, and return its last lines and its status."""
    last: deque[str] = deque(maxlen=LAST_LINES * 5)
    with subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout
        try:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace").rstrip()
                if line:
                    last.append(line)
                    report(line)
        except BaseException:
            process.kill()
            raise
    return last, process.returncode


def _failure(order: BuildOrder, lines: deque[str]) -> GitopsError:
    """BuildKit sums up in its last line that starts with ERROR, names a step as `[2/3] RUN …`, and dates its lines."""
    said = next((line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1] if lines else "no message")
    message = said.removeprefix("ERROR: ")
    if re.search(r"failed to push|failed to authorize|failed to fetch oauth", message):
        return push_refused(order.name, message)
    if "exit code:" not in message:
        return refused(order.subject, message)
    steps = [match for line in lines if (match := re.match(r"#(\d+) \[(?:\S+ )*?(\d+/\d+)\] (.*)", line))]
    step = f"step {steps[-1][2]} : {steps[-1][3]}" if steps else "a step"
    own = [line for line in lines if steps and re.match(rf"#{steps[-1][1]} [\d.]+ ", line)]
    return step_failed(order.subject, step, message, [re.sub(r"^#\d+ [\d.]+ ", "", line) for line in own][-LAST_LINES:])


@contextmanager
def _docker_config(host: str, login: tuple[str, str] | None) -> Iterator[Path]:
    """A DOCKER_CONFIG of one build: the user's own, plugins and contexts too, and `login` for `host`.

    A password on the command line could be read by every user of the machine, and `docker login` would keep it.
    """
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    with tempfile.TemporaryDirectory(prefix="gitops-docker-") as folder:
        config = Path(folder)
        for entry in own.iterdir() if own.is_dir() else ():
            if entry.name != "config.json":
                (config / entry.name).symlink_to(entry.resolve())
        descriptor = os.open(config / "config.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(_with_login(_read(own / "config.json"), host, login), out)
        yield config


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise GitopsError(str(file), f"cannot be read ({error})", "mend it, or log in again: docker login") from error
    return document if isinstance(document, dict) else {}


def _with_login(config: dict[str, Any], host: str, login: tuple[str, str] | None) -> dict[str, Any]:
    if login is None:
        return config
    auth = base64.b64encode(":".join(login).encode()).decode()
    helpers = {name: helper for name, helper in config.get("credHelpers", {}).items() if name != host}
    # An empty helper for the host makes docker look in `auths`, also where `credsStore` is set.
    if "credsStore" in config:
        helpers[host] = ""
    return config | {"auths": config.get("auths", {}) | {host: {"auth": auth}}, "credHelpers": helpers}
