"""A server that refuses every request, and quotes all of it: headers, credentials, body."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class EchoServer:
    """Serves plain HTTP on loopback within `with`."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        """What was asked, with headers and body."""
        self.challenges = False
        """Whether it wants a Basic authorization first."""
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
                said = f"refused {self.command} {self.path} {' '.join(map(': '.join, self.headers.items()))} {body}"
                echo.seen.append(said)
                self.send_response(401 if echo.challenges and "Authorization" not in self.headers else 400)
                self.send_header("WWW-Authenticate", "Basic")
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(said.encode())))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(said.encode())

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.host = f"127.0.0.1:{self._http.server_port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "EchoServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
