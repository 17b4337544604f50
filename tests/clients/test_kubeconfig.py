"""Kubeconfigs: what is understood of them, and what is said of what cannot be used."""

import base64
import json
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.clients.kubeconfig import from_kubeconfig, in_cluster
from gitops.errors import GitopsError

CONTEXT = "{current-context: a, contexts: [{name: a, context: {cluster: c}}], "
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
        ("failing", "v1", r"failing failed \(exit 1\)"),
        ("silent", "v1", "silent printed no ExecCredential"),
        ("silent", "v1alpha1", r"has a plugin of client.authentication.k8s.io/v1alpha1\n  try: known"),
    ],
)
def test_a_plugin_that_cannot_be_used(
    tmp_path: Path, command: str, version: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    script(tmp_path / "failing", "exit 1")
    script(tmp_path / "silent", "exit 0")
    user = {
        "exec": {
            "apiVersion": f"client.authentication.k8s.io/{version}",
            "command": command,
            "installHint": "install it",
        }
    }
    with pytest.raises(GitopsError, match=rf"k: user u: {problem}"):
        from_kubeconfig(env=write(tmp_path / "k", user)).login()


def script(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def plugin(command: Path | str, **more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command), **more}}


def failure_of(tmp_path: Path, user: dict[str, Any]) -> str:
    with pytest.raises(GitopsError) as caught:
        from_kubeconfig(env=write(tmp_path / "k", user)).login()
    return str(caught.value).replace(str(tmp_path), "FOLDER")


@pytest.mark.parametrize("output", ["echo canary-7f2e; exit 1", "echo canary-7f2e >&2; exit 1", "echo canary-7f2e"])
def test_what_a_plugin_says_is_not_quoted(tmp_path: Path, capfd: pytest.CaptureFixture[str], output: str) -> None:
    said = failure_of(tmp_path, plugin(script(tmp_path / "plugin", output)))
    assert said.startswith("FOLDER/k: user u: FOLDER/plugin ")
    assert "canary" not in said + "".join(capfd.readouterr())


def test_a_plugin_that_hangs_is_stopped_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitops.clients.credential_plugin.TIMEOUT", 0.5)
    file = script(tmp_path / "plugin", f"(echo $BASHPID; sleep 600) & echo $! > {tmp_path}/started", "wait")
    said = failure_of(tmp_path, plugin(file))
    assert said == "FOLDER/k: user u: FOLDER/plugin gave no credential in 0 s\n  try: run it by hand"
    started = int((tmp_path / "started").read_text())
    assert eventually(lambda: not running(started))


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def eventually(what: Callable[[], bool]) -> bool:
    for _ in range(200):
        if what():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}, "has a plugin without a command"),
        ({"exec": "aws"}, "has a plugin without a command"),
        (plugin("x", interactiveMode="Always"), "has a plugin that always asks (interactiveMode: Always)"),
        (plugin("x", env={"A": "b"}), "has a plugin whose args or env are no lists"),
        (plugin("x", env=[{"value": "b"}]), "has a plugin whose args or env are no lists"),
        (plugin("x", args="get-token"), "has a plugin whose args or env are no lists"),
        (plugin("false\0"), "cannot start its plugin"),
        (plugin("/"), "cannot start its plugin / (Permission denied)"),
        ({"auth-provider": {"name": "gcp"}}, "uses auth-provider, which Kubernetes removed in 1.26"),
        ({"as-groups": ["system:masters"], "token": "t"}, "acts as a group or uid, and as nobody"),
        ({"as": "joe", "as-groups": "system:masters", "token": "t"}, "has as-groups or as-user-extra of another shape"),
        ({"client-certificate-data": "canary!"}, "client-certificate-data is not base64 of PEM"),
    ],
)
def test_a_user_that_cannot_be_used(tmp_path: Path, user: dict[str, Any], said: str) -> None:
    found = failure_of(tmp_path, user)
    assert found.startswith(f"FOLDER/k: user u: {said}")
    assert "canary" not in found


def test_a_plugin_that_gives_nothing_logs_nobody_in(tmp_path: Path) -> None:
    """Else the request would be anybody's, and the refusal would puzzle."""
    file = script(tmp_path / "plugin", """echo '{"status": {}}'""")
    assert "gave neither a token nor a certificate" in failure_of(tmp_path, plugin(file))


def test_a_plugin_with_a_path_is_looked_for_beside_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "plugin", """echo '{"status": {"token": "beside"}}'""")
    monkeypatch.chdir("/")
    assert from_kubeconfig(env=write(tmp_path / "k", plugin("./bin/plugin"))).login().token == "beside"


