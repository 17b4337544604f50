"""A registry over HTTP: logins of both kinds, digests that are checked, and answers that cannot be trusted."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gitops.clients.registry import MANIFESTS, SIZE_LIMIT, Manifest, RegistryClient
from gitops.demo.registry import HTPASSWD, registry_server
from gitops.errors import GitopsError

REPOSITORY = "k8sbook/backend-app"
LOGIN = ("AWS", "123456789012-auth-token")
CONFIG = json.dumps({"config": {"Labels": {"a": "b"}}}).encode()
CONFIG_DIGEST = "sha256:" + hashlib.sha256(CONFIG).hexdigest()
BODY = json.dumps({"schemaVersion": 2, "config": {"digest": CONFIG_DIGEST}, "layers": []}).encode()
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


class TokenRegistry(ThreadingHTTPServer):
    """A registry that wants a bearer token, as the distribution project's specification of tokens has it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.host = f"127.0.0.1:{self.server_port}"
        self.realm = f"http://{self.host}/token"
        self.asked: list[str] = []
        self.manifest = BODY


class _Handler(BaseHTTPRequestHandler):
    server: TokenRegistry

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.asked.append(f"{path} {self.headers.get('Authorization', '-')}")
        if path == "/token":
            expected = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
            granted = self.headers.get("Authorization") == expected and f"repository%3A{REPOSITORY.replace('/', '%2F')}"
            self._answer(200, b'{"token": "good"}') if granted and granted in query else self._answer(401, b"{}")
        elif self.headers.get("Authorization") != "Bearer good":
            self._answer(401, b"{}", f'Bearer realm="{self.server.realm}",service="here"')
        elif path.endswith("/missing"):
            self._answer(404, b"{}")
        elif "/blobs/" in path:
            self._answer(200, CONFIG)
        else:
            self._answer(200, self.server.manifest)

    def _answer(self, status: int, body: bytes, challenge: str = "") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Type", MANIFESTS[0])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@pytest.fixture
def tokens() -> Iterator[TokenRegistry]:
    with TokenRegistry() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_bearer_token_is_fetched_with_the_login_and_kept(tokens: TokenRegistry) -> None:
    client = RegistryClient(tokens.host, lambda: LOGIN)
    assert client.digest(REPOSITORY, "1.4.2") == DIGEST
    assert client.digest(REPOSITORY, "1.4.3") == DIGEST
    assert sum(asked.startswith("/token ") for asked in tokens.asked) == 1


def test_labels_are_those_of_the_images_config(tokens: TokenRegistry) -> None:
    client = RegistryClient(tokens.host, lambda: LOGIN)
    manifest = client.manifest(REPOSITORY, "1.4.2")
    assert manifest == Manifest(DIGEST, MANIFESTS[0], BODY)
    assert client.labels(REPOSITORY, manifest) == {"a": "b"}


def test_a_tag_that_is_not_there_has_no_digest(tokens: TokenRegistry) -> None:
    assert RegistryClient(tokens.host, lambda: LOGIN).digest(REPOSITORY, "missing") is None


def test_a_wrong_password_is_one_line_without_it(tokens: TokenRegistry) -> None:
    with pytest.raises(GitopsError, match="refuses the credentials") as caught:
        RegistryClient(tokens.host, lambda: ("AWS", "wrong-password")).digest(REPOSITORY, "1")
    assert "wrong-password" not in str(caught.value)


def test_the_password_goes_to_no_address_that_is_not_protected(tokens: TokenRegistry) -> None:
    tokens.realm = "ftp://elsewhere.example.invalid/token"
    with pytest.raises(GitopsError, match="unprotected"):
        RegistryClient(tokens.host, lambda: LOGIN).digest(REPOSITORY, "1")


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(tokens: TokenRegistry) -> None:
    tokens.manifest = b'{"other": true}'
    with pytest.raises(GitopsError, match="sent another manifest"):
        RegistryClient(tokens.host, lambda: LOGIN).manifest(REPOSITORY, DIGEST)


def test_an_answer_without_end_is_given_up(tokens: TokenRegistry) -> None:
    tokens.manifest = b" " * (SIZE_LIMIT + 1)
    with pytest.raises(GitopsError, match="where a manifest belongs"):
        RegistryClient(tokens.host, lambda: LOGIN).manifest(REPOSITORY, "1")


def test_a_registry_that_is_not_there_is_one_line_with_the_reason() -> None:
    with pytest.raises(GitopsError, match=r"^127\.0\.0\.1:1: the registry does not answer \(.*refused\)"):
        RegistryClient("127.0.0.1:1", lambda: None).digest(REPOSITORY, "1")


def test_another_host_than_this_machine_is_asked_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def keep(self: RegistryClient, method: str, url: str, headers: object, body: object) -> None:
        asked.append(url)
        raise GitopsError("here", "asked enough")

    monkeypatch.setattr(RegistryClient, "_request", keep)
    for host in ("registry.example.invalid:5000", "127.0.0.1.example.invalid", "localhost:5000"):
        with pytest.raises(GitopsError):
            RegistryClient(host, lambda: None).digest("a", "b")
    assert asked == [
        "https://registry.example.invalid:5000/v2/a/manifests/b",
        "https://127.0.0.1.example.invalid/v2/a/manifests/b",
        "http://localhost:5000/v2/a/manifests/b",
    ]


@pytest.mark.registry
def test_the_real_registry_takes_a_login_and_refuses_another(tmp_path: Path) -> None:
    with registry_server(tmp_path / "registry", HTPASSWD) as host:
        assert RegistryClient(host, lambda: LOGIN).digest(REPOSITORY, "1") is None
        for wrong in (None, ("AWS", "wrong")):
            with pytest.raises(GitopsError, match="refuses the credentials"):
                RegistryClient(host, lambda login=wrong: login).digest(REPOSITORY, "1")  # type: ignore[misc]
