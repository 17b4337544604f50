"""TLS and proxies: whom the client talks to, through whom, and the one error where it does not."""

import socket
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from gitops import hidden
from gitops.clients.connection import Connection, Credential, Endpoint
from gitops.clients.transport import UNHEARD, Transport
from gitops.errors import GitopsError
from tests.support.certificates import Authority, TlsServer
from tests.support.loopback import LoopbackServer

HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


TOKEN = Credential(token="canary")


def transport(endpoint: Endpoint, credential: Credential = TOKEN, slept: list[float] | None = None) -> Transport:
    return Transport(Connection(endpoint, lambda: credential), sleep=(slept if slept is not None else []).append)


def failure(endpoint: Endpoint, credential: Credential = TOKEN) -> str:
    """What is said at once of a server that cannot be talked to."""
    slept: list[float] = []
    with pytest.raises(GitopsError) as caught:
        transport(endpoint, credential, slept).send("GET", "/x", "a subject")
    assert "canary" not in str(caught.value)
    assert slept == [], "the next attempt would meet it too"
    return str(caught.value).replace(endpoint.server, "SERVER")


@pytest.mark.parametrize(
    ("names", "life", "expected"),
    [
        ((HERE,), timedelta(days=-1), "certificate has expired\n  try: check this machine's clock"),
        (("other.invalid",), timedelta(days=1), "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)  # fmt: skip
def test_a_certificate_that_is_not_good_is_one_clear_error(
    authority: Authority, tmp_path: Path, names: tuple[str, ...], life: timedelta, expected: str
) -> None:
    with TlsServer(tmp_path, authority.certificate(*names, life=life), {}) as server:
        assert failure(Endpoint("test", server.url, authority.pem)).startswith(f"SERVER: TLS failed: {expected}")
        assert server.seen == []


def test_a_certificate_of_another_authority_is_one_clear_error(authority: Authority, tmp_path: Path) -> None:
    with TlsServer(tmp_path, Authority("another").certificate(HERE), {}) as server:
        said = failure(Endpoint("test", server.url, authority.pem))
        assert said.startswith("SERVER: TLS failed: unable to get local issuer certificate\n  try: check the CA")
        transport(Endpoint("test", server.url, insecure=True)).send("GET", "/x", "a subject")


def test_a_server_is_known_by_another_name_where_that_is_said(authority: Authority, tmp_path: Path) -> None:
    with TlsServer(tmp_path, authority.certificate("other.invalid"), {"a": 1}) as server:
        endpoint = Endpoint("test", server.url, authority.pem, server_name="other.invalid")
        assert transport(endpoint).send("GET", "/x", "a subject") == b'{"a": 1}'
        assert "Hostname mismatch" in failure(replace(endpoint, server_name="third.invalid"))


def test_what_stands_around_the_certificates_does_no_harm(authority: Authority, tmp_path: Path) -> None:
    with TlsServer(tmp_path, authority.certificate(HERE), {}) as server:
        transport(Endpoint("test", server.url, f"# Zürich\n{authority.pem}")).send("GET", "/x", "a subject")


def test_a_server_that_speaks_no_tls_is_said() -> None:
    with closing_socket(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert failure(Endpoint("test", f"https://{HERE}:{port}")).startswith(
            "SERVER: TLS failed: it does not speak TLS"
        )


def test_a_connection_that_ends_within_the_handshake_is_tried_again() -> None:
    slept: list[float] = []
    with closing_socket(b"") as port, pytest.raises(GitopsError, match=r"does not answer \("):
        transport(Endpoint("test", f"https://{HERE}:{port}"), slept=slept).send("GET", "/x", "a subject")
    assert len(slept) >= UNHEARD - 1


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitops.clients.transport.CONNECT_TIMEOUT", 0.1)
    slept: list[float] = []
    with socket.create_server((HERE, 0)) as silent:
        endpoint = Endpoint("test", f"https://{HERE}:{silent.getsockname()[1]}")
        with pytest.raises(GitopsError, match=r"does not answer \(timed out after \d s\), asked about a subject"):
            transport(endpoint, slept=slept).send("GET", "/x", "a subject")
    assert len(slept) == UNHEARD - 1


def test_a_server_that_never_says_anything_is_given_up_and_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitops.clients.transport.FIRST_WORD", 0.5)
    with SilentServer() as server:
        one = transport(Endpoint("test", server.url))
        for _ in range(3):
            with pytest.raises(
                GitopsError, match=r"127.0.0.1:\d+: does not answer \(timed out after \d s\), asked about"
            ):
                one.send("GET", "/x", "a subject")
        assert server.asked == 1


def test_a_server_that_has_answered_before_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitops.clients.transport.FIRST_WORD", 0.5)
    monkeypatch.setattr("gitops.clients.transport.READ_TIMEOUT", 0.5)
    with SilentServer(answered={1, 4}) as server:
        one = transport(Endpoint("test", server.url))
        assert one.send("GET", "/x", "a subject") == b"{}"
        assert one.send("GET", "/x", "a subject") == b"{}"
        assert server.asked == 4


def test_one_that_answers_slowly_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitops.clients.transport.FIRST_WORD", 1.5)
    with SilentServer(answered={1}, pause=0.2, body=b"[1,2,3,4]") as server:
        assert transport(Endpoint("test", server.url)).send("GET", "/x", "a subject") == b"[1,2,3,4]"


class SilentServer(LoopbackServer):
    """Takes requests and never answers, but for those with a number in `answered`; these byte by byte, with a `pause`
    after each."""

    def __init__(self, answered: Collection[int] = (), pause: float = 0.0, body: bytes = b"{}") -> None:
        self.asked = 0
        self._done = threading.Event()
        silent = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                silent.asked += 1
                if silent.asked not in answered:
                    silent._done.wait()
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(pause)

        super().__init__(Handler)

    def __exit__(self, *error: Any) -> None:
        self._done.set()
        super().__exit__(*error)


@pytest.mark.parametrize("key", ["", "no key", "passphrase"])
def test_a_certificate_without_its_key_is_one_clear_error_and_asks_nobody(authority: Authority, key: str) -> None:
    certificate, good = authority.certificate("me", passphrase=b"canary" if key == "passphrase" else None)
    credential = Credential(certificate=certificate, key=good if key == "passphrase" else key)
    said = failure(Endpoint("test", f"https://{HERE}:1", authority.pem), credential)
    assert said.startswith(
        "test: its CA, certificate or key is not usable PEM\n  try: check KUBECONFIG; a key must have no"
    )


class closing_socket:  # noqa: N801 - used as a function is
    """A port that answers every connection with some bytes, and ends it."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._socket = socket.create_server((HERE, 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self._socket.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(self._answer)
        except OSError:
            return

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._socket.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Proxy:
    """Takes CONNECT requests, within `with`: to `target`, whatever host they name; or refuses all with 407."""

    def __init__(self, target: int, refuses: bool = False) -> None:
        self.heads: list[str] = []
        self._target = target
        self._refuses = refuses
        self._socket = socket.create_server((HERE, 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()
        except OSError:
            return

    def _handle(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            self.heads.append(head.decode())
            if self._refuses:
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection((HERE, self._target)) as onwards:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=_copy, args=(onwards, connection), daemon=True)
                back.start()
                _copy(connection, onwards)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(4096):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def elsewhere(authority: Authority, tmp_path: Path) -> Iterator[TlsServer]:
    """An API server at a name that only a proxy knows."""
    with TlsServer(tmp_path, authority.certificate("api.invalid"), {"a": 1}) as server:
        yield server


@pytest.mark.parametrize("by", ["kubeconfig", "HTTPS_PROXY", "https_proxy"])
def test_a_proxy_of_the_kubeconfig_or_of_the_environment_is_used(
    authority: Authority, elsewhere: TlsServer, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    with Proxy(elsewhere.port) as proxy:
        url = f"http://someone:canary%2Fpassword@{HERE}:{proxy.port}"
        endpoint = Endpoint("test", "https://api.invalid:6443", authority.pem, proxy=url if by == "kubeconfig" else "")
        if by != "kubeconfig":
            monkeypatch.setenv(by, url)
        assert transport(endpoint).send("GET", "/x", "a subject") == b'{"a": 1}'
        (head,) = proxy.heads
        assert head.startswith("CONNECT api.invalid:6443 HTTP/1")
        assert "c29tZW9uZTpjYW5hcnkvcGFzc3dvcmQ=" in head, "someone:canary/password"
        assert "canary" not in head, "the token is for the server alone"
        assert elsewhere.seen[0]["Authorization"] == "Bearer canary"
    assert hidden.without("canary/password") == "***"


def test_a_host_of_no_proxy_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{HERE}:1")
    monkeypatch.setenv("NO_PROXY", ".invalid")
    with pytest.raises(GitopsError, match=r"https://api.invalid: does not answer \("):
        transport(Endpoint("test", "https://api.invalid")).send("GET", "/x", "a subject")


@pytest.mark.parametrize("refuses", [True, False])
def test_a_proxy_that_does_not_let_through_is_named(authority: Authority, refuses: bool) -> None:
    with Proxy(1, refuses=True) as proxy:
        port = proxy.port if refuses else 1
        endpoint = Endpoint("test", "https://api.invalid", authority.pem, proxy=f"http://me:canary@{HERE}:{port}")
        with pytest.raises(GitopsError) as caught:
            transport(endpoint).send("GET", "/x", "a subject")
    said = str(caught.value)
    assert said.startswith(f"https://api.invalid: cannot be reached through the proxy http://{HERE}:{port} (")
    assert ("407" in said) == refuses
    assert "canary" not in said


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://", "proxy.invalid"])
def test_a_proxy_of_another_kind_is_said(proxy: str) -> None:
    said = failure(Endpoint("test", "https://api.invalid", proxy=proxy))
    assert said == f"{proxy}: is no proxy that can be used\n  try: http:// and https:// are known"
