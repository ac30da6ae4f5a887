"""Signs in as people's wallets do: eth-account makes EIP-4361 signatures, PyNaCl makes those of SIWS.

Usage: wallets.py BASE_URL

Prints an access token of each wallet as a JSON list. Exits with a traceback if an answer isn't as expected.
"""

import json
import sys
import urllib.error
import urllib.request

import nacl.signing
from eth_account import Account
from eth_account.messages import encode_defunct

base = sys.argv[1]
ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
tokens = {}


def post(path, body):
    """The status and the members of the answer."""
    request = urllib.request.Request(
        f"{base}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def base58(data):
    number, text = int.from_bytes(data, "big"), b""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit:digit + 1] + text
    return (b"1" * (len(data) - len(data.lstrip(b"\0"))) + text).decode()


def challenge(address, algorithm):
    status, answer = post("challenge", {"address": address, "algorithm": algorithm})
    assert status == 200, answer
    return answer


def sign_in(address, algorithm, answer, signature, **members):
    body = {
        "address": address, "algorithm": algorithm, "challenge": answer["challenge"], "message": answer["message"],
        "signature": signature.hex(), **members,
    }
    return post("sign-in", body)


def accepted(result, subject):
    status, answer = result
    assert status == 200, answer
    assert answer["address"] == subject, answer
    tokens[subject] = answer["access_token"]


def refused(result, status, detail):
    assert (result[0], result[1]["detail"]) == (status, detail), result


def ethereum():
    account = Account.create()

    def attempt(change, address=account.address):
        answer = challenge(address, "EIP-4361")
        signed = account.sign_message(encode_defunct(text=answer["message"]))
        return sign_in(address, "EIP-4361", answer, change(bytes(signed.signature)))

    # The forms of v: 27 and 28, as eth-account has them, and 0 and 1, as Ledger has. Both of each occur.
    seen = set()
    while len(seen) < 4:
        for offset in (0, 27):
            def change(signature, offset=offset):
                v = signature[64] - offset
                seen.add(v)
                return signature[:64] + bytes([v])
            accepted(attempt(change), account.address)
    accepted(attempt(bytes, account.address.lower()), account.address)
    refused(attempt(lambda s: s[:64] + bytes([s[64] + 2])), 401,
            "signature has a recovery byte other than 0, 1, 27 and 28")

    def high(signature):
        s = ORDER - int.from_bytes(signature[32:64], "big")
        return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])

    refused(attempt(high), 401, "signature has a high s")
    refused(attempt(lambda s: s[:64]), 400, "contract wallets are not supported")
    refused(attempt(lambda s: s, Account.create().address), 401, "signature verification failed")


def solana():
    key = nacl.signing.SigningKey.generate()
    other = nacl.signing.SigningKey.generate()
    raw, address = bytes(key.verify_key), base58(bytes(key.verify_key))
    start = b"\xffsolana offchain"

    def length(text):
        return len(text).to_bytes(2, "little")

    def attempt(envelope, says, signer=key):
        answer = challenge(address, "SIWS")
        signed = envelope(answer["message"].encode())
        members = {"signed_message": signed.hex()} if says else {}
        return sign_in(address, "SIWS", answer, signer.sign(signed).signature, **members)

    def version0(signers, lie=0):
        return lambda text: (
            start + b"\0" + b"d" * 32 + b"\1" + bytes([len(signers)]) + b"".join(signers)
            + (len(text) + lie).to_bytes(2, "little") + text
        )

    def version1(*signers):
        return lambda text: start + b"\1" + bytes([len(signers)]) + b"".join(signers) + text

    either = [
        lambda text: text,
        version1(raw),
        lambda text: start + b"\1\1" + raw + length(text) + text,
        lambda text: start + b"\0\0" + length(text) + text,
        lambda text: start + b"\0\1" + length(text) + text,
    ]
    for envelope in either:
        accepted(attempt(envelope, says=False), address)
    for envelope in either[:2] + either[3:] + [version0([raw])]:
        accepted(attempt(envelope, says=True), address)

    second = bytes(other.verify_key)
    signers = "signed_message has other signers than address"
    refused(attempt(version1(second), True), 401, signers)
    refused(attempt(version1(*sorted([raw, second])), True), 401, signers)
    refused(attempt(version0([raw, second]), True), 401, signers)
    refused(attempt(version0([raw], lie=1), True), 401, "signed_message is malformed: wrong length")
    refused(attempt(lambda text: start + b"\0\0" + length(text + b"\xc3\xa9") + text + b"\xc3\xa9", True), 401,
            "signed_message is malformed: text not ASCII")
    for says in (False, True):
        refused(attempt(lambda text: text, says, signer=other), 401, "signature verification failed")


ethereum()
solana()
print(json.dumps(list(tokens.values())))
