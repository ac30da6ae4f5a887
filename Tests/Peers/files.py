"""The file stores of pico-server-auth 0.2.2.

files.py write FOLDER    writes revocations and mints with them
files.py compare FOLDER  loads both files with them and compares with what our routes listed
"""

import json
import sys
import time
from pathlib import Path

from pico_server_auth.mint_audit_store import JsonFileMintAuditStore
from pico_server_auth.revocation_store import JsonFileRevocationStore

mode, folder = sys.argv[1], Path(sys.argv[2])
revocations = JsonFileRevocationStore(folder / "revocations.jsonl")
mints = JsonFileMintAuditStore(folder / "mints.jsonl")

if mode == "write":
    for number in range(50):
        revocations.revoke(f"jti-{number}", reason=f"reason {number}", revoked_by="op")
    revocations.revoke('q"\\uote\n', reason="é😀", revoked_by="ö")
    revocations.revoke("0123456789abcdef0123456789abcdef")
    now = int(time.time())
    for number in range(100):
        mints.append(
            {
                "jti": f"mint-{number}",
                "sub": f"s\u00e9{number}",
                "role": "agent",
                "iat": now,
                "exp": now + 1000 + number,
                "kind": "sign",
                "scope": "a b",
                "agent_id": "a",
                "session_id": f"x{number}",
            }
        )
else:
    ours = json.loads((folder / "revoked.json").read_text())["items"]
    theirs = [{k: v for k, v in item.items() if k != "crc"} for item in revocations.list_all()]
    assert ours == theirs, (ours[:2], theirs[:2])
    ours_mints = json.loads((folder / "mints.json").read_text())["items"]
    for item in ours_mints:
        item.pop("revoked")
    theirs_mints = [
        {k: v for k, v in item.items() if k != "crc"} for item in mints.list_recent(5000)
    ]
    assert ours_mints == theirs_mints, (ours_mints[:2], theirs_mints[:2])
    print(f"{len(ours)} revocations, {len(ours_mints)} mints")
