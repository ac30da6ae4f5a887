"""Refresh tokens as programs for pico-server-auth expect them: RS256, readable by the key set, exchanged again and again.

Usage: refresh.py BASE_URL ISSUER PRIVATE_KEY_PEM
"""

import json
import sys
import time
import urllib.error
import urllib.request
import uuid

import jwt

base, issuer, pem = sys.argv[1:]
LOGIN = {"email": "ops@example.org", "password": "correct horse"}

with open(pem, "rb") as file:
    private = file.read()
with urllib.request.urlopen(f"{base}/jwks") as answer:
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(json.load(answer)).keys}


def post(path, body):
    """Status and body of the answer."""
    request = urllib.request.Request(
        f"{base}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def refresh(token):
    return post("refresh", {"refresh_token": token})


def claims(token):
    return jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], algorithms=["RS256"], audience="pico",
                      issuer=issuer, options={"require": ["exp", "iat", "sub", "jti", "iss", "aud"]})


def signed(**changes):
    """A refresh token as pico-server-auth makes them, without a session. A change to None leaves the claim out."""
    now = int(time.time())
    values = {"sub": "someone", "iss": issuer, "aud": "pico", "iat": now, "exp": now + 600, "type": "refresh",
              "role": "user", "jti": uuid.uuid4().hex, **changes}
    return jwt.encode({name: value for name, value in values.items() if value is not None}, private,
                      algorithm="RS256", headers={"kid": next(iter(keys))})


def expect(answer, status, detail):
    assert answer[0] == status and detail in answer[1].get("detail", ""), answer


def successive():
    status, tokens = post("login", LOGIN)
    assert status == 200, tokens
    first, seen = claims(tokens["refresh_token"]), set()
    for _ in range(3):
        status, answer = refresh(tokens["refresh_token"])
        assert status == 200 and answer["token_type"] == "Bearer" and answer["expires_in"] == 900, answer
        assert answer["refresh_token"] != tokens["refresh_token"]
        # A client that lost the answer asks again, and gets the same tokens.
        status, again = refresh(tokens["refresh_token"])
        assert status == 200, again
        for name in ("access_token", "refresh_token"):
            assert claims(again[name]) == claims(answer[name]), (again, answer)
        access, successor = claims(answer["access_token"]), claims(answer["refresh_token"])
        assert successor["type"] == "refresh" and "type" not in access, (successor, access)
        assert access["sid"] == successor["sid"] == first["sid"], (access, successor)
        for name in ("sub", "role"):
            assert access[name] == successor[name] == first[name], name
        seen |= {access["jti"], successor["jti"]}
        tokens = answer
    assert len(seen) == 6, seen
    return tokens


def main():
    tokens = successive()
    expect(post("refresh", {}), 400, "refresh_token required")
    expect(refresh("not.a.jwt"), 401, "refresh invalid: ")
    expect(refresh(tokens["access_token"]), 401, "refresh invalid: not a refresh token")
    now = int(time.time())
    expect(refresh(signed(iat=now - 120, exp=now - 60)), 401, "refresh expired")
    expect(refresh(signed(sub=None)), 401, "missing sub")
    expect(refresh(signed(aud="others")), 401, "refresh invalid: ")
    expect(refresh(signed(type="access")), 401, "refresh invalid: not a refresh token")
    # One from pico-server-auth, which knows no sessions, works once. The answer's are exchanged like any other.
    foreign = signed()
    status, answer = refresh(foreign)
    assert status == 200 and claims(answer["access_token"])["role"] == "user", answer
    assert claims(answer["refresh_token"])["sid"]
    status, again = refresh(foreign)
    assert status == 401 or claims(again["refresh_token"]) == claims(answer["refresh_token"]), again
    status, answer = refresh(answer["refresh_token"])
    assert status == 200, answer
    # The first token of the session is two exchanges old, so no grace covers it: the session ends.
    expect(refresh(foreign), 401, "refresh invalid: reused")
    expect(refresh(answer["refresh_token"]), 401, "refresh invalid: ")


main()
