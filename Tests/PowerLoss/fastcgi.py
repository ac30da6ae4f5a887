"""The web server's side of FastCGI, as far as it takes to ask one question. FastCGI specification, section 3."""

import json
import socket
import struct

BASE = "/api/v1/auth"


class Answer:
    def __init__(self, status, body):
        self.status = status
        self.body = body

    def json(self):
        return json.loads(self.body)


class Client:
    """Asks over a unix socket, a connection a request."""

    def __init__(self, path):
        self.path = path

    def post(self, path, body, **fields):
        return self.ask("POST", path, json.dumps(body).encode(), **fields)

    def get(self, path, **fields):
        return self.ask("GET", path, b"", **fields)

    def ask(self, method, path, body, **fields):
        """Fields are named as CGI has them, such as HTTP_AUTHORIZATION.

        Throws OSError where nobody answers.
        """
        path, _, query = path.partition("?")
        variables = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": BASE + path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/json",
            **fields,
        }
        parameters = b"".join(_pair(name.encode(), value.encode()) for name, value in variables.items())
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(self.path)
            connection.sendall(
                _record(1, struct.pack(">HB5x", 1, 0)) + _stream(4, parameters) + _stream(5, body)
            )
            return _answer(connection.makefile("rb"))


def bearer(token):
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def _record(kind, content):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def _stream(kind, content):
    chunks = [content[start : start + 0x8000] for start in range(0, len(content), 0x8000)]
    return b"".join(_record(kind, chunk) for chunk in [*chunks, b""])


def _pair(name, value):
    return _length(len(name)) + _length(len(value)) + name + value


def _length(length):
    return bytes([length]) if length < 128 else struct.pack(">I", length | 1 << 31)


def _answer(file):
    output = b""
    while True:
        header = file.read(8)
        if len(header) < 8:
            raise ConnectionError("the answer ended early")
        _, kind, _, length, padding = struct.unpack(">BBHHBx", header)
        content = file.read(length + padding)[:length]
        if kind == 6:
            output += content
        if kind == 3:
            break
    head, _, body = output.partition(b"\r\n\r\n")
    status = 200
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
    return Answer(status, body)
