"""A secret in every place that one can be is in no output of any command, in any form, on success or failure.

The places: data and stringData of Secrets, a variable, an annotation, what an error quotes, the token of a kubeconfig,
the credentials of AWS and of a git remote. Every command of the command line is run, and every form that it has.
"""

import base64
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import pytest
import yaml

from gitops import hidden
from gitops.apply.announce import event_about
from gitops.cli import cli, run
from gitops.clients.cluster import ApiError
from gitops.clients.git import GitRepository
from gitops.clients.kubernetes import KubernetesCluster
from gitops.objects import KubeObject, ObjectRef
from gitops.template import catalogues
from tests.support.api_server import ApiServer
from tests.support.echo_server import EchoServer
from tests.support.kube_objects import config_map, cron_job, deployment, secret

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

CANARY = "canary-8c1f"
TOKEN, AWS_KEY, GIT_PASSWORD = f"{CANARY}-token", f"{CANARY}-aws-key", f"{CANARY}-git"
ELSEWHERE = {("demo",): "it works on a world of its own, which no secret of ours gets into"}
CONFIG = """\
apiVersion: gitops/v1
name: shop
region: eu-west-1
account: "111122223333"
source: {{repository: shop-app}}
manifests: {{repository: shop-manifests}}
registry: {{host: "{registry}", auth: none}}
images: [{{name: tick, repository: tick}}]
clusters: [{{name: test, context: test}}]
environments:
  - {{name: staging, cluster: test, namespace: shop-staging}}
  - {{name: prod, cluster: test, namespace: shop}}
"""
BUILDSPEC = """\
version: 0.2
phases:
  build:
    commands:
      - echo "the password is $DB_PASSWORD"
      - echo "root:$DB_PASSWORD" | base64
      - echo "$DB_PASSWORD" >&2; exit 3
"""


SETTINGS = f"""\
# settings of a program
db.password={CANARY}-file-{{0}}
db.url=postgres://app:{CANARY}-url-{{0}}@db.invalid/app
"""


def logins(tag: str) -> str:
    """What docker login keeps."""
    return json.dumps({"auths": {"registry.invalid": {"auth": coded(f"me:{CANARY}-login-{tag}")}}})


def quotes(tag: str) -> dict[str, str]:
    """Where an object that is no Secret quotes what one holds, in every way to write it."""
    return {
        "header": f"Authorization: Basic {coded(f'me:{CANARY}-plain-{tag}')}",
        "query": f"password={quote(f'{CANARY}-plain-{tag}')}&x={tag}",
        "settings": f"retry with {CANARY}-file-{tag}, then with {CANARY}-url-{tag}, then with {CANARY}-login-{tag}",
        "script": f"curl -H 'X-Key: {CANARY}-data-{tag}'\nexport A='{CANARY}-plain-{tag}'",
        "json": json.dumps({"inner": json.dumps({"a": f"{CANARY}-plain-{tag}"})}),
    }


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def within_base64(text: str) -> list[str]:
    """What the base64 of anything with `text` in it has in it: `text` begins at one of three places of a letter."""
    return [coded("x" * before + text)[2 * bool(before) + (before == 2) : -4] for before in range(3)]


def every_command(group: click.Group, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*way, name))
        elif command:
            yield (*way, name), command


def forms(command: click.Command) -> set[tuple[str, ...]]:
    """Every way that a command has to print, besides what it does without being asked."""
    found: set[tuple[str, ...]] = set()
    for option in command.params:
        if not isinstance(option, click.Option):
            continue
        if "--output" in option.opts and isinstance(option.type, click.Choice):
            found |= {("-o", str(choice)) for choice in option.type.choices if choice != option.default}
        found |= {(flag,) for flag in ("--json", "--diff", "--verify") if flag in option.opts and not option.hidden}
    return found


