"""Every way to log in, at a real API server: token, file, certificate, plugin, and from within a pod."""

import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from gitops.cli.context import Context
from gitops.clients.cluster import ApiError
from gitops.clients.kubeconfig import from_kubeconfig, in_cluster
from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import ObjectRef
from tests.support.api_server import ADMIN_TOKEN, ApiServer

pytestmark = pytest.mark.cluster
DEFAULT = ObjectRef("", "Namespace", "", "default")

# Gives the token in the file beside it, and counts how often it was called.
PLUGIN = """\
#!/bin/sh
echo called >> "$0.calls"
version=$(echo "$KUBERNETES_EXEC_INFO" | grep -o 'client.authentication.k8s.io/v1[a-z0-9]*')
printf '{"apiVersion": "%s", "kind": "ExecCredential", "status": {"token": "%s"}}' "$version" "$(cat "$0.token")"
"""


def cluster_as(server: ApiServer, folder: Path, user: dict[str, Any]) -> KubernetesCluster:
    """The cluster as `user` of a kubeconfig, and the server known by its certificate."""
    authority = str(server.directory / "certificates" / "apiserver.crt")
    document = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "me"}}],
        "clusters": [{"name": "test", "cluster": {"server": server.url, "certificate-authority": authority}}],
        "users": [{"name": "me", "user": user}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(document))
    return KubernetesCluster(from_kubeconfig(env={"KUBECONFIG": str(folder / "kubeconfig")}))


def test_a_token(api_server: ApiServer, tmp_path: Path) -> None:
    assert cluster_as(api_server, tmp_path, {"token": ADMIN_TOKEN}).get(DEFAULT) is not None


def test_a_token_that_the_server_does_not_know(api_server: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="Unauthorized\n  try: log in again") as caught:
        cluster_as(api_server, tmp_path, {"token": "canary"}).get(DEFAULT)
    assert "canary" not in str(caught.value)


def test_a_token_in_a_file_that_is_renewed(api_server: ApiServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("expired")
    cluster = cluster_as(api_server, tmp_path, {"tokenFile": str(file)})
    with pytest.raises(ApiError):
        cluster.get(DEFAULT)
    file.write_text(ADMIN_TOKEN)
    assert cluster.get(DEFAULT) is not None


def test_a_client_certificate(api_server: ApiServer, tmp_path: Path) -> None:
    certificate, key = api_server.certificate("/O=system:masters/CN=jane")
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    assert cluster_as(api_server, tmp_path, user).get(DEFAULT) is not None


def test_a_client_certificate_is_who_it_says(api_server: ApiServer, tmp_path: Path) -> None:
    certificate, key = api_server.certificate("/CN=joe")
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    with pytest.raises(ApiError, match='User "joe" cannot'):
        cluster_as(api_server, tmp_path, user).get(DEFAULT)


@pytest.mark.parametrize(
    ("groups", "may"), [([], False), (["system:masters", "shop"], True), (["shop", "readers"], False)]
)
def test_who_acts_as_another_has_that_ones_rights(
    api_server: ApiServer, tmp_path: Path, groups: list[str], may: bool
) -> None:
    user = {
        "token": ADMIN_TOKEN,
        "as": "joe",
        "as-groups": groups,
        "as-uid": "7",
        "as-user-extra": {"why/so": ["a test"]},
    }
    cluster = cluster_as(api_server, tmp_path, user)
    if may:
        assert cluster.get(DEFAULT) is not None
    else:
        with pytest.raises(ApiError, match='User "joe" cannot'):
            cluster.get(DEFAULT)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_plugin_is_asked_again_once_when_its_token_is_refused(
    api_server: ApiServer, tmp_path: Path, version: str
) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN)
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    token, calls = tmp_path / "plugin.token", tmp_path / "plugin.calls"
    token.write_text(ADMIN_TOKEN)
    user = {"exec": {"apiVersion": f"client.authentication.k8s.io/{version}", "command": str(plugin)}}
    cluster = cluster_as(api_server, tmp_path, user)
    assert cluster.get(DEFAULT) is not None
    assert cluster.get(DEFAULT) is not None
    assert calls.read_text().count("called") == 1
    token.write_text("expired")
    with pytest.raises(ApiError, match="Unauthorized"):
        cluster_as(api_server, tmp_path, user).get(DEFAULT)
    assert calls.read_text().count("called") == 3


def test_a_plugin_is_asked_once_for_several_releases(
    api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN)
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "plugin.token").write_text(ADMIN_TOKEN)
    cluster_as(
        api_server, tmp_path, {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    )
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    context = Context(None)
    first, second = context.cluster("", "test"), context.cluster("", "test")
    assert first is not second, "each asks what is served"
    assert first.get(DEFAULT) == second.get(DEFAULT)
    assert (tmp_path / "plugin.calls").read_text().count("called") == 1


def test_in_a_pod(api_server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(ADMIN_TOKEN)
    (tmp_path / "ca.crt").write_text((api_server.directory / "certificates" / "apiserver.crt").read_text())
    port = str(urlsplit(api_server.url).port)
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}
    assert KubernetesCluster(in_cluster(tmp_path, env)).get(DEFAULT) is not None


def test_a_server_of_another_authority_is_not_talked_to(api_server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary")
    (tmp_path / "ca.crt").write_text((api_server.directory / "clients.crt").read_text())
    port = str(urlsplit(api_server.url).port)
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}
    with pytest.raises(GitopsError, match=r"TLS failed: .*\n  try: check the CA"):
        KubernetesCluster(in_cluster(tmp_path, env)).get(DEFAULT)
