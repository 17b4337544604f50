"""Kubeconfigs: what is understood of them, and what is said of what cannot be used."""

import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.clients.kubeconfig import from_kubeconfig, in_cluster
from gitops.errors import GitopsError

PLUGIN = """\
#!{python}
import json, os, sys
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
print(json.dumps({{"kind": "ExecCredential", "apiVersion": info["apiVersion"], "status": {{
    "token": "from-" + os.environ["WHO"] + "-" + sys.argv[1] + "-" + str("cluster" in info["spec"]),
    "expirationTimestamp": "2026-11-24T12:00:00Z"}}}}))
"""


def write(path: Path, user: dict[str, Any], **cluster: Any) -> dict[str, str]:
    document = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://example.invalid/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return {"KUBECONFIG": str(path)}


def test_a_token_and_its_cluster(tmp_path: Path) -> None:
    found = from_kubeconfig(env=write(tmp_path / "k", {"token": "t"}, **{"tls-server-name": "other"}))
    assert (found.endpoint.server, found.endpoint.server_name) == ("https://example.invalid", "other")
    assert found.login().token == "t"


def test_a_credential_does_not_show_itself(tmp_path: Path) -> None:
    found = from_kubeconfig(env=write(tmp_path / "k", {"token": "canary"}))
    assert "canary" not in repr(found.login())


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_plugin_gives_a_token_that_expires(tmp_path: Path, version: str) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN.format(python=sys.executable))
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {
        "exec": {
            "apiVersion": f"client.authentication.k8s.io/{version}",
            "command": str(plugin),
            "args": ["x"],
            "env": [{"name": "WHO", "value": "me"}],
            "provideClusterInfo": True,
        }
    }
    credential = from_kubeconfig(env=write(tmp_path / "k", user)).login()
    assert credential.token == "from-me-x-True"
    assert credential.expires is not None


@pytest.mark.parametrize(
    ("command", "version", "problem"),
    [
        ("no-such-plugin", "v1", "cannot find its plugin no-such-plugin\n  try: install it"),
        ("false", "v1", r"false failed \(exit 1\)"),
        ("true", "v1", "true printed no ExecCredential"),
        ("true", "v1alpha1", r"has a plugin of client.authentication.k8s.io/v1alpha1\n  try: known"),
    ],
)
def test_a_plugin_that_cannot_be_used(tmp_path: Path, command: str, version: str, problem: str) -> None:
    user = {
        "exec": {
            "apiVersion": f"client.authentication.k8s.io/{version}",
            "command": command,
            "installHint": "install it",
        }
    }
    with pytest.raises(GitopsError, match=rf"k: user u: {problem}"):
        from_kubeconfig(env=write(tmp_path / "k", user)).login()


def test_files_are_looked_for_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    assert from_kubeconfig(env=write(tmp_path / "k", {"tokenFile": "token"})).login().token == "from-file"


def test_several_files_are_one(tmp_path: Path) -> None:
    first = write(tmp_path / "a", {"token": "t"})["KUBECONFIG"]
    (tmp_path / "b").write_text(
        yaml.safe_dump({"contexts": [{"name": "two", "context": {"cluster": "c", "user": "u"}}], "clusters": []})
    )
    env = {"KUBECONFIG": f"{tmp_path / 'none'}:{first}:{tmp_path / 'b'}"}
    assert from_kubeconfig("two", env).endpoint.name == "two"


def test_an_unknown_context_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match=r"no context 'onne'\n  try: did you mean 'one'\?"):
        from_kubeconfig("onne", write(tmp_path / "k", {"token": "t"}))


def test_broken_yaml_is_placed_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("users:\n- user: {token: canary, [}\n")
    with pytest.raises(GitopsError, match=r"k:2:\d+: is not YAML") as caught:
        from_kubeconfig(env={"KUBECONFIG": str(tmp_path / "k")})
    assert "canary" not in str(caught.value)


def test_without_a_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match="there is no kubeconfig"):
        from_kubeconfig(env={"HOME": str(tmp_path)})


def test_in_a_pod(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_text("PEM")
    found = in_cluster(tmp_path, {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"})
    assert found.endpoint.server == "https://[fd00::1]:443"
    assert found.login().token == "t"
    with pytest.raises(GitopsError, match="this is not a pod"):
        in_cluster(tmp_path, {})
