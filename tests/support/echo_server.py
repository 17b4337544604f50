"""A server that refuses every request, and quotes all of it: headers, credentials, body."""

from http.server import BaseHTTPRequestHandler

from tests.support.loopback import LoopbackServer


class EchoServer(LoopbackServer):
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

        super().__init__(Handler)
