"""What every benchmark needs: servers on free ports, load, the processor time of workers, a report."""

import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PROGRAM = PROJECT / ".build/release/pico-auth"
RESULTS = PROJECT / "Benchmarks/results"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("DURATION", "3"))
PROCESSES = 2
SECRET = "0123456789-fleet-secret"
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    sys.exit(f"{what} did not start")


class Stack:
    """A backend on a unix socket with nginx before it, kept connections to the backend or not."""

    def __init__(self, name, start, keep, cached=False):
        self.folder = tempfile.TemporaryDirectory(prefix="pico-bench-")
        path = Path(self.folder.name)
        self.socket = path / "backend.sock"
        self.backend = start(path, self.socket)
        wait_for(self.socket.exists, name)
        self.port = free_port()
        user = "user root;" if os.getuid() == 0 else ""
        temporary = " ".join(f"{kind}_temp_path tmp-{kind};" for kind in
                             ("client_body", "fastcgi", "proxy", "scgi", "uwsgi"))
        for file in ("pico-auth-locations.conf", "pico-auth-fastcgi.conf"):
            text = (PROJECT / "nginx" / file).read_text()
            if not keep:
                text = text.replace("fastcgi_keep_conn on;", "")
            (path / file).write_text(text)
        # Asked every time, unless the cache is what is measured.
        keys = (PROJECT / "nginx/pico-auth-keys.conf").read_text() if cached else ""
        (path / "pico-auth-keys.conf").write_text(keys)
        (path / "nginx.conf").write_text(f"""
            daemon off; {user} worker_processes 1; pid nginx.pid; error_log stderr error;
            events {{ worker_connections 1024; }}
            http {{
              access_log off; {temporary}
              limit_req_zone "" zone=pico_auth_challenge:1m rate=1r/s;
              limit_req_zone "" zone=pico_auth_login:1m rate=1r/s;
              fastcgi_cache_path keys levels=1 keys_zone=pico_auth_keys:1m use_temp_path=off;
              upstream pico_auth {{ server unix:{self.socket}; {"keepalive 16;" if keep else ""} }}
              server {{ listen 127.0.0.1:{self.port}; include pico-auth-locations.conf; }}
            }}""")
        self.nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", str(path), "-c", "nginx.conf"], cwd=path)
        self.url = f"http://127.0.0.1:{self.port}/api/v1/auth"
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

    def stop(self):
        for process in (self.nginx, self.backend):
            process.terminate()
            process.wait()


def pico_auth(path, address):
    return subprocess.Popen(
        [PROGRAM, "serve", "--listen", f"unix:{address}", "--workers", str(PROCESSES)],
        env={"SERVER_AUTH_STATE_DIR": str(path / "state"), "SERVER_AUTH_FLEET_MINT_SECRET": SECRET, "SERVER_AUTH_MAX_PENDING_CHALLENGES": "100000000",
             "PATH": os.environ["PATH"]},
        stderr=subprocess.DEVNULL)


def responder(path, address, *mode):
    program = path / "responder"
    subprocess.run(["gcc", "-O2", "-o", program, PROJECT / "Benchmarks/responder.c", "-lfcgi"], check=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen(1024)
    return subprocess.Popen([program, str(PROCESSES), *mode], stdin=listener)


def responder_204(path, address):
    return responder(path, address, "204")


def wrk(stack, path, connections, script=None):
    """Requests a second, latencies in ms, and the workers' CPU seconds a request."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--latency", stack.url + path]
    if script:
        command[1:1] = ["-s", PROJECT / "Benchmarks" / script]
    before = stack.cpu()
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=stack.folder.name).stdout
    used = stack.cpu() - before
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    requests = int(re.search(r"(\d+) requests in", output)[1])
    if refused and int(refused[1]) > requests / 1000:
        sys.exit(f"{path}: {refused[0]} of {requests}")
    unit = {"us": 0.001, "ms": 1, "s": 1000}
    latency = {mark: float(value) * unit[scale] for mark, value, scale in
               re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", output)}
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]), "p50": latency["50"],
            "p99": latency["99"], "cpu": used / requests}


def openssl_speed(algorithm):
    """Seconds of CPU for one private and one public operation."""
    output = subprocess.run(["openssl", "speed", "-seconds", "1", algorithm],
                            capture_output=True, text=True, check=True).stdout
    return [float(value) for value in re.findall(r"([\d.]+)s", output.splitlines()[-1])[:2]]


class Report:
    def __init__(self):
        self.rows = []

    def add(self, name, ratios, unit="ours / limit"):
        row = {"case": name, "unit": unit, "min": min(ratios), "median": statistics.median(ratios),
               "max": max(ratios)}
        self.rows.append(row)
        print(f"{name:64} {row['min']:8.2f} {row['median']:8.2f} {row['max']:8.2f}  {unit}", flush=True)

    def write(self):
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "report.json").write_text(json.dumps(self.rows, indent=2) + "\n")
        lines = ["| case | min | median | max | unit |", "|---|---|---|---|---|"]
        lines += [f"| {row['case']} | {row['min']:.2f} | {row['median']:.2f} | {row['max']:.2f} | {row['unit']} |"
                  for row in self.rows]
        (RESULTS / "report.md").write_text("\n".join(lines) + "\n")
