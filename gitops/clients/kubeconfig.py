"""How to reach a cluster and who to be there: from a kubeconfig, read as kubectl reads it, or in a pod."""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gitops.clients.connection import Connection, Credential, Endpoint, Login
from gitops.errors import GitopsError, UsageError, nearest

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own token, CA and namespace."""
TOKEN_FILE_LIFE = timedelta(minutes=2)
"""A token in a file is renewed by somebody else; half of this later it is read again, as client-go does."""
PARTS = {"contexts": "context", "clusters": "cluster", "users": "user"}
"""The lists of a kubeconfig, and what each of their items holds beside its name."""

EXEC_EXTENSION = "client.authentication.k8s.io/exec"
"""The extension of a cluster that is meant for its users' plugins."""


def in_cluster(directory: Path = SERVICE_ACCOUNT, env: Mapping[str, str] = os.environ) -> Connection:
    """The cluster that this pod runs in, as its service account. Raises `GitopsError` outside of a pod."""
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise GitopsError("cluster", "this is not a pod (KUBERNETES_SERVICE_HOST is not set)", "name a cluster")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    hint = "does the pod mount its service account's token?"
    endpoint = Endpoint("in-cluster", server, ca=_read(directory / "ca.crt", hint))
    return Connection(endpoint, lambda: _of_file(Credential(), directory / "token", hint))


def from_kubeconfig(context: str = "", env: Mapping[str, str] = os.environ) -> Connection:
    """The cluster and user of `context`, or of the current one. Raises `GitopsError` where it cannot be used."""
    documents = [(path, _document(path)) for path in _paths(env) if path.exists()]
    if not documents:
        listed = ", ".join(map(str, _paths(env)))
        raise GitopsError(listed, "there is no kubeconfig", "set KUBECONFIG, or run aws eks update-kubeconfig")
    current = context or next((str(d["current-context"]) for _, d in documents if d.get("current-context")), "")
    if not current:
        raise GitopsError(str(documents[0][0]), "has no current context", "name a context")
    found = _entry(documents, "contexts", current)
    if not found.value.get("cluster"):
        raise found.error("names no cluster")
    cluster = _entry(documents, "clusters", str(found.value["cluster"]))
    user = _entry(documents, "users", str(found.value["user"])) if found.value.get("user") else None
    login = _login(user, cluster) if user else Credential
    return Connection(_endpoint(current, cluster), login, _acting_as(user) if user else ())


