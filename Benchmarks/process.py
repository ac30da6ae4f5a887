"""What a worker costs beside its requests: memory, and the time until it answers."""

import os
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from fastcgi import ask
from harness import PROGRAM, ROUNDS, ratios, wrk
from stack import FastCGIStack, compiled, listening, pico_auth, settings

REQUESTS = 1_000_000
STARTS = 20


def resident(worker):
    """MiB of memory that are there for a process, those of files that it shares with others included."""
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())[1]) / 1024


def memory(report):
    with FastCGIStack(pico_auth) as stack:
        report.add("memory of a worker, idle", [resident(worker) for worker in stack.workers()], "MiB", at_most=20)
        served = 0
        stack.mint(1)
        loads = (("/jwks", None), ("/challenge", "challenge.lua"), ("/fleet/sessions", "mint.lua"),
                 ("/sign-in", "sign-in.lua"), ("/verify", "bearer.lua"))
        while served < REQUESTS:
            for path, script in loads:
                served += wrk(stack, path, 16, script, seconds=5)["requests"]
        report.add("memory of a worker, after 1,000,000 requests",
                   [resident(worker) for worker in stack.workers()], "MiB", at_most=24)


def first_answer(command, environment, folder):
    """Seconds from the start of a FastCGI application with its socket as descriptor 0 to its first answer."""
    address = folder / "start.sock"
    with listening(address) as listener:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=listener, env=environment, stderr=subprocess.DEVNULL)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(address))
            status, _ = ask(client, "GET", "/jwks")
            took = time.perf_counter() - start
        assert status == 200
    process.terminate()
    process.wait()
    address.unlink()
    return took


def script_answer(command, environment):
    """Seconds that a CGI request takes without a web server, the start of the process included."""
    environment = {**environment, "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
                   "SCRIPT_NAME": "/api/v1/auth", "PATH_INFO": "/jwks"}
    start = time.perf_counter()
    output = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True).stdout
    took = time.perf_counter() - start
    assert b"application/json" in output, output
    return took


def start(report):
    with tempfile.TemporaryDirectory(prefix="pico-bench-") as name:
        folder = Path(name)
        limit = [compiled("responder", folder, "-lfcgi"), "1"]
        environment = settings(folder)
        first_answer([PROGRAM], environment, folder)

        def several(measure):
            return lambda: min(measure() for _ in range(STARTS))

        report.add("start of a worker to its first answer", ratios(
            several(lambda: first_answer([PROGRAM], environment, folder)),
            several(lambda: first_answer(limit, os.environ, folder))), at_most=3)
        report.add("start of a CGI script to its end", ratios(
            several(lambda: script_answer([PROGRAM], environment)),
            several(lambda: script_answer(limit, os.environ))), at_most=3)
