"""Asks pico-client-auth and the gate about the same tokens, good and mutated, one by one: they must agree.

Usage: agree.py BASE_URL ISSUER PRIVATE_KEY_PEM VERIFY_PORT
"""

import asyncio
import base64
import hmac
import http.client
import json
import random
import sys
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pico_client_auth.config import AuthClientSettings
from pico_client_auth.errors import AuthClientError
from pico_client_auth.jwks_client import JWKSClient
from pico_client_auth.revocation_cache import RevocationCache
from pico_client_auth.scope import any_scope_matches
from pico_client_auth.token_validator import TokenValidator

base, issuer, pem, verify_port = sys.argv[1:]
url = urllib.parse.urlsplit(base)
key = serialization.load_pem_private_key(open(pem, "rb").read(), None)
other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
settings = AuthClientSettings(issuer=issuer, audience="pico", jwks_endpoint=f"{base}/jwks")
validator = TokenValidator(settings, JWKSClient(settings), RevocationCache(settings))
dice = random.Random(20261121)
KID = "pico-server-auth-1"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header, claims, by=key):
    """A token of any header and claims; claims may be JSON already."""
    text = claims if isinstance(claims, str) else json.dumps(claims)
    head = f"{encode(json.dumps(header).encode())}.{encode(text.encode())}"
    return f"{head}.{encode(by.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def header(**changes):
    return {"alg": "RS256", "typ": "JWT", "kid": KID, **changes}


def claims(**changes):
    now = int(time.time())
    result = {"iss": issuer, "aud": "pico", "sub": f"user-{dice.randrange(10**6)}", "iat": now, "exp": now + 600,
              "jti": f"{dice.getrandbits(128):032x}", "role": dice.choice(["wallet", "operator", "agent"]), **changes}
    return {name: value for name, value in result.items() if value is not ...}


def good():
    now = time.time()
    return sign(header(), claims(**dice.choice([
        {}, {"aud": ["x", "pico"]}, {"aud": ["pico"]}, {"groups": ["a", "b"]}, {"scope": "a b"}, {"sub": "Zoë \U0001f511"},
        {"jti": ...}, {"iat": ...}, {"nbf": int(now) - 5}, {"exp": int(now) + 10**9}, {"role": ...}, {"x": "y" * 5000},
        {"org_id": "o", "email": "e@example.org"}, {"nested": {"a": [1, 2, {"b": None}]}}])))


def bad():
    now = int(time.time())
    kind = dice.randrange(18)
    changes = [{"iss": "https://evil"}, {"iss": ...}, {"aud": "other"}, {"aud": ["x", "y"]}, {"aud": ...}, {"exp": now - 1},
               {"exp": now - 10**6}, {"exp": ...}, {"exp": "soon"}, {"nbf": now + 3600}, {"iat": now + 3600}]
    if kind < len(changes):
        return sign(header(), claims(**changes[kind]))
    if kind == 11:
        return sign(header(kid=dice.choice(["nobody", "", "../x"])), claims())
    if kind == 12:
        return sign(header(), claims(), by=other)
    if kind == 13:
        return sign(header(alg=dice.choice(["RS512", "PS256", "ES256", "none", "HS256"])), claims())
    if kind == 14:
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        head = f"{encode(json.dumps(header(alg='HS256')).encode())}.{encode(json.dumps(claims()).encode())}"
        return f"{head}.{encode(hmac.digest(public, head.encode(), 'sha256'))}"
    token = good()
    if kind == 15:
        return token[:dice.randrange(1, len(token))]
    parts = token.split(".")
    index = dice.randrange(3)
    if kind == 16:
        raw = bytearray(base64.urlsafe_b64decode(parts[index] + "=="))
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        parts[index] = encode(bytes(raw))
    else:
        parts[index] = dice.choice(["", "e30", "!!!!", parts[index] * 2])
    return ".".join(parts)


def stricter():
    """What the gate refuses although the peer, or PyJWT below it, takes it."""
    plain = claims()
    token = sign(header(), plain)
    yield "refresh token", sign(header(), claims(type="refresh"))
    yield "member twice", sign(header(), json.dumps(plain)[:-1] + ', "role": "operator"}')
    yield "key brought along", sign(header(jwk={"kty": "RSA"}), plain)
    yield "padding", token + "="


# `verify` is closed to clients: where a proxy reaches it.
connection = http.client.HTTPConnection(url.hostname, int(verify_port))


def gate(token, query="", agent=None):
    fields = {"Authorization": f"Bearer {token}"}
    if agent:
        fields["X-Agent-Authorization"] = f"Bearer {agent}"
    connection.request("GET", f"{url.path}/verify{query}", headers=fields)
    answer = connection.getresponse()
    answer.read()
    return answer.status


async def peer(token):
    try:
        await validator.validate(token)
        return 204
    except AuthClientError:
        return 401


async def main():
    counts = {204: 0, 401: 0}
    for number in range(500):
        token = good() if number % 2 else bad()
        theirs, ours = await peer(token), gate(token)
        assert theirs == ours, f"peer {theirs}, gate {ours}: {token}"
        counts[ours] += 1
    assert min(counts.values()) > 200, counts
    for name, token in stricter():
        assert gate(token) == 401, name
    service = good()
    names = ["a", "b", "*", "a:*", "a:b", "a:b:*", "a:b:c", "ab", "ab:*", ":*", "a:", "a::b"]
    for granted in names:
        for required in names:
            agent = sign(header(), claims(scopes=[granted]))
            expected = 204 if any_scope_matches([granted], [required]) else 403
            status = gate(service, f"?scope={urllib.parse.quote(required)}", agent)
            assert status == expected, f"{granted} for {required}: {status}"
    print(f"{counts[204]} accepted, {counts[401]} refused, {len(names) ** 2} scopes")


asyncio.run(main())