class Shop:
    """A manifest repository whose releases hold the canary wherever a secret can be, beside a cluster."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], echo: EchoServer) -> None:
        self.folder = folder
        self._capture = capture
        self._echo = echo
        self.said: dict[tuple[str, ...], str] = {}

    def write(self, tag: str, *extra: Mapping[str, Any]) -> None:
        image = f"registry.invalid/tick:{tag}"
        job = cron_job(namespace="shop", image=image)
        spec = json.loads(json.dumps(job.body["spec"]))
        container = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
        container["env"] = [{"name": "DB_PASSWORD", "value": f"{CANARY}-env-{tag}"}]
        settings = {"v": tag, "url": f"db://app:{CANARY}-plain-{tag}@x"}
        bodies = [
            config_map(namespace="shop", **settings).body,
            secret(
                namespace="shop", password=f"{CANARY}-plain-{tag}", text=f'one "{CANARY}"\nline {CANARY}-{tag}'
            ).body,
            secret("files", "shop", **{"app.env": SETTINGS.format(tag), ".dockerconfigjson": logins(tag)}).body,
            config_map("quotes", "shop", **quotes(tag)).body,
            {**secret("coded", "shop").body, "data": {"p": coded(f"{CANARY}-data-{tag}")}, "stringData": {}},
            {**job.with_annotations({"example.invalid/token": f"{CANARY}-note-{tag}"}).body, "spec": spec},
        ]
        (self.folder / "gitops.yaml").write_text(CONFIG.format(registry=self._echo.host))
        for name in ("staging", "prod"):
            overlay = self.folder / "kustomize" / "overlays" / name
            overlay.mkdir(parents=True, exist_ok=True)
            images = f"images: [{{name: registry.invalid/tick, newTag: '{tag}'}}]\n"
            (overlay / "kustomization.yaml").write_text(f"resources: [objects.yaml]\n{images}")
            every = [*bodies, *extra] if name == "prod" else [config_map(namespace="shop-staging", **settings).body]
            (overlay / "objects.yaml").write_text(yaml.safe_dump_all(every))

    def commit(self, subject: str) -> None:
        git = GitRepository(self.folder)
        git.run("add", "--all")
        git.run("commit", "--quiet", "-m", subject)

    def run(self, *arguments: str, code: int | None = 0) -> str:
        """Run a command as a process of its own would, and keep all that it printed."""
        hidden.forget()
        found = run(arguments)
        out, err = self._capture.readouterr()
        self.said[arguments] = self.said.get(arguments, "") + out + err
        assert code is None or found == code, out + err
        assert found != 70 or code == 70, out + err
        return out + err

    def leaks(self) -> list[str]:
        """Lines that hold the canary, as it is or coded, by command."""
        leak = re.compile(
            "|".join(map(re.escape, [CANARY, CANARY.encode().hex(), *within_base64(CANARY)])), re.IGNORECASE
        )
        return [
            f"{' '.join(arguments)}: {line[max(0, at.start() - 80) : at.end() + 40]}"
            for arguments, said in self.said.items()
            for line in said.splitlines()
            if (at := leak.search(line))
        ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("canary"), tokens={TOKEN: "nobody-special,uid-9"}) as server:
        yield server


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    with EchoServer() as echo:
        yield echo


@pytest.fixture
def shop(
    server: ApiServer,
    echo: EchoServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig()))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", echo.url)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", f"{AWS_KEY}-session")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    shop = Shop(folder, capsys, echo)
    GitRepository(folder).run("init", "--quiet", "--initial-branch=main")
    shop.write("1")
    shop.commit("first")
    yield shop
    hidden.forget()


@pytest.mark.parametrize("before", ["", "a", "me", "you", "root:", "name="])
@pytest.mark.parametrize("after", ["", "-", "--", "-and more"])
def test_the_canary_is_found_within_what_is_coded(before: str, after: str) -> None:
    assert any(each in coded(before + CANARY + after) for each in within_base64(CANARY))


def test_a_canary_secret_is_in_no_output_of_any_command(
    shop: Shop, server: ApiServer, echo: EchoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases(shop, server, tmp_path)
    refused_by_a_policy(shop, server)
    told_by_an_event(shop, server)
    around_manifests(shop, echo)
    with_a_registry(shop, echo, tmp_path, monkeypatch)
    towards_aws(shop, tmp_path, monkeypatch)
    failures(shop, server, echo, tmp_path, monkeypatch)
    for file in (each for each in (tmp_path / "cache").rglob("*") if each.is_file()):
        shop.said["the cache", str(file)] = file.read_text("utf-8", "replace")
    assert ("the cache",) in {words[:1] for words in shop.said}
    assert not (found := shop.leaks()), "\n".join(found)
    assert on_the_cluster(server) == []
    ran = {words: [line for line in shop.said if line[: len(words)] == words] for words, _ in every_command(cli)}
    assert {words for words, lines in ran.items() if not lines} == set(ELSEWHERE)
    for words, command in every_command(cli):
        for form in forms(command) if words not in ELSEWHERE else ():
            assert any(set(form) <= set(line) for line in ran[words]), (words, form)


def releases(shop: Shop, server: ApiServer, tmp_path: Path) -> None:
    """From a plan to a teardown."""
    for form in ("text", "json", "sarif", "junit"):
        shop.run("validate", "-o", form, code=None)
    for arguments in (("-o", "yaml"), ("-o", "json"), ("--inputs",), ("--changed-since", "HEAD"), ("--verify",)):
        shop.run("render", "prod", *arguments, code=None)
    assert "***" in shop.said["render", "prod", "-o", "yaml"]
    shop.run("deploy", "prod", "--yes", "-o", "text")
    shop.run("deploy", "staging", "--yes", "-o", "text")
    shop.write("2")
    shop.commit("second")
    for form in ("text", "json", "markdown", "junit"):
        assert "keys" in shop.run("plan", "prod", "--diff", "-o", form)
        shop.run("deploy", "prod", "--diff", "--dry-run", "-o", form)
    saved = tmp_path / "plan.json"
    shop.run("plan", "prod", "--save", str(saved))
    shop.said["the saved plan",] = saved.read_text()
    shop.run("deploy", "prod", "--yes", "--plan", str(saved))
    by_hand(server)
    for form in ("text", "json"):
        shop.run("drift", "prod", "-o", form, code=3)
        shop.run("status", "-o", form)
        shop.run("history", "prod", "-o", form)
    shop.run("deploy", "prod", "--yes", code=1)
    shop.run("drift", "prod", "--fix")
    shop.run("rollback", "prod", "--dry-run", "-o", "json")
    shop.run("rollback", "prod")
    shop.run("deploy", "prod", "--yes")
    shop.run("teardown", "staging", "--dry-run")
    shop.run("teardown", "staging", "--yes")


def refused_by_a_policy(shop: Shop, server: ApiServer) -> None:
    """Admission quotes what it refuses."""
    cluster, name = KubernetesCluster(server.connection()), "quotes-what-it-refuses"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE"]}
    says = {"expression": "object.metadata.name != 'refused'", "messageExpression": "'it has ' + object.data.url"}
    policy = {"matchConstraints": {"resourceRules": [rule]}, "validations": [says]}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding)):
        body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        cluster.create(KubeObject(body))
    refused = config_map("refused", "shop", url=f"db://app:{CANARY}-plain-2@x?again={CANARY}-url-2")
    while not_refused(cluster, refused):
        time.sleep(0.1)
    shop.write("2", refused.body)
    shop.commit("what a policy refuses")
    for words in (("plan", "prod"), ("deploy", "prod", "--yes"), ("plan", "prod", "-o", "junit")):
        assert "it has db://app:" in shop.run(*words, code=1)
    for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"):
        cluster.delete(ObjectRef("admissionregistration.k8s.io", kind, "", name))


def not_refused(cluster: KubernetesCluster, body: KubeObject) -> bool:
    try:
        cluster.preview(body)
    except ApiError:
        return False
    return True


def told_by_an_event(shop: Shop, server: ApiServer) -> None:
    """What fails quotes a secret in a warning, which is shown."""
    cluster, web = KubernetesCluster(server.connection()), deployment(namespace="shop")
    shop.write("2", web.body)
    shop.commit("what is never ready")
    shop.run("deploy", "prod", "--yes", "--timeout", "1", code=1)
    found = cluster.get(web.ref)
    assert found
    said = f"cannot log in with {CANARY}-login-2, which is {coded(f'me:{CANARY}-login-2')}"
    event = cluster.create(event_about(found, "Failed", said, datetime.now(UTC), "Warning"))
    assert "Failed: cannot log in with ***" in shop.run("deploy", "prod", "--yes", "--timeout", "1", code=1)
    cluster.delete(event.ref)
    cluster.delete(web.ref)


def with_a_registry(shop: Shop, echo: EchoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docker login's password goes to a registry that quotes it."""
    (tmp_path / "docker").mkdir()
    logins = {"auths": {echo.host: {"auth": coded(f"me:{CANARY}-docker")}}}
    (tmp_path / "docker" / "config.json").write_text(json.dumps(logins))
    config = shop.folder / "gitops.yaml"
    config.write_text(config.read_text().replace("auth: none", "auth: docker"))
    with monkeypatch.context() as patched:
        patched.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
        patched.setattr(echo, "challenges", True)
        shop.run("bump", "tick", "--env", "prod", "--tag", "3", code=1)
    assert any(coded(f"me:{CANARY}-docker") in said for said in echo.seen)


