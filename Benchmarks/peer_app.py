"""pico-server-auth by itself, with its stores in files, for uvicorn."""

import os

from fastapi import FastAPI
from pico_boot import init
from pico_ioc import DictSource, configuration

STATE = os.environ["STATE"]
app = init(modules=[], config=configuration(DictSource({
    "fastapi": {"title": "peer", "version": "1"},
    "auth_client": {"enabled": True, "issuer": "http://localhost:8100", "audience": "pico"},
    "server_auth": {
        "fleet_mint_secret": os.environ["SECRET"],
        "mint_audit_path": f"{STATE}/mints.jsonl",
        "revocation_store_path": f"{STATE}/revocations.jsonl",
    },
}))).get(FastAPI)