def test_a_token_that_is_written_goes_before_the_plugin(tmp_path: Path) -> None:
    user = {**plugin("no-such-plugin"), "token": "written"}
    assert from_kubeconfig(env=write(tmp_path / "k", user)).login().token == "written"


def test_a_plugin_is_told_of_its_cluster(tmp_path: Path) -> None:
    file = script(tmp_path / "plugin", f"""echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info""")
    (tmp_path / "ca.crt").write_text("PEM")
    extensions = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "shop"}}]
    cluster = {"certificate-authority": "ca.crt", "proxy-url": "http://p.invalid", "extensions": extensions}
    env = write(tmp_path / "k", plugin(file, provideClusterInfo=True), **cluster)
    with pytest.raises(GitopsError):
        from_kubeconfig(env=env).login()
    assert json.loads((tmp_path / "info").read_text())["spec"] == {
        "interactive": False,
        "cluster": {
            "server": "https://example.invalid/",
            "certificate-authority-data": "UEVN",
            "proxy-url": "http://p.invalid",
            "config": {"audience": "shop"},
        },
    }


def test_whom_a_user_acts_as_is_said_with_every_request(tmp_path: Path) -> None:
    user = {"token": "t", "as": "joe", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": {"why/so%": ["x", "y"]}}
    assert from_kubeconfig(env=write(tmp_path / "k", user)).headers == (
        ("Impersonate-User", "joe"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-why%2Fso%25", "x"),
        ("Impersonate-Extra-why%2Fso%25", "y"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users: {u: {}}", "k: users: is no list of a name and a user each"),
        ("clusters: [c]", "k: clusters: is no list of a name and a cluster each"),
        ("contexts: [{name: one, context: c}]", "k: contexts: is no list of a name and a context each"),
        ("- 1", "k: is not a kubeconfig"),
        ("", "k: has no current context"),
        ("{current-context: a, contexts: [{name: a}]}", "k: context a: names no cluster"),
        (
            CONTEXT + "clusters: [{name: c, cluster: {server: 10.0.0.1}}]}",
            "k: cluster c: has a server that is no address: 10.0.0.1\n  try: write https://HOST:PORT",
        ),
    ],
)
def test_a_kubeconfig_of_another_shape(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "k").write_text(text)
    with pytest.raises(GitopsError) as caught:
        from_kubeconfig(env={"KUBECONFIG": str(tmp_path / "k")})
    assert str(caught.value).startswith(f"{tmp_path}/{said}")


def test_files_are_looked_for_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    (tmp_path / "crt").write_text("CERT")
    user = {"tokenFile": "token", "token": "written", "client-certificate": "crt"}
    credential = from_kubeconfig(env=write(tmp_path / "k", user)).login()
    assert (credential.token, credential.certificate) == ("from-file", "CERT")


def test_a_token_in_a_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    """A pod's token is renewed by its kubelet, as is that of a file."""
    (tmp_path / "token").write_text("one")
    (tmp_path / "ca.crt").write_text("PEM")
    found = [
        from_kubeconfig(env=write(tmp_path / "k", {"tokenFile": "token"})),
        in_cluster(tmp_path, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}),
    ]
    for each in found:
        expires = each.login().expires
        assert expires is not None
        assert expires - datetime.now(UTC) <= timedelta(minutes=2)
    (tmp_path / "token").write_text("two")
    assert [each.login().token for each in found] == ["two", "two"]


def test_data_may_be_written_in_lines(tmp_path: Path) -> None:
    data = base64.encodebytes(b"-----BEGIN CERTIFICATE-----" * 5).decode()
    found = from_kubeconfig(env=write(tmp_path / "k", {"token": "t"}, **{"certificate-authority-data": data}))
    assert found.endpoint.ca == "-----BEGIN CERTIFICATE-----" * 5


def test_a_kubeconfig_may_come_through_a_pipe(tmp_path: Path) -> None:
    """As in KUBECONFIG=<(…)."""
    text = Path(write(tmp_path / "k", {"token": "t"})["KUBECONFIG"]).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(text), daemon=True).start()
    assert from_kubeconfig(env={"KUBECONFIG": str(tmp_path / "pipe")}).login().token == "t"


def test_of_two_files_the_first_has_the_word(tmp_path: Path) -> None:
    first = write(tmp_path / "a", {"token": "first"})["KUBECONFIG"]
    second = write(tmp_path / "b", {"token": "second", "as": "joe"}, **{"tls-server-name": "second"})["KUBECONFIG"]
    found = from_kubeconfig(env={"KUBECONFIG": f"{first}:{second}"})
    assert (found.login().token, found.endpoint.server_name, found.headers) == ("first", "", ())


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
