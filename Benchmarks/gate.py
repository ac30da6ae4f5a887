"""What it costs a web server to ask the gate."""

import http.client
import json
from pathlib import Path

from harness import ROUNDS, SECRET, Stack, openssl_speed, pico_auth, responder_204, wrk

# More than a worker remembers, so that in turn none of them is known.
MANY = 12000


def mint(stack, count):
    """Tokens, written where wrk finds them."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port)
    tokens = []
    for number in range(count):
        connection.request(
            "POST", "/api/v1/auth/fleet/sessions", json.dumps({"session_id": f"s{number}", "agent_id": "a"}),
            {"Content-Type": "application/json", "X-Fleet-Secret": SECRET})
        tokens.append(json.loads(connection.getresponse().read())["session_token"])
    (Path(stack.folder.name) / "tokens").write_text("\n".join(tokens) + "\n")


def gate(report):
    ours, limit = Stack("pico-auth", pico_auth, True), Stack("responder", responder_204, True)
    try:
        mint(ours, 1)
        (Path(limit.folder.name) / "tokens").write_text((Path(ours.folder.name) / "tokens").read_text())
        for clients in (16, 64):
            ratios = []
            for _ in range(ROUNDS):
                mine = wrk(ours, "/verify", clients, "gate.lua")["rate"]
                ratios.append(mine / wrk(limit, "/verify", clients, "gate.lua")["rate"])
            report.add(f"verify, a token known, {clients} clients, kept connections: requests/s", ratios)
        mint(ours, MANY)
        ratios = []
        for _ in range(ROUNDS):
            _, rsa_verify = openssl_speed("rsa2048")
            ratios.append(wrk(ours, "/verify", 16, "gate.lua")["cpu"] / rsa_verify)
        report.add("verify, a token not known: worker CPU", ratios, "ours / raw RSA check")
    finally:
        ours.stop()
        limit.stop()
