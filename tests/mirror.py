"""A download mirror on localhost, and the faults that it can be told to show.

An answer is a function of the request's handler and the body that should be sent; set `Mirror.answer` to one.
"""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_CHUNK = bytes(2**16)
ENDLESS_BYTES = 2**26  # where an endless body ends after all, should the client never stop


class Mirror(ThreadingHTTPServer):
    """Serves `files`, a dictionary from name to bytes, inside a with statement."""

    request_queue_size = 64

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.files = files
        self.answer = send
        self.asked = []  # the names of all requests
        self.bytes_sent = 0  # of endless bodies
        self.stalled = threading.Event()
        self.closing = threading.Event()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5  # for a client that neither reads nor hangs up

    def do_GET(self):
        name = self.path.removeprefix("/")
        self.server.asked.append(name)
        self.close_connection = True
        with contextlib.suppress(ConnectionError, TimeoutError):  # the client may hang up
            self.server.answer(self, self.server.files[name])

    def log_message(self, *args):
        pass


def _send_headers(handler, headers):
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def send(handler, body, **headers):
    """Answer as it should be."""
    _send_headers(handler, {"Content-Length": len(body), **headers})
    handler.wfile.write(body)


def send_unpacked(handler, body):
    """Declare the .gz as a compressed transfer, so that the client unpacks it."""
    send(handler, body, **{"Content-Encoding": "gzip"})


def send_in_small_chunks(handler, body):
    """Send the right body without its length, three bytes at a time."""
    _send_headers(handler, {"Transfer-Encoding": "chunked"})
    for start in range(0, len(body), 3):
        _write_chunk(handler, body[start : start + 3])
    _write_chunk(handler, b"")


def send_with_nonsense_length(handler, body):
    _send_headers(handler, {"Content-Length": "unknown"})
    handler.wfile.write(body)


def send_slowly(handler, body):
    """Take a second."""
    _send_headers(handler, {"Content-Length": len(body)})
    for start in range(0, len(body), len(body) // 4 + 1):
        time.sleep(0.25)
        handler.wfile.write(body[start : start + len(body) // 4 + 1])


def _write_chunk(handler, piece):
    handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))


def status(code):
    return lambda handler, body: handler.send_error(code)


def instead(other, **headers):
    """Send another body, with status 200."""
    return lambda handler, body: send(handler, other, **headers)


def never_answer(handler, body):
    handler.server.closing.wait()


def stall_after_headers(handler, body):
    _send_headers(handler, {"Content-Length": len(body)})
    handler.server.closing.wait()


def stall_halfway(handler, body):
    _send_headers(handler, {"Content-Length": len(body)})
    handler.wfile.write(body[: len(body) // 2])
    handler.server.stalled.set()
    handler.server.closing.wait()


def cut(handler, body):
    """Close the connection in the middle of the body."""
    _send_headers(handler, {"Content-Length": len(body)})
    handler.wfile.write(body[: len(body) // 2])


def endless(handler, body):
    """Declare a very long body and send zeros."""
    _send_headers(handler, {"Content-Length": 10**12})
    _send_zeros(handler, handler.wfile.write)


def endless_chunks(handler, body):
    """Declare no length and send zeros."""
    _send_headers(handler, {"Transfer-Encoding": "chunked"})
    _send_zeros(handler, lambda piece: _write_chunk(handler, piece))
    _write_chunk(handler, b"")


def _send_zeros(handler, write):
    for _ in range(ENDLESS_BYTES // len(_CHUNK)):
        write(_CHUNK)
        handler.server.bytes_sent += len(_CHUNK)