def by_hand(server: ApiServer) -> None:
    """Somebody changes what is secret."""
    changed = {**secret("keys", "shop").body, "data": {"password": coded(f"{CANARY}-plain-4")}}
    KubernetesCluster(server.connection()).apply(KubeObject(changed), force=True, manager="jane")


def around_manifests(shop: Shop, echo: EchoServer) -> None:
    """What writes and reads the manifest repository, here and at a URL with a password."""
    url = echo.url.replace("://", f"://bot:{GIT_PASSWORD}@") + "/shop-manifests"
    digest = f"sha256:{'1' * 64}"
    shop.run("unhold", "prod", code=None)
    shop.run("hold", "prod", "--reason", "a test")
    shop.run("unhold", "prod")
    shop.run("images", "-o", "json", code=None)
    for written in (("hold", "prod", "--reason", "a test"), ("unhold", "prod"), ("verify", "staging", "smoke")):
        shop.run(*written, "-o", "json", code=None)
    shop.run("bump", "tick", "--env", "prod", "--tag", "3", "--digest", digest, "-o", "json", code=None)
    shop.run("promote", "staging", "prod", "--dry-run", "-o", "json", code=None)
    for words in (
        ("images",), ("hold", "prod", "--reason", "a test"), ("unhold", "prod"), ("verify", "prod", "smoke"),
        ("promote", "staging", "prod"),
        ("bump", "tick", "--env", "prod", "--tag", "3", "--digest", digest),
    ):  # fmt: skip
        shop.run(*words, "--repository", url, code=1)
    assert any(coded(f"bot:{GIT_PASSWORD}") in said for said in echo.seen) or echo.seen


