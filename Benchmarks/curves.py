"""How throughput and latency change with the number of connections: data for the plots."""

import json

from harness import RESULTS, SECONDS, wrk
from plot import plot
from stack import FastCGIStack, PeerStack, pico_auth, responder

CLIENTS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
ROUTES = {"jwks": ("/jwks", None), "fleet": ("/fleet/sessions", "mint.lua")}


def curves(_):
    found = []
    with FastCGIStack(pico_auth) as ours, FastCGIStack(responder) as limit, PeerStack() as theirs:
        for route, (path, script) in ROUTES.items():
            stacks = {"pico-auth": ours, "pico-server-auth": theirs}
            if route == "jwks":
                stacks["C responder"] = limit
            for clients in CLIENTS:
                for name, stack in stacks.items():
                    figures = wrk(stack, path, clients, script, seconds=max(SECONDS, 4))
                    # Too few to tell a percentile.
                    if figures["requests"] < 50 or figures["p50"] == 0:
                        continue
                    found.append({"route": route, "name": name, "clients": clients,
                                  **{key: figures[key] for key in ("rate", "p50", "p99")}})
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "curves.json").write_text(json.dumps(found, indent=1) + "\n")
    plot()
