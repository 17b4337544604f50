"""The Kubernetes client against a server that answers as told: retries, throttling, tokens, errors."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gitops.clients.cluster import ApiError
from gitops.clients.kubeconfig import Connection, Credential, Endpoint
from gitops.clients.kubernetes import ATTEMPTS, KubernetesCluster
from gitops.errors import GitopsError
from tests.support.kube_objects import config_map

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
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def client(self, login: Any = lambda: Credential(token="one")) -> KubernetesCluster:
        connection = Connection(Endpoint("test", self.url), login)
        return KubernetesCluster(connection, sleep=self.slept.append, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            if path in ("/api", "/apis"):
                body = DISCOVERY if path == "/api" else {**DISCOVERY, "items": []}
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

        do_GET = do_PATCH = do_DELETE = do_any  # noqa: N815

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


def test_a_server_that_stays_busy_is_given_up(script: Script) -> None:
    script.answers = [(503, {}, refusal(503, "the server is starting"))] * ATTEMPTS
    with pytest.raises(ApiError, match="ConfigMap/app/settings: the server is starting") as caught:
        script.client().apply(config_map())
    assert caught.value.status == 503
    assert len(script.asked) == ATTEMPTS


def test_429_halves_how_much_is_under_way(script: Script) -> None:
    client = script.client()
    before = client._pace.limit
    script.answers = [(429, {"Retry-After": "0"}, b"")]
    client.apply(config_map())
    assert before / 2 <= client._pace.limit < before


def test_a_field_that_the_schema_lacks_is_not_asked_again(script: Script) -> None:
    script.answers = [(500, {}, refusal(500, ".spec.replics: field not declared in schema"))]
    with pytest.raises(ApiError, match="replics: field not declared in schema"):
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
        return Credential(token=f"{len(made)}", expires=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=59))

    client = script.client(login)
    client.apply(config_map())
    client.apply(config_map())
    assert script.tokens == ["Bearer 3", "Bearer 4"]


def test_what_is_no_api_server_is_said(script: Script) -> None:
    script.answers = [(200, {}, b"<html>")]
    with pytest.raises(GitopsError, match="answered with what is not JSON"):
        script.client().apply(config_map())


def test_nobody_listens() -> None:
    slept: list[float] = []
    connection = Connection(Endpoint("test", "http://127.0.0.1:1"), lambda: Credential(token="secret-token"))
    with pytest.raises(GitopsError, match=r"http://127.0.0.1:1: does not answer \(.*refused") as caught:
        KubernetesCluster(connection, sleep=slept.append).get(config_map().ref)
    assert len(slept) == 2
    assert "secret-token" not in str(caught.value)
