"""How long requests take whose clients pause between them, so that an answer that is late counts for what it is.

A client that asks again at once asks most where answers come fast: its percentiles hardly show that all of them
stopped for a while. These pause after each answer, and wait for the last ones.
"""

import heapq
import math
import random
import selectors
import socket
import time
from dataclasses import dataclass

CLIENTS = 8
# The mean time between an answer and the next request on the same connection. Seconds.
PAUSE = 0.025
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

    def __init__(self, port, load, turns):
        self.load, self.turns = load, turns
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.begin = None

    def send(self):
        token = next(self.turns)
        field = f"Authorization: Bearer {token}\r\n" if token else ""
        self.received = b""
        self.begin = time.perf_counter()
        self.socket.sendall(f"GET {self.load.path} HTTP/1.1\r\nHost: localhost\r\n{field}\r\n".encode())

    def status(self):
        """The status of the answer, once all of it is there; 0 where the connection ended before."""
        bytes_ = self.socket.recv(65536)
        self.received += bytes_
        if not bytes_:
            return 0
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        size = 0
        for field in head.lower().split(b"\r\n"):
            if field.startswith(b"content-length:"):
                size = int(field[15:])
        if b"transfer-encoding: chunked" in head.lower():
            return int(head[9:12]) if body.endswith(b"0\r\n\r\n") else None
        return int(head[9:12]) if len(body) >= size else None


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
    due = []
    start = time.perf_counter()
    for load in loads:
        shared = turns(load)
        for number in range(CLIENTS):
            client = Client(port, load, shared)
            selector.register(client.socket, selectors.EVENT_READ, client)
            heapq.heappush(due, (start + random.uniform(0, 2 * PAUSE), id(client), client))
    waiting = set()
    end = start + seconds
    while True:
        now = time.perf_counter()
        while due and due[0][0] <= now and now < end:
            _, _, client = heapq.heappop(due)
            client.send()
            waiting.add(client)
        if now >= end and (not waiting or now >= end + TIMEOUT):
            break
        for key, _ in selector.select(max(0, min(due[0][0], end) - now) if due and now < end else 1):
            client = key.data
            status = client.status()
            if status is None:
                continue
            now = time.perf_counter()
            waiting.discard(client)
            times[client.load.name].append(1000 * (now - client.begin))
            if status != client.load.status:
                wrong[client.load.name] += 1
            if status == 0:
                selector.unregister(client.socket)
                client.socket.close()
            else:
                heapq.heappush(due, (now + random.uniform(0, 2 * PAUSE), id(client), client))
    for client in waiting:
        times[client.load.name].append(1000 * (time.perf_counter() - client.begin))
        wrong[client.load.name] += 1
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return {name: {"p50": percentile(times[name], 0.5), "p99": percentile(times[name], 0.99), "count": len(times[name]),
                   "wrong": wrong[name]} for name in times}
