"""What happens on the disk until the power goes: clients of every kind, and an administrator."""

import contextlib
import json
import os
import random
import threading
import time

from fastcgi import bearer
from service import Wallet, part
from system import sync_file_system


# How many promises a recording has, at the least.
LEAST = 400


class Workload:
    """Drives a service and notes every promise with the disk's position when its answer had come."""

    def __init__(self, service, position, folder, seed):
        self.service = service
        self.position = position
        self.folder = folder
        self.seed = seed
        self.promises = []
        # From where to where rare things happened.
        self.events = []
        self.lock = threading.Lock()
        self.deadline = 0
        self.failures = []

    def run(self, seconds):
        with self.event():
            self.service.start(workers=2)
        answer = self.service.mint("operator", role="operator", seconds=864000)
        self.operator = self.minted(answer, "session_token")
        self.deadline = time.monotonic() + seconds
        jobs = [self.minter] * 4 + [self.revoker] * 8 + [self.wallet] * 2
        jobs += [self.compactor, self.key_maker, self.syncer, self.rotation_watcher]
        threads = [threading.Thread(target=self.guard, args=item) for item in enumerate(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.service.stop()
        if self.failures:
            raise self.failures[0]
        return self.promises

    def guard(self, number, job):
        try:
            job(number, random.Random(f"{self.seed}.{number}"))
        except Exception as error:
            self.failures.append(error)

    def going(self):
        """Whether there is time left, or too little has happened yet on a slow machine."""
        late = time.monotonic() - self.deadline
        return not self.failures and (late < 0 or (late < 60 and len(self.promises) < LEAST))

    def promise(self, kind, **what):
        position = self.position()
        with self.lock:
            self.promises.append({"position": position, "kind": kind, **what})

    @contextlib.contextmanager
    def event(self):
        begin = self.position()
        yield
        with self.lock:
            self.events.append((begin, self.position()))

    def minted(self, answer, *names, lasts=True):
        """Notes the tokens of an answer, and whether they are good to the end.

        Gives the first one, or None where there are none.
        """
        if answer.status != 200:
            return None
        tokens = [answer.json()[name] for name in names]
        for token in tokens:
            claims = part(token, 1)
            is_bearer = claims.get("type") != "refresh"
            kid = part(token, 0)["kid"]
            self.promise("mint", token=token, jti=claims["jti"], kid=kid, stays_good=lasts and is_bearer)
        return tokens[0]

    # Clients. What isn't answered with 200 was never promised; a worker may be replaced meanwhile.

    def minter(self, number, chance):
        count = 0
        while self.going():
            count += 1
            self.minted(self.service.mint(f"{number}.{count}"), "session_token")
            time.sleep(chance.uniform(0, 0.01))

    def revoker(self, number, chance):
        count = 0
        while self.going():
            count += 1
            # A revocation that wasn't answered may be on the disk all the same.
            token = self.minted(self.service.mint(f"{number}.{count}"), "session_token", lasts=False)
            if token is None:
                continue
            claims = part(token, 1)
            jti = claims["jti"]
            if chance.random() < 0.1:
                # By one record for all that the subject has.
                if self.service.client.post("/revoke", {"sub": claims["sub"]}, **bearer(self.operator)).status == 200:
                    self.promise("end", jti=jti, token=token)
                    self.promise("revocation", jti=jti, token=token)
                continue
            body = {"jti": jti, "reason": "r" * chance.randrange(200)}
            if self.service.client.post("/revoke", body, **bearer(self.operator)).status == 200:
                self.promise("revocation", jti=jti, token=token)
            time.sleep(chance.uniform(0, 0.01))

    def wallet(self, number, chance):
        wallet = Wallet(self.service.binary, f"{self.folder}/wallet-{number}")
        client = self.service.client
        pending = []
        while self.going():
            answer = client.post("/challenge", {"address": wallet.address})
            if answer.status == 200:
                pending.append(answer.json()["challenge"])
            # Some challenges are used at once, others only when they may have reached the disk.
            if pending and chance.random() < 0.8:
                body = json.loads(wallet.sign(pending.pop(chance.randrange(len(pending)))))
                answer = client.post("/sign-in", body)
                if answer.status == 200:
                    self.promise("use", body=body)
                    lasts = chance.random() < 0.5
                    self.minted(answer, "access_token", "refresh_token", lasts=lasts)
                    again = client.post("/sign-in", body)
                    assert again.status != 200, "a used challenge is accepted"
                    refresh = {"refresh_token": answer.json()["refresh_token"]}
                    following = client.post("/refresh", refresh)
                    self.minted(following, "access_token", "refresh_token", lasts=lasts)
                    if not lasts and following.status == 200:
                        self.end(following.json(), chance)
            time.sleep(chance.uniform(0, 0.05))

    def end(self, tokens, chance):
        """Ends a session in one of the ways in which clients and operators do."""
        client = self.service.client
        sid = part(tokens["access_token"], 1)["sid"]
        ended = chance.choice([
            lambda: client.post("/logout", {}, **bearer(tokens["access_token"])),
            lambda: client.post("/revoke", {"sid": sid}, **bearer(self.operator)),
            lambda: client.post("/revoke", {"token": tokens["refresh_token"]}, **bearer(self.operator)),
        ])()
        if ended.status in (200, 204):
            self.promise("end", jti=sid, token=tokens["access_token"], refresh=tokens["refresh_token"])

    # The administrator, and the kernel.

    def compactor(self, _, chance):
        while self.going():
            with self.event():
                self.service.command("store", "compact")
            time.sleep(chance.uniform(0.3, 1))

    def key_maker(self, _, chance):
        while self.going():
            time.sleep(chance.uniform(0.5, 1.5))
            with self.event():
                kid = self.service.command("keys", "generate").strip()
            self.promise("key", kid=kid)
            self.service.reload()

    def syncer(self, _, chance):
        """Stands in for the kernel's writeback, which comes every few seconds."""
        with self.event():
            time.sleep(chance.uniform(0, 0.5))
            sync_file_system(self.service.state)
        while self.going():
            time.sleep(chance.uniform(0.3, 1.5))
            with self.event():
                sync_file_system(self.service.state)

    def rotation_watcher(self, *_):
        path = f"{self.service.state}/mints.jsonl"
        before = None
        while self.going():
            begin = self.position()
            now = os.stat(path).st_ino if os.path.exists(path) else None
            if before and now != before:
                with self.lock:
                    self.events.append((max(0, begin - 20), begin + 100))
            before = now
            time.sleep(0.002)
