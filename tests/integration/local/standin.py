"""A stand-in for `python -m services`: answers /readyz, takes the door, and writes down what happens to it.

The supervisor cannot tell it from the real services; that is all it is for.
"""

import json
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

JOURNAL = "STANDIN_JOURNAL"
"""In the environment: the file that lines are added to."""


class Answer(BaseHTTPRequestHandler):
    """Says who answers, on every path."""

    def do_GET(self) -> None:
        body = json.dumps({"instance": os.environ["KONTAKTWERK_INSTANCE"], "pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        pass


def note(line: str) -> None:
    """Add a line to the journal, whole even when several write."""
    descriptor = os.open(os.environ[JOURNAL], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def run(service: str) -> None:
    """Answer until SIGTERM."""
    name = os.environ["KONTAKTWERK_INSTANCE"]
    if Path(os.environ[JOURNAL]).with_name(f"{service}-must-die").exists():
        sys.exit(f"{service} dies on purpose")
    servers = [ThreadingHTTPServer(("127.0.0.1", int(os.environ["KONTAKTWERK_PORT"])), Answer)]
    if service == "ingest":
        door = ThreadingHTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False)
        door.socket = socket.socket(fileno=int(os.environ["KONTAKTWERK_INGEST_FD"]))
        servers.append(door)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopped.set())
    note(f"started {name} {os.environ['KONTAKTWERK_OWNERS'].count('http://')}")
    stopped.wait()
    note(f"drained {name}")


def main() -> None:
    match sys.argv[1:]:
        case ["run", service]:
            run(service)
        case ["topics" | "migrate" as verb]:
            note(verb)
        case other:
            sys.exit(f"not a verb: {other}")


if __name__ == "__main__":
    main()
