"""Clients that go on asking, and know what each of their requests was answered."""

import base64
import http.client
import json
import secrets
import threading
import time

from harness import JSON, SECRET

BASE = "/api/v1/auth"
# Who has no answer after so long gets none. Seconds.
TIMEOUT = 30
LOGIN = {"email": "ops@example.org", "password": "correct horse"}


def token_id(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class Clients:
    """Threads, each with a kept connection, and what was promised to them."""

    def __init__(self, port, operator):
        self.port, self.operator = port, operator
        self.ended = threading.Event()
        self.threads = []
        self.lock = threading.Lock()
        self.minted, self.revoked, self.refused = set(), set(), 0
        # Requests that got no answer, or one that they should not get.
        self.broken = []

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)

    def start(self, count, request, pause=0.0, times=None):
        """Has so many clients make a request again and again, until they are stopped or so many times each."""
        def run():
            connection = self.connection()
            done = 0
            while not self.ended.is_set() and done != times:
                request(connection)
                done += 1
                if pause:
                    time.sleep(pause)
            connection.close()

        for _ in range(count):
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            self.threads.append(thread)

    def stop(self):
        """Waits until each client has its last answer."""
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def ask(self, connection, path, body, headers, expected=200):
        """What a request was answered; None for whatever isn't what was expected."""
        try:
            connection.request("POST", BASE + path, json.dumps(body), {**JSON, **headers})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            with self.lock:
                self.broken.append(f"{path}: {error!r}")
            return None
        if answer.status == expected:
            return json.loads(text)
        with self.lock:
            if answer.status == 503 and answer.headers["Retry-After"]:
                self.refused += 1
            else:
                self.broken.append(f"{path}: {answer.status}")
        return None

    def mint(self, connection):
        answer = self.ask(connection, "/fleet/sessions", {"session_id": "s", "agent_id": "a"},
                          {"X-Fleet-Secret": SECRET})
        if answer:
            with self.lock:
                self.minted.add(token_id(answer["session_token"]))

    def revoke(self, connection):
        answer = self.ask(connection, "/revoke", {"jti": secrets.token_hex(16)},
                          bearer(self.operator))
        if answer:
            with self.lock:
                self.revoked.add(answer["revoked"]["jti"])

    def mint_and_revoke(self, connection):
        self.mint(connection)
        self.revoke(connection)

    def log_in(self, connection):
        answer = self.ask(connection, "/login", LOGIN, {})
        if answer:
            with self.lock:
                self.minted |= {token_id(answer["access_token"]), token_id(answer["refresh_token"])}

    def be_refused(self, connection):
        # Not with a wrong fleet secret: too many of these slow the right one down too.
        self.ask(connection, "/refresh", {"refresh_token": "wrong"}, {}, expected=401)

    def lost(self):
        """What was promised and isn't there, and what was not answered as it should be."""
        connection = self.connection()

        def get(path):
            connection.request("GET", BASE + path, headers=bearer(self.operator))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{path}: answered {answer.status}")
            return json.loads(text)

        minted, cursor = set(self.minted), ""
        while minted and cursor is not None:
            page = get("/mints?limit=1000" + (f"&before={cursor}" if cursor else ""))
            minted -= {mint["jti"] for mint in page["items"]}
            cursor = page.get("cursor")
        revoked = self.revoked - {item["jti"] for item in get("/revoked-jtis")["items"]}
        return [*(f"mint {token}" for token in minted), *(f"revocation {token}" for token in revoked), *self.broken]
