"""Validates access tokens with pico-client-auth over HTTP and with PyJWT, and a flipped bit of each with both.

Usage: validate.py BASE_URL ISSUER <tokens as a JSON list
"""

import asyncio
import json
import sys
import urllib.request

import jwt
from pico_client_auth.config import AuthClientSettings
from pico_client_auth.errors import TokenInvalidError
from pico_client_auth.jwks_client import JWKSClient
from pico_client_auth.revocation_cache import RevocationCache
from pico_client_auth.token_validator import TokenValidator

base, issuer = sys.argv[1:]
settings = AuthClientSettings(issuer=issuer, audience="pico", jwks_endpoint=f"{base}/jwks")
validator = TokenValidator(settings, JWKSClient(settings), RevocationCache(settings))

with urllib.request.urlopen(f"{base}/jwks") as answer:
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(json.load(answer)).keys}


def flipped(token):
    """The token with one bit of its signature turned."""
    head, signature = token.rsplit(".", 1)
    raw = bytearray(jwt.utils.base64url_decode(signature))
    raw[len(raw) // 2] ^= 1
    return f"{head}.{jwt.utils.base64url_encode(bytes(raw)).decode()}"


async def main():
    for token in json.load(sys.stdin):
        claims, raw = await validator.validate(token)
        decoded = jwt.decode(
            token,
            keys[jwt.get_unverified_header(token)["kid"]],
            algorithms=["RS256"],
            audience="pico",
            issuer=issuer,
            options={"require": ["exp", "iat", "sub", "jti", "iss", "aud"]},
        )
        assert decoded == raw
        try:
            await validator.validate(flipped(token))
        except TokenInvalidError:
            pass
        else:
            raise AssertionError("a flipped bit was accepted")
        print(claims.role, claims.sub[:16])


asyncio.run(main())
