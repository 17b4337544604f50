"""The Kubernetes client against a server that answers as told: retries, throttling, tokens, errors."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from gitops.clients import api_errors
from gitops.clients.cluster import ApiError, Conflict, Expired, Invalid, Kind, Kinds
from gitops.clients.connection import Connection, Credential, Endpoint
from gitops.clients.discovery import LIFE, DiscoveryCache
from gitops.clients.kubernetes import NO_SUCH_PATH, KubernetesCluster
from gitops.clients.transport import ATTEMPTS
from gitops.errors import GitopsError
from tests.support.kube_objects import config_map, definition

NOW = datetime.now(UTC)
DISCOVERY = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": "configmaps",
                            "responseKind": {"group": "", "version": "", "kind": "ConfigMap"},
                            "scope": "Namespaced",
                            "verbs": ["get"],
                        }
                    ],
                }
            ],
        }
    ],
}


@dataclass
class Script:
    """What the server answers next, and what it was asked. Without a script it answers 200 with an object."""

    url: str = ""
    prefix: str = ""
    """What comes before every path."""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    passed: timedelta = timedelta()
    """By how much the client's clock is ahead of NOW."""
    discovery: dict[str, Any] = field(default_factory=lambda: DISCOVERY)
    discovered: list[str] = field(default_factory=list)
    """Which of /api and /apis was asked, each time."""

    def client(
        self, login: Any = lambda: Credential(token="one"), cache: Path | None = None, ca: str = ""
    ) -> KubernetesCluster:
        connection = Connection(Endpoint("test", self.url, ca), login)
        return KubernetesCluster(connection, sleep=self.slept.append, now=lambda: NOW + self.passed, cache=cache)


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def date_time_string(self, timestamp: float | None = None) -> str:
            """The server's clock, which stands still."""
            return format_datetime(NOW, usegmt=True)

        def do_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0].removeprefix(script.prefix)
            if path in ("/api", "/apis"):
                script.discovered.append(path)
                body = script.discovery if path == "/api" else {**DISCOVERY, "items": []}
                self.answer(200, {}, json.dumps(body).encode())
                return
            script.asked.append(f"{self.command} {self.path}")
            script.tokens.append(self.headers.get("Authorization", ""))
            self.answer(
                *(script.answers.pop(0) if script.answers else (200, {}, json.dumps(config_map().body).encode()))
            )

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = do_any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield script
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(code: int, message: str, **details: Any) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "message": message, "details": details}).encode()


def test_an_apply_says_who_we_are_and_wants_unknown_fields_refused(script: Script) -> None:
    script.client().apply(config_map())
    (asked,) = script.asked
    assert asked == "PATCH /api/v1/namespaces/app/configmaps/settings?fieldManager=gitops&fieldValidation=Strict"


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(script: Script, status: int) -> None:
    script.answers = [(status, {"Retry-After": "7"}, b"")] * 2
    script.client().apply(config_map())
    assert len(script.asked) == 3
    assert all(7 <= seconds < 7.2 for seconds in script.slept)


LIFE_OF_A_TOKEN = timedelta(minutes=14)
OVERTAKEN = "Operation cannot be fulfilled: the object has been modified; please apply your changes to it"


def test_an_apply_that_others_overtook_is_sent_again(script: Script) -> None:
    """It is of no version. What replaces one is of that, and whoever wrote it must look again."""
    script.answers = [(409, {}, refusal(409, OVERTAKEN))]
    script.client().apply(config_map())
    assert len(script.asked) == 2
    script.answers = [(409, {}, refusal(409, OVERTAKEN))]
    with pytest.raises(Conflict):
        script.client().replace(config_map())
    causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "hpa"', "field": ".spec.replicas"}]
    script.answers = [(409, {}, refusal(409, "Apply failed with 1 conflict", causes=causes))]
    with pytest.raises(Conflict, match=r"hpa owns .spec.replicas"):
        script.client().apply(config_map())
    assert len(script.asked) == 4


def test_a_busy_server_may_say_until_when(script: Script) -> None:
    until = format_datetime(NOW + timedelta(seconds=9), usegmt=True)
    script.answers = [(429, {"Retry-After": until}, b""), (503, {"Retry-After": "soon"}, b"")]
    script.client().apply(config_map())
    first, second = script.slept
    assert 7.9 <= first < 9.2
    assert second < 0.4, "what cannot be read is not waited for"