@dataclass(frozen=True)
class _Entry:
    path: Path
    name: str
    value: dict[str, Any]

    def error(self, problem: str, hint: str = "") -> GitopsError:
        return GitopsError(f"{self.path}: {self.name}", problem, hint)

    def text(self, key: str) -> str:
        return str(self.value.get(key) or "").strip()

    def material(self, key: str) -> str:
        """The PEM of `KEY-data`, or of the file that `KEY` names; empty where there is neither."""
        if data := self.value.get(f"{key}-data"):
            try:
                return base64.b64decode("".join(str(data).split()), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                # The error would quote a key.
                raise self.error(f"{key}-data is not base64 of PEM") from None
        return _read(self.beside(key)) if self.value.get(key) else ""

    def beside(self, key: str) -> Path:
        """The file that `key` names, seen from the kubeconfig."""
        return self.path.parent / self.text(key)


def _paths(env: Mapping[str, str]) -> list[Path]:
    if given := env.get("KUBECONFIG"):
        return [Path(part) for part in given.split(os.pathsep) if part]
    return [Path(env.get("HOME", "~")).expanduser() / ".kube" / "config"]


def _document(path: Path) -> dict[str, Any]:
    import yaml

    from gitops import yaml_bounds

    try:
        document = yaml_bounds.load(_read(path)) or {}
    except yaml.YAMLError as error:
        # The error's own text would quote the line, and so perhaps a token.
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise GitopsError(place, "is not YAML", "check KUBECONFIG") from None
    if not isinstance(document, dict):
        raise GitopsError(str(path), "is not a kubeconfig", "check KUBECONFIG")
    for key, inner in PARTS.items():
        items = document.get(key) or []
        if not isinstance(items, list) or not all(_has(item, inner) for item in items):
            raise GitopsError(f"{path}: {key}", f"is no list of a name and a {inner} each", "check KUBECONFIG")
    return document


def _has(item: Any, inner: str) -> bool:
    return isinstance(item, dict) and isinstance(item.get(inner) or {}, dict)


def _entry(documents: list[tuple[Path, dict[str, Any]]], key: str, name: str) -> _Entry:
    """The first of that name: what a later file says of it is not looked at, as kubectl does."""
    inner = PARTS[key]
    names: list[str] = []
    for path, document in documents:
        for item in document.get(key) or []:
            if item.get("name") == name:
                return _Entry(path, f"{inner} {name}", item.get(inner) or {})
            names.append(str(item.get("name")))
    raise UsageError(str(documents[0][0]), f"no {inner} '{name}'", nearest(name, names))


def _endpoint(name: str, cluster: _Entry) -> Endpoint:
    server = cluster.text("server").rstrip("/")
    if not server:
        raise cluster.error("has no server")
    if not server.startswith(("https://", "http://")):
        raise cluster.error(f"has a server that is no address: {server}", "write https://HOST:PORT")
    return Endpoint(
        name=name,
        server=server,
        ca=cluster.material("certificate-authority"),
        insecure=bool(cluster.value.get("insecure-skip-tls-verify")),
        server_name=cluster.text("tls-server-name"),
        proxy=cluster.text("proxy-url"),
    )


def _login(user: _Entry, cluster: _Entry) -> Login:
    if user.value.get("auth-provider"):
        raise user.error("uses auth-provider, which Kubernetes removed in 1.26", "use an exec plugin or a token")
    if user.value.get("tokenFile"):
        return lambda: _of_file(_written(user), user.beside("tokenFile"))
    # A token or a password that is written there goes before the plugin, as kubectl has it.
    if user.value.get("exec") and not (user.value.get("token") or user.value.get("username")):
        from gitops.clients.credential_plugin import read_plugin, run_plugin

        plugin = read_plugin(user.value["exec"], user.path.parent, lambda: _cluster_info(cluster), user.error)
        return lambda: run_plugin(plugin, user.error)
    return lambda: _written(user)


def _written(user: _Entry) -> Credential:
    """What the kubeconfig itself says, and the files that it names."""
    return Credential(
        token=user.text("token"),
        basic=f"{user.text('username')}:{user.text('password')}" if user.value.get("username") else "",
        certificate=user.material("client-certificate"),
        key=user.material("client-key"),
    )


def _of_file(credential: Credential, token: Path, hint: str = "check KUBECONFIG") -> Credential:
    return replace(credential, token=_read(token, hint).strip(), expires=datetime.now(UTC) + TOKEN_FILE_LIFE)


def _acting_as(user: _Entry) -> tuple[tuple[str, str], ...]:
    """The headers that say whom the user acts as."""
    groups, extra = user.value.get("as-groups") or [], user.value.get("as-user-extra") or {}
    if not isinstance(groups, list) or not isinstance(extra, dict):
        raise user.error(
            "has as-groups or as-user-extra of another shape", "as-groups: [NAME], as-user-extra: {KEY: [TEXT]}"
        )
    found = [("Impersonate-Uid", user.text("as-uid"))] if user.value.get("as-uid") else []
    found += [("Impersonate-Group", str(group)) for group in groups]
    for key, values in extra.items():
        name = "Impersonate-Extra-" + quote(str(key), safe="!#$&'*+^`|")
        found += [(name, str(value)) for value in (values if isinstance(values, list) else [values])]
    if found and not user.value.get("as"):
        raise user.error("acts as a group or uid, and as nobody", "say whom under as")
    return (("Impersonate-User", user.text("as")), *found) if user.value.get("as") else ()


def _cluster_info(cluster: _Entry) -> dict[str, Any]:
    """What a plugin that asks is told of the cluster."""
    extensions = [each for each in cluster.value.get("extensions") or [] if isinstance(each, dict)]
    known: dict[str, Any] = {
        "server": cluster.text("server"),
        "tls-server-name": cluster.text("tls-server-name"),
        "insecure-skip-tls-verify": bool(cluster.value.get("insecure-skip-tls-verify")),
        "certificate-authority-data": base64.b64encode(cluster.material("certificate-authority").encode()).decode(),
        "proxy-url": cluster.text("proxy-url"),
        "config": next((each.get("extension") for each in extensions if each.get("name") == EXEC_EXTENSION), None),
    }
    return {key: value for key, value in known.items() if value}


def _read(path: Path, hint: str = "check KUBECONFIG") -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise GitopsError(str(path), f"cannot be read ({reason})", hint) from error
