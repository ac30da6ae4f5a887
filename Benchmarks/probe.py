"""The latency of requests that come at times of their own, whatever became of those before.

A client that asks again when it has its answer, as wrk's do, asks most often where answers come fast: ten seconds
without any answer are one late request for each client among thousands, and no percentile shows it. Here a request that
is due while its connection still waits for an answer counts from the moment when it was due, and the last ones are
waited for.
"""

import heapq
import math
import random
import re
import selectors
import socket
import time
from dataclasses import dataclass

CLIENTS = 8
# The mean time between two requests on a connection. Seconds.
INTERVAL = 0.025
# Who has no answer after so long gets none. Seconds.
TIMEOUT = 30


@dataclass
class Load:
    """Requests for one path, with the tokens in turn."""

    name: str
    path: str
    status: int
    tokens: list


class Client:
    """A kept connection."""

    def __init__(self, port, load, turns, start):
        self.load, self.turns, self.due = load, turns, start
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.schedule()

    def schedule(self):
        """Sets when the next request is due."""
        self.due += random.uniform(0, 2 * INTERVAL)

    def __lt__(self, other):
        return self.due < other.due

    def send(self):
        token = next(self.turns)
        field = f"Authorization: Bearer {token}\r\n" if token else ""
        self.received = b""
        self.socket.sendall(f"GET {self.load.path} HTTP/1.1\r\nHost: localhost\r\n{field}\r\n".encode())

    def status(self):
        """Reads on. The status of the answer once all of it is there, None before, 0 where the connection ended."""
        piece = self.socket.recv(65536)
        if not piece:
            return 0
        self.received += piece
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        if b"Transfer-Encoding: chunked" in head:
            is_whole = body.endswith(b"0\r\n\r\n")
        else:
            size = re.search(rb"Content-Length: (\d+)", head)
            is_whole = len(body) >= (int(size[1]) if size else 0)
        return int(head[9:12]) if is_whole else None


def turns(load):
    """The tokens, beginning anywhere, so that two runs don't send the same ones."""
    number = random.randrange(len(load.tokens))
    while True:
        yield load.tokens[number]
        number = (number + 1) % len(load.tokens)


def percentile(times, share):
    return sorted(times)[math.ceil(share * len(times)) - 1]


def probe(port, loads, seconds):
    """For each load, by name: p50 and p99 in ms, and how many requests got another answer than they should, or none."""
    selector = selectors.DefaultSelector()
    times = {load.name: [] for load in loads}
    wrong = {load.name: 0 for load in loads}
    start = time.perf_counter()
    end = start + seconds
    resting, waiting = [], set()
    for load in loads:
        shared = turns(load)
        for _ in range(CLIENTS):
            client = Client(port, load, shared, start)
            selector.register(client.socket, selectors.EVENT_READ, client)
            heapq.heappush(resting, client)

    def note(client, status):
        times[client.load.name].append(1000 * (time.perf_counter() - client.due))
        wrong[client.load.name] += status != client.load.status
        client.schedule()

    while time.perf_counter() < end + TIMEOUT:
        while resting and resting[0].due <= time.perf_counter():
            client = heapq.heappop(resting)
            if client.due < end:
                client.send()
                waiting.add(client)
        if not resting and not waiting:
            break
        pause = max(0, resting[0].due - time.perf_counter()) if resting else 1
        for key, _ in selector.select(pause):
            client = key.data
            status = client.status()
            if status is None:
                continue
            waiting.discard(client)
            note(client, status)
            if status == 0:
                selector.unregister(client.socket)
            else:
                heapq.heappush(resting, client)
    for client in waiting:
        while client.due < end:
            note(client, 0)
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return {name: {"p50": percentile(times[name], 0.5), "p99": percentile(times[name], 0.99), "count": len(times[name]),
                   "wrong": wrong[name]} for name in times}
