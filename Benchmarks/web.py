"""Requests a second and latency, beside a C responder and nginx by itself."""

import urllib.request

from harness import ratios, wrk
from stack import FastCGIStack, StaticStack, pico_auth, responder


def web(report):
    for keep, kind in ((False, "new connections"), (True, "kept connections")):
        with FastCGIStack(pico_auth, keep) as ours, FastCGIStack(responder, keep) as limit:
            def both(path, clients, key, script=None):
                return ratios(lambda: wrk(ours, path, clients, script), lambda: wrk(limit, path, clients, script), key)

            report.add(f"JWKS, 16 clients, {kind}: requests/s", both("/jwks", 16, "rate"), at_least=1)
            if keep:
                report.add(f"JWKS, 64 clients, {kind}: p99", both("/jwks", 64, "p99"), at_most=0.1)
            report.add(f"challenge, 16 clients, {kind}: requests/s", both("/challenge", 16, "rate", "challenge.lua"),
                       at_least=0.75)
    with FastCGIStack(pico_auth, cached=True) as ours:
        with urllib.request.urlopen(ours.url + "/jwks") as answer:
            limit = StaticStack(answer)
        with limit:
            report.add("JWKS from nginx's cache, 16 clients: requests/s",
                       ratios(lambda: wrk(ours, "/jwks", 16), lambda: wrk(limit, "", 16), "rate"),
                       "ours / nginx by itself", at_least=0.8)
