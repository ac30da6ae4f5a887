"""pico-client-auth polls the list of revoked tokens: it refuses them at its next poll, and no others.

Usage: revocation.py BASE_URL ISSUER jti|sub, by which the tokens are revoked
"""

import asyncio
import json
import sys
import urllib.request

import jwt
from pico_client_auth.config import AuthClientSettings
from pico_client_auth.errors import AuthClientError
from pico_client_auth.jwks_client import JWKSClient
from pico_client_auth.revocation_cache import RevocationCache
from pico_client_auth.token_validator import TokenValidator

base, issuer, way = sys.argv[1:]


def post(path, body, **fields):
    headers = {"Content-Type": "application/json", **fields}
    with urllib.request.urlopen(urllib.request.Request(f"{base}/{path}", json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


def token(subject, role="agent"):
    return post("fleet/sessions", {"session_id": subject, "agent_id": "a", "role": role},
                **{"X-Fleet-Secret": "0123456789-fleet-secret"})["session_token"]


def token_id(token):
    return jwt.decode(token, options={"verify_signature": False})["jti"]


async def passes(validator, token):
    try:
        await validator.validate(token)
    except AuthClientError as error:
        assert token_id(token) in str(error) or "revoked" in str(error).lower(), error
        return False
    return True


async def main():
    operator = {"Authorization": f"Bearer {token('op', 'operator')}"}
    settings = AuthClientSettings(
        issuer=issuer, audience="pico", jwks_endpoint=f"{base}/jwks", revocation_endpoint=f"{base}/revoked-jtis",
        revocation_bearer=token("validator", "service"))
    cache = RevocationCache(settings)
    validator = TokenValidator(settings, JWKSClient(settings), cache)
    theirs, others = [token("lost") for _ in range(20)], [token("kept") for _ in range(2)]
    for each in theirs + others:
        assert await passes(validator, each)

    if way == "sub":
        revoked = post("revoke", {"sub": "lost", "reason": "lost"}, **operator)["revoked"]
        assert (revoked["sub"], revoked["tokens"]) == ("lost", len(theirs)), revoked
    else:
        for each in theirs:
            revoked = post("revoke", {"jti": token_id(each), "reason": "lost"}, **operator)["revoked"]
            assert revoked["jti"] == token_id(each), revoked
    await cache.force_refresh()
    for each in theirs:
        assert not await passes(validator, each)
    for each in others:
        assert await passes(validator, each)


asyncio.run(main())
