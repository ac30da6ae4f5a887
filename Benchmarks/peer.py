"""Requests a second beside pico-server-auth."""

from harness import ratios, wrk
from stack import FastCGIStack, PeerStack, pico_auth


def peer(report):
    with FastCGIStack(pico_auth) as ours, PeerStack() as theirs:
        for name, path, script, target in (
                ("fleet session", "/fleet/sessions", "mint.lua", 100),
                ("JWKS", "/jwks", None, 15),
                ("challenge", "/challenge", "challenge.lua", 15)):
            found = ratios(lambda: wrk(ours, path, 16, script), lambda: wrk(theirs, path, 16, script), "rate")
            report.add(f"{name}, 16 clients: requests/s", found, "ours / pico-server-auth", at_least=target)