def test_a_server_that_stays_busy_is_given_up(script: Script) -> None:
    script.answers = [(503, {}, refusal(503, "the server is starting"))] * ATTEMPTS
    with pytest.raises(ApiError, match="ConfigMap/app/settings: the server is starting") as caught:
        script.client().apply(config_map())
    assert caught.value.status == 503
    assert len(script.asked) == ATTEMPTS


def test_429_halves_how_much_is_under_way(script: Script) -> None:
    client = script.client()
    before = client._transport.pace.limit
    script.answers = [(429, {"Retry-After": "0"}, b"")]
    client.apply(config_map())
    assert before / 2 <= client._transport.pace.limit < before


@pytest.mark.parametrize(
    "said",
    [
        ".spec.replics: field not declared in schema",
        "failed to create typed patch object (a/b; v1, Kind=X): .a: expected numeric (int or float), got string",
        "failed to convert new object (a/b; v1, Kind=X) to proper version: unable to convert unstructured object to v1",
    ],
)
def test_what_the_server_will_always_refuse_is_not_asked_again(script: Script, said: str) -> None:
    script.answers = [(500, {}, refusal(500, said))]
    with pytest.raises(ApiError, match=re.escape(said)):
        script.client().apply(config_map())
    assert len(script.asked) == 1


def test_a_token_that_expired_is_made_anew_once(script: Script) -> None:
    tokens = iter(["old", "new", "newer"])
    script.answers = [(401, {}, b"")]
    script.client(lambda: Credential(token=next(tokens))).apply(config_map())
    assert script.tokens == ["Bearer old", "Bearer new"]
    script.answers = [(401, {}, refusal(401, "Unauthorized"))] * 2
    with pytest.raises(ApiError, match="Unauthorized\n  try: log in again"):
        script.client(lambda: Credential(token="bad")).apply(config_map())


def test_a_token_is_renewed_before_it_expires(script: Script) -> None:
    made: list[int] = []

    def login() -> Credential:
        made.append(1)
        return Credential(token=f"{len(made)}", expires=NOW + script.passed + timedelta(seconds=59))

    client = script.client(login)
    client.apply(config_map())
    client.apply(config_map())
    script.passed += timedelta(seconds=30)
    client.apply(config_map())
    assert script.tokens == ["Bearer 1", "Bearer 1", "Bearer 2"], "after half of its life, or a minute before its end"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>", "test answered with what is not JSON\n  try: is it an API server"),
        (200, b"[1]", "test answered with what is no object\n  try: is it an API server"),
        (
            403,
            b"<!DOCTYPE html><p>canary",
            "HTTP 403, with a page of HTML\n  try: is that the address of an API",
        ),
        (302, b"", "HTTP 302\n  try: is that the address of an API server"),
        (404, b"no such page", "no such page"),
    ],
)
def test_what_is_no_api_server_is_said(script: Script, status: int, body: bytes, said: str) -> None:
    script.answers = [(status, {"Location": "/elsewhere"}, body)]
    with pytest.raises(GitopsError, match=re.escape(f"ConfigMap/app/settings: {said}")) as caught:
        script.client().apply(config_map())
    assert "canary" not in str(caught.value)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ('User "jane" cannot patch resource "configmaps" in API group ""', "the role needs this right"),
        ('user "jane" is attempting to grant RBAC permissions not currently held', "the role needs this right"),
        ('admission webhook "policy.example" denied the request: no good', ""),
        ("only dynamically provisioned pvc can be resized", ""),
        ('failed calling webhook "policy.example": connection refused', "see that what answers for policy.example"),
    ],
)
def test_only_a_right_that_is_missing_is_called_one(message: str, hint: str) -> None:
    status = {"kind": "Status", "message": message}
    assert api_errors.refusal("ConfigMap/app/x", 403, json.dumps(status).encode()).hint.startswith(hint)
    assert bool(api_errors.refusal("ConfigMap/app/x", 403, json.dumps(status).encode()).hint) is bool(hint)