def source(folder: Path) -> None:
    """The source repository beside the manifests."""
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    git = GitRepository(folder)
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "first")):
        git.run(*words)


def towards_aws(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What asks AWS or a registry, which refuse and quote what they were asked."""
    shop.run("template")
    shop.run("config", "schema")
    for check in (("template", "--check"), ("generate", "--check"), ("config", "check"), ("catalogues", "check")):
        shop.run(*check, code=None)
        shop.run(*check, "-o", "json", code=None)
    commits = ("--source", "a" * 40, "--destination", "b" * 40)
    source(tmp_path / "shop-app")
    shutil.copytree(Path(catalogues.__file__).parent, tmp_path / "catalogues")
    shop.run("catalogues", "refresh", "--folder", str(tmp_path / "catalogues"), code=None)
    for words in (
        ("pipeline", "plan"), ("pipeline", "up", "--yes"), ("pipeline", "down", "--yes"), ("pipeline", "status"),
        ("pipeline", "status", "-o", "json"), ("pipeline", "plan", "-o", "json"),
        ("pipeline", "logs", "build"), ("cluster", "check"),
        ("cluster", "check", "-o", "json"), ("cluster", "harden", "test", "--yes"),
        ("pipeline", "report", "--plans", str(tmp_path), "--pull-request", "1", "--passed", "1", *commits),
        ("pins", "check", "prod"), ("pins", "check", "prod", "-o", "json"),
        ("pins", "update", "prod"), ("build", "tick"), ("build", "tick", "-o", "json"),
    ):  # fmt: skip
        shop.run(*words, code=None)
    (tmp_path / "buildspec.yaml").write_text(BUILDSPEC)
    monkeypatch.setenv("DB_PASSWORD", f"{CANARY}-env-1")
    local = ("pipeline", "run-local", "x", "--buildspec", str(tmp_path / "buildspec.yaml"), "--secret", "DB_PASSWORD")
    assert "has no origin to push to" in shop.run(*local, code=1)
    git = GitRepository(shop.folder)
    git.run("remote", "add", "origin", f"https://bot:{GIT_PASSWORD}@git.invalid/shop-manifests")
    assert "the password is ***" in shop.run(*local, code=1)
    git.run("remote", "remove", "origin")
    monkeypatch.delenv("DB_PASSWORD")
    shop.run("init", str(tmp_path / "new"), "--yes", code=None)


def failures(shop: Shop, server: ApiServer, echo: EchoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors whose cause holds the canary."""
    bad = {**secret("bad", "shop").body, "data": {"p": f"{CANARY}-4 is no base64"}, "stringData": {}}
    wrong = {**config_map("wrong", "shop", v="1").body, "immutable": f"{CANARY}-plain-4"}
    shop.write("4", bad, wrong)
    shop.commit("refused")
    every = (
        ("plan", "prod"), ("deploy", "prod", "--yes"), ("validate",), ("drift", "prod"), ("status",),
        ("history", "prod"), ("rollback", "prod"), ("render", "prod"), ("teardown", "prod", "--yes", "--dry-run"),
    )  # fmt: skip
    for words in every:
        shop.run(*words, code=None)
    overlay = shop.folder / "kustomize/overlays/prod"
    for broken in (
        f"kind: Secret\napiVersion: v1\nstringData: {{a: {CANARY}-plain-4\n",
        f"kind: Secret\napiVersion: v1\nmetadata: {{name: x}}\nstringData:\n  a: {CANARY}\n\tb: {CANARY}\n",
        f"{CANARY}: [1\n",
        f"kind: Secret\napiVersion: v1\nmetadata: {{name: x}}\nstringData: {CANARY}-plain-4\n",
        f"kind: Secret\napiVersion: v1\nmetadata: {{name: x}}\ndata: [{CANARY}-plain-4]\n",
    ):
        (overlay / "objects.yaml").write_text(broken)
        shop.commit("broken")
        for words in every[:3]:
            shop.run(*words, code=None)
    shop.write("3")
    literals = f"password={CANARY}-plain-3, {CANARY}"
    (overlay / "kustomization.yaml").write_text(
        f"resources: [objects.yaml]\nsecretGenerator: [{{name: made, literals: [{literals}]}}]\n"
    )
    shop.commit("a literal without a name")
    for words in every[:3]:
        shop.run(*words, code=None)
    shop.write("3")
    shop.commit("third")
    for url in (server.url, echo.url):
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(TOKEN, url)))
        for words in every:
            shop.run(*words, code=None)
    assert any(TOKEN in said for said in echo.seen)
    with_other_logins(shop, server, tmp_path, monkeypatch)
    kubeconfig = tmp_path / "broken"
    kubeconfig.write_text(server.kubeconfig(TOKEN).read_text() + f"\n  broken: [{CANARY}\n")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    for words in every:
        shop.run(*words, code=None)
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig()))
    unexpected(shop, tmp_path, monkeypatch)


