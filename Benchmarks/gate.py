"""What it costs a web server to ask the gate."""

from functools import partial

from harness import ROUNDS, openssl_speed, ratios, wrk
from stack import FastCGIStack, pico_auth, responder_204

# More than a worker remembers, so that in turn none of them is known.
MANY = 12000
OPERATOR = {"auto_create_admin": "true", "admin_email": "ops@example.org", "admin_password": "correct horse"}


def gate(report):
    with FastCGIStack(pico_auth) as ours:
        ours.mint(1)
        for keep, kind in ((False, "new connections"), (True, "kept connections")):
            with FastCGIStack(pico_auth, keep) as known, FastCGIStack(responder_204, keep) as limit:
                known.mint(1)
                (limit.path / "tokens").write_text((known.path / "tokens").read_text())
                found = ratios(lambda: wrk(known, "/verify", 16, "bearer.lua"),
                               lambda: wrk(limit, "/verify", 16, "bearer.lua"), "rate")
                report.add(f"verify, a token known, 16 clients, {kind}: requests/s", found, at_least=0.9)
        ours.mint(MANY)
        found = []
        for _ in range(ROUNDS):
            _, rsa_verify = openssl_speed("rsa2048")
            found.append(wrk(ours, "/verify", 16, "bearer.lua")["cpu"] / rsa_verify)
        report.add("verify, a token not known: worker CPU", found, "ours / RSA check", at_most=1.3)
    with FastCGIStack(partial(pico_auth, **OPERATOR, cookie_name="pico")) as ours:
        ours.mint(1)
        ours.log_in_with_cookie({"email": OPERATOR["admin_email"], "password": OPERATOR["admin_password"]})
        report.add("verify, a session's cookie: worker CPU",
                   ratios(lambda: wrk(ours, "/verify", 16, "cookie.lua"),
                          lambda: wrk(ours, "/verify", 16, "bearer.lua"), "cpu"),
                   "cookie / token known", at_most=1.2)
