"""Stands in for SNS as a process of its own, that can be stopped, killed and made to fail: `topic_server.py FILE`.

It takes what is published, adds a line for it to FILE, and prints its port when it is ready.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_ANSWER = b"""<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>
<MessageId>00000000-0000-4000-8000-000000000000</MessageId></PublishResult>
<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></PublishResponse>"""


class Sns(BaseHTTPRequestHandler):
    """Answers every POST as SNS answers Publish."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits 40 ms for its head to be acknowledged

    def do_POST(self) -> None:
        """Take one message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with Path(sys.argv[1]).open("ab") as taken:
            taken.write(body + b"\n")
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve on loopback until killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sns)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
