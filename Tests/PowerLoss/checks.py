"""Restarts pico-auth on what a power loss left, and holds it to everything it had promised."""

import json
import subprocess

from fastcgi import bearer
from service import RefusedStart

# How many tokens of a kind are presented; all of them are looked up in the lists.
PRESENTED = 25


def named(promise):
    """A promise of a token, as failures name it."""
    return f"{promise['jti']}, answered at {promise['position']}"


class Checks:
    """Failures are (kind, text): the kind is what they are counted by."""

    def __init__(self, service, promises, wallet):
        self.service = service
        self.client = service.client
        self.wallet = wallet
        self.failures = []
        self.of_kind = {kind: [] for kind in ("mint", "revocation", "use", "key", "end")}
        for promise in promises:
            self.of_kind[promise["kind"]].append(promise)

    def fail(self, kind, text):
        self.failures.append((kind, text))

    def unavailable(self, what, answer):
        self.fail("doesn't go on", f"{what}: {answer.status} {answer.body!r}\n{self.service.log()[-1000:]}")

    def run(self):
        try:
            self.service.start(workers=1)
        except RefusedStart as error:
            return [("start refused", str(error).strip()[-2000:])]
        try:
            operator = self.operator()
            if operator:
                self.revocations(operator)
                self.mints(operator)
            self.keys()
            self.tokens()
            self.ended_sessions()
            self.used_challenges()
            self.goes_on(operator)
            self.store_verify()
        except OSError as error:
            self.fail("no answer", f"{error!r}\n{self.service.log()[-2000:]}")
        finally:
            self.service.kill()
        return self.failures

    def operator(self):
        answer = self.service.mint("operator-after", role="operator")
        if answer.status == 200:
            return answer.json()["session_token"]
        self.unavailable("mint", answer)
        return None

    def revocations(self, operator):
        answer = self.client.get("/revoked-jtis", **bearer(operator))
        if answer.status != 200:
            return self.fail("revocation lost", f"/revoked-jtis: {answer.status} {answer.body!r}")
        listed = {item["jti"] for item in answer.json()["items"]}
        for promise in self.of_kind["revocation"]:
            if promise["jti"] not in listed:
                self.fail("revocation lost", f"{named(promise)}, is not listed")
        for promise in self.of_kind["revocation"][-PRESENTED:]:
            status = self.client.get("/verify", **bearer(promise["token"])).status
            if status != 401:
                self.fail("revocation lost", f"{named(promise)}: verify {status}")

    def mints(self, operator):
        listed = set()
        cursor = ""
        while cursor is not None:
            page = self.client.get(f"/mints?limit=1000{cursor}", **bearer(operator))
            if page.status != 200:
                return self.fail("mint lost", f"/mints: {page.status} {page.body!r}")
            content = page.json()
            listed.update(item["jti"] for item in content["items"])
            # Behind the workload's mints there are only those from before.
            is_over = any(item["jti"].startswith("before-") for item in content["items"])
            cursor = f"&before={content['cursor']}" if content.get("cursor") and not is_over else None
        for promise in self.of_kind["mint"]:
            if promise["jti"] not in listed:
                self.fail("mint lost", named(promise))

    def keys(self):
        published = {key["kid"] for key in self.client.get("/jwks").json()["keys"]}
        for promise in self.of_kind["mint"] + self.of_kind["key"]:
            if promise["kid"] not in published:
                return self.fail("key lost", f"{promise['kid']}, answered at {promise['position']}")

    def tokens(self):
        good = [promise for promise in self.of_kind["mint"] if promise["stays_good"]]
        for promise in good[-PRESENTED:] + good[:1]:
            status = self.client.get("/verify", **bearer(promise["token"])).status
            if status not in (200, 204):
                self.fail("token refused", f"{named(promise)}: verify {status}")

    def ended_sessions(self):
        for promise in self.of_kind["end"][-PRESENTED:]:
            status = self.client.get("/verify", **bearer(promise["token"])).status
            if status != 401:
                self.fail("ended session lives", f"{named(promise)}: verify {status}")
            if "refresh" in promise:
                answer = self.client.post("/refresh", {"refresh_token": promise["refresh"]})
                if answer.status != 401:
                    self.fail("ended session lives", f"{named(promise)}: refresh {answer.status}")

    def used_challenges(self):
        for promise in self.of_kind["use"]:
            answer = self.client.post("/sign-in", promise["body"])
            if answer.status == 200:
                challenge = promise["body"]["challenge"]
                self.fail("used challenge accepted", f"{challenge}, used at {promise['position']}")
            elif answer.status != 401:
                return self.unavailable("sign-in", answer)

    def goes_on(self, operator):
        """The service takes challenges, sign-ins, revocations."""
        answer = self.client.post("/challenge", {"address": self.wallet.address})
        if answer.status != 200:
            return self.unavailable("challenge", answer)
        body = json.loads(self.wallet.sign(answer.json()["challenge"]))
        for status in (200, 401):
            answer = self.client.post("/sign-in", body)
            if answer.status != status:
                self.unavailable("sign-in", answer)
        answer = self.client.post("/revoke", {"jti": "after"}, **bearer(operator or ""))
        if operator and answer.status != 200:
            self.unavailable("revoke", answer)

    def store_verify(self):
        command = [self.service.binary, "store", "verify", "--config", self.service.config]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            self.fail("store verify complains", f"{result.returncode}: {result.stdout[-1500:]}")
