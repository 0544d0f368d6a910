"""Endpoints of customers, good and bad: real servers on loopback."""

import contextlib
import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Received:
    """One post as it came in."""

    path: str
    headers: dict
    body: bytes

    @property
    def events(self):
        return json.loads(self.body)["events"]

    @property
    def name(self):
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """An endpoint: `answer` says what comes back to a post, by default always 204."""

    port: int = 0
    posts: list = field(default_factory=list)  # those that were answered with 2xx
    refused: list = field(default_factory=list)
    answer: object = lambda post: 204
    context: object = None
    changed: object = field(default_factory=threading.Condition)

    @property
    def url(self):
        return f"{'https' if self.context else 'http'}://localhost:{self.port}/hook"

    @property
    def event_ids(self):
        return [event["id"] for post in self.posts for event in post.events]

    def wait_for(self, posts):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.posts) >= posts, 30)


@contextlib.contextmanager
def receiving(**fields):
    """Serve an endpoint for as long as a test needs it."""
    receiver = Receiver(**fields)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            post = Received(self.path, headers, self.rfile.read(length))
            answer = receiver.answer(post)
            status, headers, body = answer if isinstance(answer, tuple) else (answer, {}, b"")
            with receiver.changed:
                (receiver.posts if 200 <= status < 300 else receiver.refused).append(post)
                receiver.changed.notify_all()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            pass  # whoever posts may hang up

    with Server(("127.0.0.1", 0), Handler) as server:
        if receiver.context:
            server.socket = receiver.context.wrap_socket(server.socket, server_side=True)
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def answering(*pieces, forever=False):
    """Serve octets instead of HTTP: the pieces, then the last one again for ever, or the end."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                    while forever and not over.wait(0.001):
                        connection.sendall(pieces[-1])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
