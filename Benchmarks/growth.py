"""What stores of a million records cost, compared with stores of a thousand."""

import json
import os
import re
import secrets
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from fastcgi import ask
from harness import JSON, PROGRAM, RESULTS, ROUNDS, SECRET, ratios, wait_for

SIZES = SMALL, *_, LARGE = 1_000, 10_000, 100_000, 1_000_000


class Backend:
    """One worker over a folder of store files, asked on a kept connection without a web server between."""

    def __init__(self, state):
        self.folder = tempfile.TemporaryDirectory(prefix="pico-bench-")
        address = Path(self.folder.name) / "backend.sock"
        self.environment = {
            "PATH": os.environ["PATH"], "SERVER_AUTH_STATE_DIR": str(state),
            "SERVER_AUTH_FLEET_MINT_SECRET": SECRET,
            "SERVER_AUTH_FLEET_ALLOWED_ROLES": "agent,operator,service", "SERVER_AUTH_CHALLENGE_TTL_SECONDS": "3600",
            "SERVER_AUTH_MAX_PENDING_CHALLENGES": "100000000"}
        # Worker and client each on a processor of its own: on the same one an exchange takes half the time.
        *_, last = processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {last})
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", f"unix:{address}", "--workers", "1"],
            env=self.environment, stderr=subprocess.DEVNULL)
        os.sched_setaffinity(0, processors)
        wait_for(address.exists, "pico-auth")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(address))
        _, answer = self.ask("POST", "/fleet/sessions", '{"session_id":"op","agent_id":"a","role":"operator"}',
                             {**JSON, "X-Fleet-Secret": SECRET})
        self.bearer = {"Authorization": "Bearer " + json.loads(answer)["session_token"]}

    def ask(self, method, target, body="", headers=JSON):
        return ask(self.socket, method, target, body, headers)

    def memory(self):
        """Bytes of memory that the worker shares with nobody."""
        worker = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
        text = Path(f"/proc/{worker}/smaps_rollup").read_text()
        return sum(int(size) * 1024 for size in re.findall(r"Private_\w+:\s+(\d+) kB", text))

    def stop(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


def fill(state, records):
    """Store files with so many records, challenges all live."""
    now = time.time()

    def write(name, header, lines):
        with open(state / name, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(header)
            file.writelines(lines)

    write("revocations.jsonl", "", (
        json.dumps({"jti": f"{number:032x}", "revoked_at": now, "reason": "", "revoked_by": "op"}) + "\n"
        for number in range(records)))
    write("mints.jsonl", "", (
        json.dumps({"jti": f"{number:032x}", "sub": f"session-{number}", "role": "agent", "iat": int(now),
                    "exp": int(now) + 86400, "kind": "sign", "scope": "", "agent_id": "a",
                    "session_id": f"session-{number}"}) + "\n"
        for number in range(records)))
    expiry = int((now + 3600) * 1000)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    write("challenges.jsonl",
          '{"file":"challenges","version":2,"generation":"%016x","mask":"%s","boot":"%s","used":"%016x"}\n' % (
              1, secrets.token_hex(32), boot, 0),
          ('{"random":"%048x","address":"%064x","expires_ms":%d,"state":"live"}\n' % (number, number, expiry)
           for number in range(records)))


def seconds(count, request, status):
    """The median time of one request: the machine's noise hits single ones."""
    times = []
    for number in range(count):
        start = time.perf_counter()
        answer = request(number)
        times.append(time.perf_counter() - start)
        if answer[0] != status:
            raise SystemExit(f"answered {answer}")
    return statistics.median(times)


def check(backend):
    """A bearer check and nothing else: the request is refused right behind it."""
    headers = {**JSON, **backend.bearer}
    return seconds(500, lambda _: backend.ask("POST", "/revoke", "{}", headers), 400)


def revoke(backend):
    headers = {**JSON, **backend.bearer}
    return seconds(300, lambda _: backend.ask(
        "POST", "/revoke", json.dumps({"jti": secrets.token_hex(16)}), headers), 200)


def mints(backend):
    return seconds(50, lambda _: backend.ask("GET", "/mints?limit=200", headers=backend.bearer), 200)


def sign_in(backend):
    """A challenge made and used up. The signature is wrong, so that only the store's part counts."""
    def request(_):
        challenge = json.loads(backend.ask("POST", "/challenge", '{"address":"ab"}')[1])["challenge"]
        return backend.ask("POST", "/sign-in", json.dumps({
            "address": "ab", "public_key": "ab", "signature": "ab", "challenge": challenge,
            "algorithm": "Ed25519"}))
    return seconds(500, request, 401)


def script(report, backend, state):
    """A bearer check by a CGI script, compared with grep for the same jti in the same file."""
    environment = {**backend.environment, "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST",
                   "PATH_INFO": "/revoke", "CONTENT_LENGTH": "2",
                   "HTTP_AUTHORIZATION": backend.bearer["Authorization"]}

    def run(command, **options):
        start = time.perf_counter()
        output = subprocess.run(command, capture_output=True, **options).stdout
        return time.perf_counter() - start, output

    ratios = []
    for _ in range(5 * ROUNDS):
        ours, output = run([PROGRAM], env=environment, input=b"{}")
        if b"jti required" not in output:
            raise SystemExit(output)
        theirs, _ = run(["grep", "-c", secrets.token_hex(16), state / "revocations.jsonl"])
        ratios.append(ours / theirs)
    report.add("CGI bearer check, 1,000,000 revocations", ratios, "to grep -c")


def growth(report):
    folders = {size: tempfile.TemporaryDirectory(prefix="pico-bench-") for size in SIZES}
    for size, folder in folders.items():
        fill(Path(folder.name), size)
    backends = {size: Backend(folder.name) for size, folder in folders.items()}
    few, many = backends[SMALL], backends[LARGE]
    curves = {}
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        report.add("memory of a worker, per revocation", [(many.memory() - few.memory()) / (LARGE - SMALL)], "bytes")
        for name, what, measure in (("bearer check", "revocations", check), ("revoke", "revocations", revoke),
                                    ("mints?limit=200", "mints", mints),
                                    ("challenge and sign-in", "live challenges", sign_in)):
            report.add(f"{name}, 1,000,000 {what}", ratios(lambda: measure(many), lambda: measure(few)), "to 1,000")
            curves[name] = {size: 1e6 * measure(backend) for size, backend in backends.items()}
        script(report, many, Path(folders[LARGE].name))
    finally:
        os.sched_setaffinity(0, processors)
        for backend in backends.values():
            backend.stop()
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "growth.json").write_text(json.dumps(curves, indent=1) + "\n")
