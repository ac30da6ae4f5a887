"""A file of mints that is nearly as large as it gets before it is rotated."""

import json
import os
import time

ROTATION_SIZE = 64 << 20
# What the workload mints before the rotation. Bytes.
ROOM = 30_000


def prefill_mints(state):
    os.makedirs(state, mode=0o700, exist_ok=True)
    issued = int(time.time()) - 86400
    # Long records: fewer of them to read.
    mint = {
        "jti": "", "sub": "s", "role": "agent", "iat": issued, "exp": issued + 100 * 86400, "kind": "sign",
        "scope": "x" * 8000, "agent_id": "a", "session_id": "s",
    }  # fmt: skip
    path = f"{state}/mints.jsonl"
    with open(path, "w") as file:
        size = number = 0
        while size < ROTATION_SIZE - ROOM:
            number += 1
            mint["jti"] = f"before-{number}"
            size += file.write(json.dumps(mint) + "\n")
    os.chmod(path, 0o600)
