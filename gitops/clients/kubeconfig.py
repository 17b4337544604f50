"""How to reach a cluster and who to be there: from a kubeconfig, or from within a pod."""

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitops.errors import GitopsError, UsageError, nearest
from gitops.hidden import remember

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own token, CA and namespace."""

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
EXEC_TIMEOUT = 60.0
"""Seconds that a credential plugin may take."""


@dataclass(frozen=True)
class Endpoint:
    """Where the API server is, and how to know that it is the one."""

    name: str
    server: str
    ca: str = ""
    """PEM; empty for the system's authorities."""
    insecure: bool = False
    server_name: str = ""
    """Name in the server's certificate, where it is not the host's."""
    proxy: str = ""


@dataclass(frozen=True)
class Credential:
    """Who we are. `expires` is None for a credential that does not say."""

    token: str = ""
    basic: str = ""
    """user:password"""
    certificate: str = ""
    key: str = ""
    expires: datetime | None = None

    def __post_init__(self) -> None:
        remember((self.token, self.basic, self.basic.partition(":")[2], self.key))

    def __repr__(self) -> str:
        return f"Credential(expires={self.expires})"


Login = Callable[[], Credential]
"""Gives a fresh credential; called first, when the old one expires, and once after a 401."""


@dataclass(frozen=True)
class Connection:
    """All that a client needs."""

    endpoint: Endpoint
    login: Login


def in_cluster(directory: Path = SERVICE_ACCOUNT, env: Mapping[str, str] = os.environ) -> Connection:
    """The cluster that this pod runs in, as its service account. Raises `GitopsError` outside of a pod."""
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise GitopsError("cluster", "this is not a pod (KUBERNETES_SERVICE_HOST is not set)", "name a cluster")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    endpoint = Endpoint("in-cluster", server, ca=_read(directory / "ca.crt"))
    return Connection(endpoint, lambda: Credential(token=_read(directory / "token").strip()))


def from_kubeconfig(context: str = "", env: Mapping[str, str] = os.environ) -> Connection:
    """The cluster and user of `context`, or of the current one. Raises `GitopsError` where it cannot be used."""
    documents = [(path, _document(path)) for path in _paths(env) if path.is_file()]
    if not documents:
        listed = ", ".join(map(str, _paths(env)))
        raise GitopsError(listed, "there is no kubeconfig", "set KUBECONFIG, or run aws eks update-kubeconfig")
    current = context or next((str(d["current-context"]) for _, d in documents if d.get("current-context")), "")
    if not current:
        raise GitopsError(str(documents[0][0]), "has no current context", "name a context")
    found = _entry(documents, "contexts", "context", current)
    cluster = _entry(documents, "clusters", "cluster", str(found.value.get("cluster", "")))
    user = _entry(documents, "users", "user", str(found.value["user"])) if found.value.get("user") else None
    return Connection(_endpoint(current, cluster), _login(user, cluster) if user else Credential)


@dataclass(frozen=True)
class _Entry:
    path: Path
    name: str
    value: dict[str, Any]

    def error(self, problem: str, hint: str = "") -> GitopsError:
        return GitopsError(f"{self.path}: {self.name}", problem, hint)

    def material(self, key: str) -> str:
        """The PEM of `KEY-data`, or of the file that `KEY` names; empty where there is neither."""
        if data := self.value.get(f"{key}-data"):
            try:
                return base64.b64decode(str(data), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError) as error:
                raise self.error(f"{key}-data is not base64 of PEM") from error
        if file := self.value.get(key):
            return _read(self.path.parent / str(file))
        return ""


def _paths(env: Mapping[str, str]) -> list[Path]:
    if given := env.get("KUBECONFIG"):
        return [Path(part) for part in given.split(os.pathsep) if part]
    return [Path(env.get("HOME", "~")).expanduser() / ".kube" / "config"]


