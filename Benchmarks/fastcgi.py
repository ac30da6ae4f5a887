"""As much of a FastCGI client as benchmarks need: one request at a time on a kept connection."""


def record(kind, content=b""):
    return bytes([1, kind, 0, 1]) + len(content).to_bytes(2, "big") + bytes(2) + content


def request(method, target, body="", headers=None):
    """The bytes of a request."""
    path, _, query = target.partition("?")
    variables = {"REQUEST_METHOD": method, "SCRIPT_NAME": "/api/v1/auth" + path, "QUERY_STRING": query,
                 "CONTENT_LENGTH": str(len(body)) if body else ""}
    for name, value in (headers or {}).items():
        name = name.upper().replace("-", "_")
        variables[name if name == "CONTENT_TYPE" else "HTTP_" + name] = value
    parameters = b"".join(
        bytes([len(name)]) + (len(value) | 1 << 31).to_bytes(4, "big") + (name + value).encode()
        for name, value in variables.items())
    return (record(1, bytes([0, 1, 1, 0, 0, 0, 0, 0])) + record(4, parameters) + record(4)
            + (record(5, body.encode()) if body else b"") + record(5))


def parts(connection):
    """The head and the body of the next answer."""
    output, received = b"", b""
    while True:
        while len(received) >= 8:
            length = int.from_bytes(received[4:6], "big")
            if len(received) < 8 + length + received[6]:
                break
            kind, content = received[1], received[8:8 + length]
            received = received[8 + length + received[6]:]
            if kind == 6:
                output += content
            if kind == 3:
                head, _, body = output.partition(b"\r\n\r\n")
                return head.decode(), body
        chunk = connection.recv(65536)
        if not chunk:
            raise SystemExit("the backend hung up")
        received += chunk


def ask(connection, method, target, body="", headers=None):
    """The status and the body of an answer."""
    connection.sendall(request(method, target, body, headers))
    head, body = parts(connection)
    return int(head[8:11]) if head.startswith("Status: ") else 200, body
