"""A proxy before the API server that makes a share of all calls fail, as networks and busy servers do.

429 and 503 with Retry-After, 500, a reset before or after the server did its work, a body that comes slowly or breaks
off in the middle, and reads that are answered with what was true earlier. A watch is refused, reset, cut off after its
first event or in the middle of it, or comes to an end at once; and none is chunked.
"""

import http.client
import random
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.support.loopback import LoopbackServer

BLOCK = 10
FAULTS = ("429", "500", "503", "reset before", "reset after", "slow", "cut", "stale")


class FaultProxy(LoopbackServer):
    """Serves plain HTTP on loopback before `server` (https), within `with`. `rate` is the share of calls that fail."""

    def __init__(self, server: str, rate: float = 0.1, seed: int = 1) -> None:
        self.server = urlsplit(server)
        self.rate = rate
        self.injected: Counter[str] = Counter()
        self.calls = 0
        self._random = random.Random(seed)
        self._due: dict[bool, list[bool]] = {True: [], False: []}
        self._lock = threading.Lock()
        self._earlier: dict[str, tuple[int, list[tuple[str, str]], bytes]] = {}
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def handle_any(self) -> None:
                proxy.handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        super().__init__(Handler)

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        fault = self._fault(handler)
        if fault in ("429", "500", "503"):
            self._refuse(handler, int(fault))
        elif fault == "reset before":
            _reset(handler)
        elif "watch=true" in handler.path:
            self._stream(handler, fault)
        else:
            self._answer(handler, body, fault)

    def _fault(self, handler: BaseHTTPRequestHandler) -> str:
        with self._lock:
            self.calls += 1
            watch = "watch=true" in handler.path
            if not self._is_due(watch):
                return ""
            read_before = handler.command == "GET" and handler.path in self._earlier
            possible = [each for each in FAULTS if each != "stale" or watch or read_before]
            # Those that were not seen yet come first: a short run has each of them.
            fault = self._random.choice([each for each in possible if not self.injected[each]] or possible)
            self.injected[f"watch {fault}" if watch else fault] += 1
            return fault

    def _is_due(self, watch: bool) -> bool:
        """Whether a call fails. Of each ten watches, and of each ten others, so many do as the rate says; chance tells
        which."""
        block = self._due[watch]
        if not block:
            failing = round(self.rate * BLOCK)
            block += [True] * failing + [False] * (BLOCK - failing)
            self._random.shuffle(block)
        return block.pop()

    def _refuse(self, handler: BaseHTTPRequestHandler, status: int) -> None:
        handler.send_response(status)
        if status != 500:
            handler.send_header("Retry-After", "0")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(
            self.server.hostname or "", self.server.port, context=ssl._create_unverified_context(), timeout=60
        )
        headers = {key: value for key, value in handler.headers.items() if key.lower() not in ("host", "connection")}
        connection.request(handler.command, handler.path, body or None, headers | {"Connection": "close"})
        return connection.getresponse()

    def _answer(self, handler: BaseHTTPRequestHandler, body: bytes, fault: str) -> None:
        if fault == "stale":
            status, headers, data = self._earlier[handler.path]
        else:
            with self._ask(handler, body) as response:
                data, status, headers = response.read(), response.status, response.getheaders()
        if handler.command == "GET" and fault != "stale":
            with self._lock:
                # What was read first stays: the stale answer is the oldest one, not the last.
                self._earlier.setdefault(handler.path, (status, headers, data))
                if self._random.random() < 0.3:
                    self._earlier[handler.path] = (status, headers, data)
        if fault == "reset after":
            _reset(handler)
            return
        handler.send_response(status)
        for key, value in headers:
            if key.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if fault == "cut":
            handler.wfile.write(data[: len(data) // 2])
            handler.wfile.flush()
            handler.close_connection = True
        elif fault == "slow":
            for start in range(0, len(data), max(1, len(data) // 5)):
                handler.wfile.write(data[start : start + max(1, len(data) // 5)])
                handler.wfile.flush()
                time.sleep(0.02)
        else:
            handler.wfile.write(data)

    def _stream(self, handler: BaseHTTPRequestHandler, fault: str) -> None:
        handler.close_connection = True
        with self._ask(handler, b"") as response:
            handler.send_response(response.status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Connection", "close")
            handler.end_headers()
            if fault == "stale":
                return
            try:
                while line := response.readline():
                    handler.wfile.write(line[: len(line) // 2] if fault == "cut" else line)
                    handler.wfile.flush()
                    if fault == "cut":
                        return
                    if fault == "reset after":
                        _reset(handler)
                        return
            except OSError:
                # The client went away, as clients of watches do.
                return


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """Close with RST, so that the other side sees a reset and not an end."""
    handler.close_connection = True
    connection: socket.socket = handler.connection
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