def _document(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.load(_read(path), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        # The error's own text would quote the line, and so perhaps a token.
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise GitopsError(place, "is not YAML", "check KUBECONFIG") from None
    if not isinstance(document, dict):
        raise GitopsError(str(path), "is not a kubeconfig", "check KUBECONFIG")
    return document


def _entry(documents: list[tuple[Path, dict[str, Any]]], key: str, inner: str, name: str) -> _Entry:
    names: list[str] = []
    for path, document in documents:
        for item in document.get(key) or []:
            if item.get("name") == name:
                return _Entry(path, f"{inner} {name}", item.get(inner) or {})
            names.append(str(item.get("name")))
    raise UsageError(str(documents[0][0]), f"no {inner} '{name}'", nearest(name, names))


def _endpoint(name: str, cluster: _Entry) -> Endpoint:
    value = cluster.value
    if not value.get("server"):
        raise cluster.error("has no server")
    return Endpoint(
        name=name,
        server=str(value["server"]).rstrip("/"),
        ca=cluster.material("certificate-authority"),
        insecure=bool(value.get("insecure-skip-tls-verify")),
        server_name=str(value.get("tls-server-name") or ""),
        proxy=str(value.get("proxy-url") or ""),
    )


def _login(user: _Entry, cluster: _Entry) -> Login:
    value = user.value
    if "exec" in value:
        return lambda: run_plugin(user.error, value["exec"], _cluster_info(cluster))
    if "auth-provider" in value:
        raise user.error("uses auth-provider, which Kubernetes removed in 1.26", "use an exec plugin or a token")
    if value.get("tokenFile"):
        return lambda: Credential(token=_read(user.path.parent / str(value["tokenFile"])).strip())
    basic = f"{value['username']}:{value.get('password', '')}" if value.get("username") else ""
    credential = Credential(
        token=str(value.get("token") or ""),
        basic=basic,
        certificate=user.material("client-certificate"),
        key=user.material("client-key"),
    )
    return lambda: credential


def _cluster_info(cluster: _Entry) -> dict[str, Any]:
    ca = cluster.material("certificate-authority")
    return {
        "server": cluster.value.get("server", ""),
        "insecure-skip-tls-verify": bool(cluster.value.get("insecure-skip-tls-verify")),
        "certificate-authority-data": base64.b64encode(ca.encode()).decode(),
    }


def run_plugin(
    failure: Callable[[str, str], GitopsError], plugin: Mapping[str, Any], cluster: Mapping[str, Any]
) -> Credential:
    """Run a credential plugin (client.authentication.k8s.io v1 or v1beta1) and read what it prints.

    The plugin's output is a secret: no error of ours quotes it. Raises what `failure` makes.
    """
    import json
    import subprocess

    version = str(plugin.get("apiVersion", ""))
    if version not in EXEC_VERSIONS:
        raise failure(f"has a plugin of {version or 'no version'}", f"known: {', '.join(EXEC_VERSIONS)}")
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if plugin.get("provideClusterInfo"):
        info["spec"] = {"interactive": False, "cluster": dict(cluster)}
    env = {str(item["name"]): str(item["value"]) for item in plugin.get("env") or []}
    command = [str(plugin.get("command")), *map(str, plugin.get("args") or [])]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **env, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=EXEC_TIMEOUT,
            check=True,
        )
    except FileNotFoundError as error:
        raise failure(f"cannot find its plugin {command[0]}", str(plugin.get("installHint") or "").strip()) from error
    except subprocess.TimeoutExpired as error:
        raise failure(f"{command[0]} gave no credential in {EXEC_TIMEOUT:.0f} s", "run it by hand") from error
    except (subprocess.CalledProcessError, OSError) as error:
        code = getattr(error, "returncode", None)
        raise failure(
            f"{command[0]} failed (exit {code})" if code else f"{command[0]} failed", "run it by hand"
        ) from error
    return _plugin_credential(failure, command[0], done.stdout)


def _plugin_credential(failure: Callable[[str, str], GitopsError], command: str, out: bytes) -> Credential:
    import json

    try:
        status = json.loads(out)["status"]
        expires = status.get("expirationTimestamp")
        return Credential(
            token=status.get("token") or "",
            certificate=status.get("clientCertificateData") or "",
            key=status.get("clientKeyData") or "",
            expires=datetime.fromisoformat(expires).astimezone(UTC) if expires else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise failure(f"{command} printed no ExecCredential", "run it by hand") from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise GitopsError(str(path), f"cannot be read ({reason})", "check KUBECONFIG") from error
