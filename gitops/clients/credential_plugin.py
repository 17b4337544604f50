"""Credential plugins of a kubeconfig (client.authentication.k8s.io), as kubectl runs them.

A plugin's output is a secret, and what it writes to stderr may be one: no error of ours quotes either.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitops.clients.connection import Credential
from gitops.errors import GitopsError

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
TIMEOUT = 60.0
"""Seconds that a plugin may take."""
DRAIN = 2.0
"""Seconds that the output of a stopped plugin is waited for."""

Failure = Callable[[str, str], GitopsError]
"""Makes the error for a problem and a hint."""


@dataclass(frozen=True)
class Plugin:
    """What to run. `cluster` is what it is told of the cluster, None where it does not ask."""

    version: str
    command: str
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    install_hint: str
    cluster: Mapping[str, Any] | None


def read_plugin(given: Any, folder: Path, cluster: Callable[[], Mapping[str, Any]], failure: Failure) -> Plugin:
    """The plugin of a kubeconfig in `folder`. Raises what `failure` makes where it cannot be run."""
    if not isinstance(given, dict) or not given.get("command"):
        raise failure("has a plugin without a command", "name one under exec")
    version = str(given.get("apiVersion") or "")
    if version not in VERSIONS:
        raise failure(f"has a plugin of {version or 'no version'}", f"known: {', '.join(VERSIONS)}")
    if given.get("interactiveMode") == "Always":
        raise failure("has a plugin that always asks (interactiveMode: Always)", "take one that needs nobody there")
    env, arguments = given.get("env") or [], given.get("args") or []
    if not (isinstance(arguments, list) and isinstance(env, list) and all(map(_is_variable, env))):
        raise failure("has a plugin whose args or env are no lists", "args: [TEXT], env: [{name: NAME, value: TEXT}]")
    return Plugin(
        version,
        _command(str(given["command"]), folder),
        tuple(map(str, arguments)),
        {str(item["name"]): str(item.get("value") or "") for item in env},
        str(given.get("installHint") or "").strip(),
        cluster() if given.get("provideClusterInfo") else None,
    )


def _is_variable(item: Any) -> bool:
    return isinstance(item, dict) and bool(item.get("name"))


def _command(command: str, folder: Path) -> str:
    """A path is looked for beside the kubeconfig, a name on PATH."""
    return str(folder.resolve() / command) if "/" in command else command


def run_plugin(plugin: Plugin, failure: Failure) -> Credential:
    """Run the plugin and read what it prints. Raises what `failure` makes."""
    spec = {"interactive": False} | ({"cluster": dict(plugin.cluster)} if plugin.cluster is not None else {})
    info = json.dumps({"apiVersion": plugin.version, "kind": "ExecCredential", "spec": spec})
    try:
        # In a session of its own, so that all that it started can be stopped, and none of it asks at the terminal.
        process = subprocess.Popen(
            [plugin.command, *plugin.arguments],
            env={**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": info},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise failure(f"cannot find its plugin {plugin.command}", plugin.install_hint) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its arguments hold what none can"
        raise failure(f"cannot start its plugin {plugin.command} ({reason})", "check exec in KUBECONFIG") from error
    return _credential(plugin.command, _output(process, plugin.command, failure), failure)


def _output(process: "subprocess.Popen[bytes]", command: str, failure: Failure) -> bytes:
    try:
        out, _ = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise failure(f"{command} gave no credential in {TIMEOUT:.0f} s", "run it by hand") from error
    finally:
        _stop(process)
    if process.returncode:
        raise failure(f"{command} failed (exit {process.returncode})", "run it by hand")
    return out


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End what is unfinished, with all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(DRAIN)
    if process.stdout:
        process.stdout.close()


def _credential(command: str, out: bytes, failure: Failure) -> Credential:
    try:
        status = json.loads(out)["status"]
        expires = status.get("expirationTimestamp")
        found = Credential(
            token=status.get("token") or "",
            certificate=status.get("clientCertificateData") or "",
            key=status.get("clientKeyData") or "",
            expires=datetime.fromisoformat(expires).astimezone(UTC) if expires else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise failure(f"{command} printed no ExecCredential", "run it by hand") from None
    if not (found.token or found.certificate):
        raise failure(f"{command} gave neither a token nor a certificate", "run it by hand")
    return found
