"""What those wait for who needn't, while others wait for a disk, a lock, a password, a reader or a log."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from clients import BASE, LOGIN, Clients
from fastcgi import request
from gate import MANY
from growth import fill
from harness import PROCESSES, PROGRAM, RESULTS, ROUNDS, SECONDS
from probe import Load, probe
from stack import FastCGIStack, compiled, settings

# Longer than a request may wait for a lock.
SECONDS = max(SECONDS, 7)
REVOCATIONS = 30_000
HOLDER = """
import fcntl, os, sys, time
for path in sys.argv[1:]: fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


class Exposed(FastCGIStack):
    """Two workers whose disk can be slow, whose log goes into a pipe, and whose operator has a password."""

    def __init__(self):
        super().__init__(self.serve)

    def serve(self, path, address):
        self.state, self.slow_disk = path / "state", path / "disk-is-slow"
        self.state.mkdir(mode=0o700)
        fill(self.state, REVOCATIONS)
        hash_ = subprocess.run([PROGRAM, "hash-password"], input=LOGIN["password"] + "\n", text=True, check=True,
                               capture_output=True).stdout.strip()
        self.log_reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        with self.log_reader.stdin as log:
            return subprocess.Popen(
                [PROGRAM, "serve", "--listen", f"unix:{address}", "--workers", str(PROCESSES), "--threads", "4"],
                env={**settings(path), "LD_PRELOAD": str(compiled("slow_disk", path, "-shared", "-fPIC")),
                     "SLOW_DISK": str(self.slow_disk), "SERVER_AUTH_AUTO_CREATE_ADMIN": "true",
                     "SERVER_AUTH_ADMIN_EMAIL": LOGIN["email"], "SERVER_AUTH_ADMIN_PASSWORD_HASH": hash_}, stderr=log)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.log_reader.wait()


@contextmanager
def slow_disk(stack, clients):
    """Each flush of the disk takes 200 ms, and 32 clients write to it."""
    stack.slow_disk.touch()
    clients.start(32, clients.mint)
    yield
    stack.slow_disk.unlink()


@contextmanager
def stopped_lock_holder(stack, clients):
    """A stopped process holds all that the mints can be locked by, and 32 clients wait for it."""
    paths = [stack.state / "mints.jsonl.lock", stack.state / "mints.jsonl", stack.state]
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, *(path for path in paths if path.exists())],
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    holder.send_signal(signal.SIGSTOP)
    clients.start(32, clients.mint)
    yield
    holder.kill()
    holder.wait()


def connect(stack):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(1)
    connection.connect(str(stack.socket))
    return connection


@contextmanager
def peers_that_dont_read(stack, clients):
    """200 peers send 500 requests each and read nothing, and 16 read a long list at 50 kB/s."""
    silent = [connect(stack) for _ in range(200)]
    for connection in silent:
        try:
            connection.sendall(500 * request("GET", "/jwks"))
        except TimeoutError:
            pass
    slow = [connect(stack) for _ in range(16)]
    ended = threading.Event()
    for connection in slow:
        connection.sendall(request("GET", "/revoked-jtis", headers={"Authorization": f"Bearer {clients.operator}"}))
        connection.setblocking(False)

    def read():
        while not ended.wait(0.05):
            for connection in slow:
                try:
                    connection.recv(2500)
                except BlockingIOError:
                    pass

    reader = threading.Thread(target=read)
    reader.start()
    yield
    ended.set()
    reader.join()
    for connection in silent + slow:
        connection.close()


@contextmanager
def logins(_, clients):
    """64 clients log in, over and over."""
    clients.start(64, clients.log_in)
    yield


@contextmanager
def stopped_log_reader(stack, clients):
    """Nobody reads the log, and 2,000 requests are refused, which is more lines than the pipe holds."""
    stack.log_reader.send_signal(signal.SIGSTOP)
    clients.start(8, clients.be_refused, pause=0.01, times=250)
    yield
    stack.log_reader.send_signal(signal.SIGCONT)


WEATHERS = {
    "fdatasync of 200 ms": slow_disk,
    "a stopped lock holder": stopped_lock_holder,
    "200 peers that don't read": peers_that_dont_read,
    "64 logins": logins,
    "a stopped log reader": stopped_log_reader,
}


def weather(report):
    figures = []
    with Exposed() as stack, ProcessPoolExecutor(1) as pool:
        stack.mint(1, role="operator")
        operator = (stack.path / "tokens").read_text().strip()
        stack.mint(MANY)
        tokens = (stack.path / "tokens").read_text().split()
        loads = [Load("JWKS", BASE + "/jwks", 200, [None]), Load("verify, a token known", BASE + "/verify", 204, [operator]),
                 Load("verify, a token not known", BASE + "/verify", 204, tokens)]

        def measure():
            return pool.submit(probe, stack.nginx.port, loads, SECONDS).result()

        for name, begin in WEATHERS.items():
            lost = []
            found = {load.name: [] for load in loads}
            for _ in range(ROUNDS):
                # Some write at all times.
                clients = Clients(stack.nginx.port, operator)
                clients.start(2, clients.mint_and_revoke, pause=0.1)
                rest = measure()
                with begin(stack, clients):
                    during = measure()
                clients.stop()
                wrong = sum(part["wrong"] for part in (*rest.values(), *during.values()))
                missing = clients.lost()
                lost.append(len(missing) + wrong)
                for load in found:
                    found[load].append(during[load]["p99"] / rest[load]["p99"])
                figures.append({"weather": name, "rest": rest, "during": during, "minted": len(clients.minted),
                                "revoked": len(clients.revoked), "refused": clients.refused, "lost": missing})
            for load, ratios in found.items():
                report.add(f"{load}, {name}: p99", ratios, "in weather / at rest", at_most=3)
            report.add(f"requests lost, {name}", lost, "requests", at_most=0)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "weather.json").write_text(json.dumps(figures, indent=1) + "\n")
