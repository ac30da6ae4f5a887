"""A backend with nginx before it, each stack in a folder and on a port of its own."""

import http.client
import json
import os
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from harness import JSON, PROCESSES, PROGRAM, PROJECT, SECRET, wait_for

TICK = os.sysconf("SC_CLK_TCK")
TEMPORARY = " ".join(f"{kind}_temp_path tmp-{kind};" for kind in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """nginx on a free port, one process, with what a server block holds.

    A file of the project's nginx/ that is included is copied beside the configuration."""

    def __init__(self, folder, http, server, edit=lambda name, text: text):
        for file in (PROJECT / "nginx").glob("*.conf"):
            (folder / file.name).write_text(edit(file.name, file.read_text()))
        self.port = free_port()
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(f"""
            daemon off; {user} worker_processes 1; pid nginx.pid; error_log stderr error;
            events {{ worker_connections 2048; }}
            http {{
              access_log off; {TEMPORARY} keepalive_requests 1000000000;
              {http}
              server {{ listen 127.0.0.1:{self.port} backlog=1024; {server} }}
            }}""")
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(folder), "-c", "nginx.conf"], cwd=folder)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Stack:
    """What listens on a unix socket, and nginx that passes requests on to it."""

    def __init__(self, start):
        self.folder = tempfile.TemporaryDirectory(prefix="pico-bench-")
        self.path = Path(self.folder.name)
        self.socket = self.path / "backend.sock"
        self.backend = start(self.path, self.socket)
        wait_for(self.socket.exists, "the backend")
        self.nginx = self.front()
        self.url = f"http://127.0.0.1:{self.nginx.port}/api/v1/auth"
        wait_for(lambda: self.get("/jwks") is not None, "nginx")

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return answer.read()
        except OSError:
            return None

    def workers(self):
        """The processes that answer requests."""
        children = Path(f"/proc/{self.backend.pid}/task/{self.backend.pid}/children").read_text().split()
        return [int(child) for child in children] or [self.backend.pid]

    def cpu(self):
        """Seconds that the workers have run."""
        total = 0
        for worker in self.workers():
            fields = Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def mint(self, count, **claims):
        """Tokens, also written where wrk finds them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.nginx.port)
        tokens = []
        for number in range(count):
            connection.request(
                "POST", "/api/v1/auth/fleet/sessions",
                json.dumps({"session_id": f"s{number}", "agent_id": "a", **claims}),
                {**JSON, "X-Fleet-Secret": SECRET})
            tokens.append(json.loads(connection.getresponse().read())["session_token"])
        (self.path / "tokens").write_text("\n".join(tokens) + "\n")
        return tokens

    def log_in_with_cookie(self, body):
        """A session of a browser, its cookie written where wrk finds it."""
        request = urllib.request.Request(f"{self.url}/login?cookie=true", json.dumps(body).encode(), JSON)
        with urllib.request.urlopen(request) as answer:
            (self.path / "cookie").write_text(answer.headers["Set-Cookie"].split(";")[0] + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nginx.stop()
        self.backend.terminate()
        self.backend.wait()
        self.folder.cleanup()


class FastCGIStack(Stack):
    """The shipped configuration, kept connections to the backend or not, without its limit of requests a second."""

    def __init__(self, start, keep=True, cached=False):
        self.keep, self.cached = keep, cached
        super().__init__(start)

    def front(self):
        def edit(name, text):
            if name == "pico-auth-keys.conf" and not self.cached:
                # Asked every time, unless the cache is what is measured.
                return ""
            # `verify` is closed to clients: opened, it is what the gate costs.
            text = text.replace("location = /api/v1/auth/verify {", "location = /api/v1/auth/closed {")
            return text if self.keep else text.replace("fastcgi_keep_conn on;", "")

        return Nginx(
            self.path,
            f"""limit_req_zone "" zone=pico_auth_challenge:1m rate=1r/s;
                limit_req_zone "" zone=pico_auth_login:1m rate=1r/s;
                limit_req_zone "" zone=pico_auth_refresh:1m rate=1r/s;
                limit_req_zone "" zone=pico_auth_sessions:1m rate=1r/s;
                limit_req_zone "" zone=pico_auth_fleet:1m rate=1r/s;
                fastcgi_cache_path keys levels=1 keys_zone=pico_auth_keys:1m use_temp_path=off;
                upstream pico_auth {{ server unix:{self.socket}; {"keepalive 16;" if self.keep else ""} }}""",
            "include pico-auth-locations.conf;", edit)


class PeerStack(Stack):
    """pico-server-auth under uvicorn: one process, as its key, nonces and lists live in its memory."""

    def __init__(self):
        super().__init__(peer)

    def front(self):
        return Nginx(
            self.path, f"upstream peer {{ server unix:{self.socket}; keepalive 16; }}",
            'location / { proxy_pass http://peer; proxy_http_version 1.1; proxy_set_header Connection ""; }')


class StaticStack:
    """nginx answering by itself what pico-auth answers for the key set."""

    def __init__(self, answer):
        self.folder = tempfile.TemporaryDirectory(prefix="pico-bench-")
        fields = "".join(f"add_header {name} '{value}';" for name, value in answer.headers.items()
                         if name in ("Cache-Control", "ETag", "X-Content-Type-Options"))
        self.nginx = Nginx(
            Path(self.folder.name), "",
            f"location / {{ default_type application/json; {fields} return 200 '{answer.read().decode()}'; }}")
        self.url = f"http://127.0.0.1:{self.nginx.port}"
        wait_for(self.answers, "nginx")

    def answers(self):
        try:
            with urllib.request.urlopen(self.url) as answer:
                return answer.status == 200
        except OSError:
            return False

    def cpu(self):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nginx.stop()
        self.folder.cleanup()


def settings(path, **others):
    return {"SERVER_AUTH_STATE_DIR": str(path / "state"), "SERVER_AUTH_FLEET_MINT_SECRET": SECRET,
            "SERVER_AUTH_FLEET_ALLOWED_ROLES": "agent,operator,service",
            "SERVER_AUTH_MAX_PENDING_CHALLENGES": "100000000", "PATH": os.environ["PATH"],
            **{f"SERVER_AUTH_{name.upper()}": value for name, value in others.items()}}


def pico_auth(path, address, **others):
    """pico-auth, with further settings."""
    return subprocess.Popen(
        [PROGRAM, "serve", "--listen", f"unix:{address}", "--workers", str(PROCESSES)],
        env=settings(path, **others), stderr=subprocess.DEVNULL)


def listening(address):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen(1024)
    return listener


def compiled(name, folder, *libraries):
    program = folder / name
    subprocess.run(["gcc", "-O2", "-o", program, PROJECT / f"Benchmarks/{name}.c", *libraries], check=True)
    return program


def responder(path, address, *mode):
    program = compiled("responder", path, "-lfcgi")
    return subprocess.Popen([program, str(PROCESSES), *mode], stdin=listening(address))


def responder_204(path, address):
    return responder(path, address, "204")


def peer(path, address):
    return subprocess.Popen(
        [PROJECT / ".build/peers/bin/uvicorn", "--app-dir", PROJECT / "Benchmarks", "--uds", address,
         "--log-level", "error", "--no-access-log", "peer_app:app"],
        env={"PATH": os.environ["PATH"], "STATE": str(path), "SECRET": SECRET})