@pytest.mark.parametrize(
    "said",
    [
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`",
        "Forbidden: updates to parameters are forbidden.",
        "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
    ],
)
def test_what_cannot_be_changed_is_known_by_what_the_server_says(said: str) -> None:
    status = {"kind": "Status", "details": {"causes": [{"field": "spec", "message": said}]}}
    found = api_errors.refusal("Pod/app/x", 422, json.dumps(status).encode())
    assert isinstance(found, Invalid)
    assert found.immutable == ("spec",)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("APIVersions", r"the API server is too old \(before 1.27\)"), ("Page", "does not say what it serves")],
)
def test_a_server_that_does_not_say_what_it_serves_as_we_read_it(script: Script, kind: str, said: str) -> None:
    script.discovery = {"kind": kind, "versions": ["v1"]}
    with pytest.raises(GitopsError, match=f"test: {said}"):
        script.client().get(config_map().ref)


def test_an_address_may_have_a_path(script: Script) -> None:
    plain, script.url = script.url, script.url + "/k8s/clusters/c-1"
    script.prefix = "/k8s/clusters/c-1"
    assert script.client().get(config_map().ref) is not None
    assert plain
    assert script.asked == ["GET /k8s/clusters/c-1/api/v1/namespaces/app/configmaps/settings"]


def page(names: list[str], token: str = "") -> bytes:
    items = [{"metadata": {"name": name}} for name in names]
    return json.dumps({"metadata": {"resourceVersion": "9", "continue": token}, "items": items}).encode()


def test_a_long_list_comes_in_pages_and_in_one_piece_where_the_next_one_is_compacted(script: Script) -> None:
    script.answers = [
        (200, {}, page(["a"], "more")),
        (410, {}, refusal(410, "The provided continue parameter is too old")),
        (200, {}, page(["a", "b"])),
    ]
    found = script.client().list("", "ConfigMap", "app")
    assert ([each.name for each in found.objects], found.resource_version) == (["a", "b"], "9")
    path = "GET /api/v1/namespaces/app/configmaps"
    assert script.asked == [f"{path}?limit=500", f"{path}?limit=500&continue=more", path]


@pytest.mark.parametrize("ahead", [20, -20])
def test_a_clock_that_is_off_is_named_where_it_is_the_reason(script: Script, ahead: int) -> None:
    script.passed = timedelta(minutes=ahead)
    script.answers = [(401, {}, refusal(401, "Unauthorized"))] * 2
    how = "ahead" if ahead > 0 else "behind"
    with pytest.raises(ApiError, match=rf"Unauthorized\n  try: set this machine's clock, which is 20 min {how}"):
        script.client().apply(config_map())


def test_a_token_that_no_header_can_carry_is_not_quoted(script: Script) -> None:
    for token in ("canary\nHost: elsewhere", "canary two", "canary\u2028"):
        with pytest.raises(GitopsError, match="test: the token to log in with is none") as caught:
            script.client(lambda token=token: Credential(token=token)).get(config_map().ref)
        assert "canary" not in str(caught.value)


def test_a_new_certificate_is_taken_after_a_refusal(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = iter(["one", "two", "two"])
    used: list[str] = []

    def pool(endpoint: Endpoint, credential: Credential) -> urllib3.PoolManager:
        used.append(credential.certificate)
        return urllib3.PoolManager()

    monkeypatch.setattr("gitops.clients.transport.pool_of", pool)
    client = script.client(lambda: Credential(certificate=next(certificates)))
    for _ in range(2):
        script.answers = [(401, {}, b"")]
        client.apply(config_map())
    assert used == ["one", "two"]


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (401, b""),
        (410, b""),
        (200, b'{"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}'),
        (200, b'{"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "etcd"}}'),
        (200, b"<html>a login page</html>"),
        (200, b'{"kind": "Status"}'),
    ],
)
def test_a_watch_that_ends_badly_asks_for_a_list(script: Script, status: int, line: bytes) -> None:
    client = script.client()
    script.answers = [(status, {}, line + b"\n")]
    with pytest.raises(Expired):
        list(client.watch("", "ConfigMap", "app", "1", 5))


def test_a_token_is_renewed_in_a_watch_too(script: Script) -> None:
    made: list[int] = []

    def login() -> Credential:
        made.append(1)
        return Credential(token=f"{len(made)}", expires=NOW + script.passed + timedelta(minutes=14))

    client = script.client(login)
    for _ in range(5):
        script.answers = [(200, {}, b"")]
        assert list(client.watch("", "ConfigMap", "app", "1", 5)) == []
        script.passed += timedelta(minutes=7)
    assert script.tokens == ["Bearer 1", "Bearer 1", "Bearer 2", "Bearer 2", "Bearer 3"]


def test_a_login_that_fails_for_a_moment_ends_nothing_while_the_last_one_is_good(script: Script) -> None:
    fails = False

    def login() -> Credential:
        if fails:
            raise GitopsError("aws", "failed", "run it by hand")
        return Credential(token=f"at-{script.passed.seconds}", expires=NOW + script.passed + LIFE_OF_A_TOKEN)

    client = script.client(login)
    client.apply(config_map())
    fails, script.passed = True, timedelta(minutes=13, seconds=30)
    client.apply(config_map())
    script.passed += timedelta(seconds=20)
    fails = False
    client.apply(config_map())
    assert script.tokens == ["Bearer at-0", "Bearer at-0", "Bearer at-830"]
    fails, script.passed = True, script.passed + timedelta(minutes=14)
    with pytest.raises(GitopsError, match="aws: failed"):
        client.apply(config_map())


def test_a_credential_that_is_expired_from_the_start_is_used_for_a_while(script: Script) -> None:
    """By a clock that is ahead all are; a plugin is not run for each request."""
    made: list[int] = []

    def login() -> Credential:
        made.append(1)
        return Credential(token="one", expires=NOW - timedelta(hours=1))

    client = script.client(login)
    for _ in range(5):
        client.apply(config_map())
    assert len(made) == 1
    script.passed += timedelta(seconds=10)
    client.apply(config_map())
    assert len(made) == 2


def test_nobody_listens() -> None:
    slept: list[float] = []
    connection = Connection(Endpoint("test", "http://127.0.0.1:1"), lambda: Credential(token="secret-token"))
    with pytest.raises(GitopsError, match=r"http://127.0.0.1:1: does not answer \(.*refused") as caught:
        KubernetesCluster(connection, sleep=slept.append).get(config_map().ref)
    assert len(slept) == 2
    assert "secret-token" not in str(caught.value)


# --- what a cluster serves, remembered


KINDS = [
    Kind("", "v1", "ConfigMap", "configmaps", True, frozenset({"get", "list"})),
    Kind("apps", "v1", "Deployment", "deployments", True, frozenset({"get"})),
    Kind("apps", "v1beta1", "Deployment", "deployments", True, frozenset({"get"})),
]


def test_what_a_server_serves_is_asked_once_for_several_runs(script: Script, tmp_path: Path) -> None:
    first = script.client(cache=tmp_path).kinds()
    again = script.client(cache=tmp_path, login=lambda: Credential(token="somebody else")).kinds()
    assert script.discovered == ["/api", "/apis"]
    assert list(again) == list(first)
    assert (first.remembered, again.remembered) == (False, True)


def test_another_servers_answers_are_not_taken(script: Script, tmp_path: Path) -> None:
    DiscoveryCache(tmp_path, "https://other.invalid", "").keep(Kinds(KINDS))
    DiscoveryCache(tmp_path, script.url, "another authority").keep(Kinds(KINDS))
    assert not script.client(cache=tmp_path).kinds().remembered


def test_a_refresh_asks_and_is_remembered(script: Script, tmp_path: Path) -> None:
    script.client(cache=tmp_path).kinds()
    script.discovery = {**DISCOVERY, "items": []}
    assert list(script.client(cache=tmp_path).kinds(refresh=True)) == []
    assert list(script.client(cache=tmp_path).kinds()) == []
    assert len(script.discovered) == 4


def test_a_partial_answer_is_not_remembered(script: Script, tmp_path: Path) -> None:
    (group,) = DISCOVERY["items"]
    (version,) = group["versions"]  # type: ignore[index]
    stale = {"metadata": {"name": "metrics.k8s.io"}, "versions": [{**version, "freshness": "Stale"}]}
    script.client(cache=tmp_path).kinds()
    script.discovery = {**DISCOVERY, "items": [group, stale]}
    assert script.client(cache=tmp_path).kinds(refresh=True).stale == {"metrics.k8s.io"}
    assert not script.client(cache=tmp_path).kinds().remembered


def test_a_kind_that_is_gone_is_looked_for_anew(script: Script, tmp_path: Path) -> None:
    script.client(cache=tmp_path).kinds()
    script.discovery = {**DISCOVERY, "items": []}
    gone: tuple[int, dict[str, str], bytes] = (404, {}, refusal(404, NO_SUCH_PATH))
    script.answers = [gone]
    assert script.client(cache=tmp_path).list("", "ConfigMap", "app").objects == ()
    script.discovery = DISCOVERY
    script.client(cache=tmp_path).kinds(refresh=True)
    script.discovery = {**DISCOVERY, "items": []}
    script.answers = [gone]
    with pytest.raises(ApiError, match="test serves no v1 ConfigMap"):
        script.client(cache=tmp_path).apply(config_map())


def test_an_object_that_is_gone_is_no_reason_to_ask_again(script: Script, tmp_path: Path) -> None:
    script.client(cache=tmp_path).kinds()
    script.answers = [(404, {}, refusal(404, 'configmaps "settings" not found'))]
    assert script.client(cache=tmp_path).get(config_map().ref) is None
    assert len(script.discovered) == 2


def test_a_write_that_changes_what_is_served_is_not_remembered_across(script: Script, tmp_path: Path) -> None:
    (group,) = DISCOVERY["items"]
    (version,) = group["versions"]  # type: ignore[index]
    (resource,) = version["resources"]
    crd = {
        **resource,
        "resource": "customresourcedefinitions",
        "responseKind": {"kind": "CustomResourceDefinition"},
        "scope": "Cluster",
    }
    served = {"metadata": {"name": "apiextensions.k8s.io"}, "versions": [{**version, "resources": [crd]}]}
    script.discovery = {**DISCOVERY, "items": [served]}
    script.client(cache=tmp_path).preview(definition())
    assert script.client(cache=tmp_path).kinds().remembered
    script.client(cache=tmp_path).apply(definition())
    assert not script.client(cache=tmp_path).kinds().remembered


def test_an_answer_is_forgotten_after_a_while(tmp_path: Path) -> None:
    moment = 1000.0
    cache = DiscoveryCache(tmp_path, "https://a.invalid", "", now=lambda: moment)
    cache.keep(Kinds(KINDS))
    moment += LIFE
    found = cache.find()
    assert found is not None
    assert found.find("apps", "Deployment") == KINDS[1]
    moment += 1
    assert cache.find() is None
    moment = 0.0
    assert cache.find() is None, "from the future"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1, "time": 0}', '{"format": 0}', '{"format":1,"time":"x"}']
)
def test_a_file_that_cannot_be_used_is_none(tmp_path: Path, text: str) -> None:
    cache = DiscoveryCache(tmp_path, "https://a.invalid", "", now=lambda: 0.0)
    cache.keep(Kinds(KINDS))
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert cache.find() is None


def test_a_folder_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = DiscoveryCache(tmp_path / "file", "https://a.invalid", "")
    cache.keep(Kinds(KINDS))
    assert cache.find() is None
    cache.forget()


def test_many_at_once_see_a_whole_answer_or_none(tmp_path: Path) -> None:
    many = [Kind("example.invalid", "v1", f"Kind{n}", f"kinds{n}", True, frozenset({"get"})) for n in range(300)]
    found: list[int] = []

    def use() -> None:
        cache = DiscoveryCache(tmp_path, "https://a.invalid", "")
        for _ in range(10):
            cache.keep(Kinds(many))
            if kinds := cache.find():
                found.append(len(list(kinds)))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [300] * 80
    assert [re.sub("[0-9a-f]{32}", "HASH", file.name) for file in tmp_path.iterdir()] == ["HASH.json"]


def test_a_watch_gives_each_event_as_it_comes_even_where_a_proxy_has_joined_the_chunks() -> None:
    seen = threading.Event()
    event = {"type": "ADDED", "object": config_map().with_metadata(resourceVersion="7").body}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            if self.path.startswith("/api") and "watch" not in self.path:
                self.wfile.write(json.dumps(DISCOVERY if self.path == "/api" else {**DISCOVERY, "items": []}).encode())
                return
            self.wfile.write(json.dumps(event).encode() + b"\n")
            self.wfile.flush()
            assert seen.wait(20), "the client waits for the end of the answer"

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        cluster = KubernetesCluster(Connection(Endpoint("test", url), lambda: Credential(token="one")))
        for found in cluster.watch("", "ConfigMap", "app", "1", 5):
            assert found.object.name == "settings"
            seen.set()
    finally:
        server.shutdown()
        server.server_close()
    assert seen.is_set()