def with_other_logins(shop: Shop, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and plugins that do not work."""
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\necho {CANARY}-plugin >&2\n[ -e {tmp_path}/works ] || exit 1\n")
    with plugin.open("a") as file:
        file.write(f"""echo '{{"status": {{"token": "{CANARY}-plugin"}}}}'\n""")
    plugin.chmod(0o755)
    runs = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    users: list[dict[str, Any]] = [
        {"client-certificate-data": coded("no PEM"), "client-key-data": coded(f"{CANARY}-key")},
        {"client-key-data": f"{CANARY} is no base64"},
        {"username": "me", "password": f"{CANARY}-password"},
        {"token": f"{CANARY} two"},
        runs,
        runs,
    ]
    for number, user in enumerate(users):
        document = yaml.safe_load(server.kubeconfig(TOKEN).read_text())
        document["users"] = [{"name": "test", "user": user}]
        (tmp_path / "other").write_text(yaml.safe_dump(document))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "other"))
        for words in (("plan", "prod"), ("deploy", "prod", "--yes"), ("status",)):
            shop.run(*words, code=None)
        if number == len(users) - 2:
            (tmp_path / "works").touch()


def unexpected(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours, whose trace quotes an object."""

    def fails(*arguments: Any, **_: Any) -> None:
        raise RuntimeError(f"{arguments}")

    with monkeypatch.context() as patched:
        patched.setattr("gitops.pipeline.plan", fails)
        said = shop.run("plan", "prod", code=70)
    trace = re.search(r"its trace is in (\S+)", said)
    assert trace
    text = Path(trace[1]).read_text()
    assert "RuntimeError" in text
    shop.said["the trace",] = text
    os.unlink(trace[1])


def on_the_cluster(server: ApiServer) -> list[str]:
    """Where the canary is in what we wrote beside the objects: events, inventories, leases, stamps."""
    cluster = KubernetesCluster(server.connection())
    kinds = (("", "Event"), ("coordination.k8s.io", "Lease"))
    found = [each for group, kind in kinds for each in cluster.list(group, kind, "shop").objects]
    found += [each for each in cluster.list("", "ConfigMap", "shop").objects if each.name.startswith("gitops-")]
    stamps = {key: value for each in found for key, value in each.annotations.items() if key.startswith("gitops/")}
    return [str(each.ref) for each in found if CANARY in json.dumps(each.body)] + [
        k for k, v in stamps.items() if CANARY in v
    ]
