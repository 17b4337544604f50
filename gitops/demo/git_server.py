"""A git server over HTTP on this machine: `git http-backend` behind Python's HTTP server, with users and passwords."""

import base64
import binascii
import hmac
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import quote, unquote, urlsplit

from gitops.clients.git import GitRepository

BLOCK = 65536
"""Bytes that are passed on at a time."""

_SETTINGS = {
    # Blobless and by-id fetches, as large hosts offer them.
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    # A background gc would outlive the server and race with the removal of its folder.
    "gc.auto": "0",
    "receive.autogc": "false",
}


class GitServer:
    """Serves every bare repository in the folder `root` on a free port of 127.0.0.1.

    `users` maps user to password; without any, everyone may read and push. `settings` are git settings of the server
    side, over those of the repositories. Use it as a context manager.
    """

    def __init__(
        self, root: Path, users: Mapping[str, str] | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.root = root
        self.users = dict(users or {})
        self.settings = {**_SETTINGS, **(settings or {})}
        self._http = _Server(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    def create(self, name: str, branch: str = "main") -> Path:
        """Make the empty bare repository `name`, whose first branch is `branch`, and return its folder."""
        directory = self.root / name
        directory.mkdir(parents=True, exist_ok=True)
        GitRepository(directory).run("init", "--quiet", "--bare", f"--initial-branch={branch}")
        return directory

    def url(self, name: str, user: str = "", password: str = "") -> str:
        """Where git finds the repository `name`, with credentials in it where `user` is given."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
        return f"http://{login}127.0.0.1:{self.port}/{quote(name)}"

    def __enter__(self) -> "GitServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, git: GitServer) -> None:
        self.git = git
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away half way is no news; the backend was stopped with it."""


class _Handler(BaseHTTPRequestHandler):
    """One connection: checks who asks, then hands the request to `git http-backend` as CGI (RFC 3875)."""

    server: _Server
    protocol_version = "HTTP/1.1"
    # Small answers would wait 40 ms for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = BLOCK

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """The library never prints."""

    def _answer(self) -> None:
        user = self._user()
        if user is None:
            self._refuse()
            return
        backend = subprocess.Popen(
            ["git", "http-backend"],  # noqa: S607 - git is looked up on PATH, as everywhere
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment(user),
        )
        with backend:
            assert backend.stdin
            assert backend.stdout
            # The backend may answer before it has read all; two pipes in one thread could block each other.
            feeder = threading.Thread(target=self._feed, args=(backend.stdin,), daemon=True)
            feeder.start()
            try:
                self._relay(backend.stdout)
                feeder.join()
            except BaseException:
                backend.kill()
                raise

    def _user(self) -> str | None:
        """Who asks; None where the credentials are missing or wrong."""
        users = self.server.git.users
        if not users:
            return "anonymous"
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        expected = users.get(user)
        if scheme.lower() != "basic" or expected is None:
            return None
        return user if hmac.compare_digest(password.encode(), expected.encode()) else None

    def _refuse(self) -> None:
        self.close_connection = True
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="gitops"')
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def _environment(self, user: str) -> dict[str, str]:
        path, query = urlsplit(self.path)[2:4]
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.server.git.root.resolve()),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": str(len(self.server.git.settings)),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "REMOTE_USER": user,
            "REMOTE_ADDR": str(self.client_address[0]),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        for index, (key, value) in enumerate(self.server.git.settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        # Without a length the backend reads to the end of its stdin, which is how a chunked body ends here.
        environment.pop("CONTENT_LENGTH", None)
        return environment

    def _feed(self, stdin: IO[bytes]) -> None:
        """Pass the request's body on. All of it is read, whether the backend listens or not: HTTP goes on behind."""
        alive = True
        try:
            for block in self._body():
                if alive:
                    alive = _write(stdin, block)
        except (OSError, ValueError):
            self.close_connection = True
        finally:
            _close(stdin)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(100).split(b";")[0], 16):
                yield from self._exactly(size)
                self.rfile.readline(3)
            while self.rfile.readline(BLOCK).strip():
                pass
        else:
            yield from self._exactly(int(self.headers.get("Content-Length") or 0))

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            block = self.rfile.read(min(size, BLOCK))
            if not block:
                raise ConnectionError("the body ended early")
            size -= len(block)
            yield block

    def _relay(self, stdout: IO[bytes]) -> None:
        """Turn the backend's CGI answer into an HTTP one, its body in chunks as it comes."""
        headers = list(iter(lambda: stdout.readline().rstrip(b"\r\n").decode("latin-1"), ""))
        fields = [(name, value.strip()) for name, _, value in (header.partition(":") for header in headers)]
        status = next((value for name, value in fields if name.lower() == "status"), "200" if fields else "500")
        self.send_response(int(status.split()[0]))
        for name, value in fields:
            if name.lower() not in ("status", "content-length"):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while block := stdout.read1(BLOCK):  # type: ignore[attr-defined]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def _write(stdin: IO[bytes], block: bytes) -> bool:
    try:
        stdin.write(block)
    except BrokenPipeError:
        return False
    return True


def _close(stdin: IO[bytes]) -> None:
    try:
        stdin.close()
    except BrokenPipeError:
        return
