"""pico-auth as an administrator runs it: its configuration, its commands, and `serve`."""

import base64
import json
import os
import signal
import subprocess
import time

from fastcgi import Client
from system import run

SECRET = "0123456789-fleet-secret"
START_SECONDS = 30


class RefusedStart(Exception):
    """`serve` ended, or didn't answer; the text is its log."""


class Service:
    def __init__(self, binary, state, folder, challenge_seconds=3600):
        """`folder` holds what isn't to be on the disk that loses power: socket, configuration, log."""
        self.binary = binary
        self.state = state
        self.socket = f"{folder}/pico-auth.sock"
        self.config = f"{folder}/config.yaml"
        self.log_path = f"{folder}/pico-auth.log"
        self.client = Client(self.socket)
        self.process = None
        with open(self.config, "w") as file:
            file.write(
                f"server_auth:\n  state_dir: {state}\n  fleet_mint_secret: {SECRET}\n"
                "  fleet_allowed_roles: [agent, operator, service]\n  state_reserve_bytes: 0\n"
                f"  challenge_ttl_seconds: {challenge_seconds}\n"
            )
        os.chmod(self.config, 0o600)

    def command(self, *arguments):
        return run(self.binary, *arguments, "--config", self.config)

    def start(self, workers):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--listen", f"unix:{self.socket}", "--workers", str(workers),
                 "--threads", "4", "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RefusedStart(self.log())
            time.sleep(0.005)

    def _answers(self):
        try:
            return self.client.get("/jwks").status == 200
        except OSError:
            return False

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """Ends it as a power cut does: at once, workers too."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def mint(self, session, role="agent", seconds=86400):
        """Asks for the token of a fleet session."""
        body = {"session_id": session, "agent_id": "a", "role": role, "ttl": seconds}
        return self.client.post("/fleet/sessions", body, HTTP_X_FLEET_SECRET=SECRET)


class Wallet:
    """A key that signs challenges, by `pico-auth wallet`."""

    def __init__(self, binary, file):
        self.binary = binary
        self.file = file
        run(binary, "wallet", "new", "--algorithm", "Ed25519", file)
        # What it signs is no matter here: the address stands in the body.
        self.address = json.loads(self.sign("00" * 32))["address"]

    def sign(self, challenge):
        """The body for POST /sign-in, as JSON text."""
        return run(self.binary, "wallet", "sign", self.file, challenge)


def part(token, index):
    """The header (0) or the claims (1) of a token, its signature not looked at."""
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
