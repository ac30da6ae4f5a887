#!/usr/bin/env python3
"""An application behind the gate. The web server decides who may reach it. The application reads who the user is from the
identity headers that the gate sets, and from nothing else. Usage: app.py PORT"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Application(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        lines = [f"Hello {self.headers.get('Remote-User', 'whoever you are')}.", f"length={len(body)}"]
        # A program that reads CGI variables sees the headers under these names.
        for name, value in self.headers.items():
            variable = name.upper().replace("-", "_")
            if variable.startswith(("REMOTE_", "X_AUTH_", "X_AGENT_", "ORIGIN")):
                lines.append(f"{variable}={value}")
        text = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Application).serve_forever()
