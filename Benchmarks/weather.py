"""What those wait for who needn't, while others wait for a disk, a lock, a password, a reader or a log."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress

from clients import BASE, LOGIN, Clients, bearer
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
BURNER = """
import os
os.nice(10)
while True: pass
"""


class Exposed(FastCGIStack):
    """Two workers whose disk can be slow, whose log goes into a pipe, and whose operator has a password."""

    def __init__(self):
        super().__init__(self.serve)

    def serve(self, path, address):
        self.state, self.slow_disk = path / "state", path / "disk-is-slow"
        self.state.mkdir(mode=0o700)
        fill(self.state, REVOCATIONS)
        hashed = subprocess.run([PROGRAM, "hash-password"], input=LOGIN["password"] + "\n", text=True, check=True,
                                capture_output=True).stdout.strip()
        environment = {
            **settings(path), "SERVER_AUTH_AUTO_CREATE_ADMIN": "true", "SERVER_AUTH_ADMIN_EMAIL": LOGIN["email"],
            "SERVER_AUTH_ADMIN_PASSWORD_HASH": hashed, "SLOW_DISK": str(self.slow_disk),
            "LD_PRELOAD": str(compiled("slow_disk", path, "-shared", "-fPIC"))}
        self.log_reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        with self.log_reader.stdin as log:
            return subprocess.Popen(
                [PROGRAM, "serve", "--listen", f"unix:{address}", "--workers", str(PROCESSES), "--threads", "4"],
                env=environment, stderr=log)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.log_reader.wait()


@contextmanager
def slow_disk(stack, clients):
    """Each flush of the disk takes 200 ms, and 32 clients write to it."""
    stack.slow_disk.touch()
    clients.start(32, clients.mint)
    try:
        start = time.perf_counter()
        clients.mint(clients.connection())
        if time.perf_counter() < start + 0.2:
            sys.exit("the disk is not slow")
        yield
    finally:
        stack.slow_disk.unlink()


@contextmanager
def stopped_lock_holder(stack, clients):
    """A stopped process holds all that the mints can be locked by, and 32 clients wait for it."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, *stack.state.glob("mints.jsonl*"), stack.state],
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    holder.send_signal(signal.SIGSTOP)
    clients.start(32, clients.mint)
    try:
        yield
        if clients.refused == 0:
            sys.exit("nobody waited for the lock")
    finally:
        holder.kill()
        holder.wait()


def read_slowly(stack, operator, ended):
    """200 connections that are written to and never read, and 16 that are read at 50 kB/s, until an event."""
    def connect(requests):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1)
        connection.connect(str(stack.socket))
        with suppress(TimeoutError):
            connection.sendall(requests)
        connection.setblocking(False)
        return connection

    keys, listed = 500 * request("GET", "/jwks"), request("GET", "/revoked-jtis", headers=bearer(operator))
    silent, slow = [connect(keys) for _ in range(200)], [connect(listed) for _ in range(16)]
    while not ended.wait(0.05):
        for connection in slow:
            with suppress(BlockingIOError):
                connection.recv(2500)
    for connection in silent + slow:
        connection.close()


@contextmanager
def peers_that_dont_read(stack, clients):
    """200 peers send 500 requests each and read nothing, and 16 read a long list at 50 kB/s."""
    ended = threading.Event()
    reader = threading.Thread(target=read_slowly, args=(stack, clients.operator, ended))
    reader.start()
    try:
        yield
    finally:
        ended.set()
        reader.join()


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
    try:
        yield
    finally:
        stack.log_reader.send_signal(signal.SIGCONT)


@contextmanager
def busy_processors(*_):
    """Four processes without any part in this burn processor time, and give way as the threads that hash passwords do:
    what the machine does to latencies by itself."""
    processes = [subprocess.Popen([sys.executable, "-c", BURNER]) for _ in range(4)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


WEATHERS = {
    "fdatasync of 200 ms": slow_disk,
    "a stopped lock holder": stopped_lock_holder,
    "200 peers that don't read": peers_that_dont_read,
    "64 logins": logins,
    "a stopped log reader": stopped_log_reader,
    "other busy processes": busy_processors,
}


def measured(stack, pool, loads, begin):
    """Latencies at rest and in a weather, and what became of the requests that were answered in it."""
    def measure():
        return pool.submit(probe, stack.nginx.port, loads, SECONDS).result()

    clients = Clients(stack.nginx.port, loads[1].tokens[0])
    # Some write at all times.
    clients.start(2, clients.mint_and_revoke, pause=0.1)
    rest = measure()
    with begin(stack, clients):
        during = measure()
    clients.stop()
    return {"rest": rest, "during": during, "minted": len(clients.minted), "revoked": len(clients.revoked),
            "refused": clients.refused, "lost": clients.lost(),
            "wrong": sum(part["wrong"] for part in (*rest.values(), *during.values()))}


def weather(report):
    figures = {}
    with Exposed() as stack, ProcessPoolExecutor(1) as pool:
        operator = stack.mint(1, role="operator")
        loads = [Load("JWKS", BASE + "/jwks", 200, [None]),
                 Load("verify, a token known", BASE + "/verify", 204, operator),
                 Load("verify, a token not known", BASE + "/verify", 204, stack.mint(MANY))]
        for name, begin in WEATHERS.items():
            found = figures[name] = [measured(stack, pool, loads, begin) for _ in range(ROUNDS)]
            # The last is not of our making.
            limit = None if begin is busy_processors else 3
            for load in loads:
                report.add(f"{load.name}, {name}: p99",
                           [one["during"][load.name]["p99"] / one["rest"][load.name]["p99"] for one in found],
                           "in weather / at rest", at_most=limit)
            report.add(f"requests lost, {name}", [len(one["lost"]) + one["wrong"] for one in found], "requests",
                       at_most=0)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "weather.json").write_text(json.dumps(figures, indent=1) + "\n")
