"""Writes the vector files of this folder from the JSON files of project Wycheproof.

    python3 Tests/Vectors/convert.py FOLDER

FOLDER is `testvectors_v1` of a checkout of C2SP/wycheproof. README.md describes what is written.
"""

import base64
import json
import pathlib
import sys

SOURCE = "Wycheproof (github.com/C2SP/wycheproof, Apache-2.0), testvectors_v1 at dac1dd47"
SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def text(value):
    """Bytes as one column."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode() or "."


def hexadecimal(value):
    return text(bytes.fromhex(value))


def signature_kind(case, is_high=lambda signature: False):
    """What a program must make of a signature: `valid` is accepted, all else is refused."""
    if case["result"] != "valid":
        return case["result"]
    if case.get("ctx"):
        return "context"
    return "high-s" if is_high(bytes.fromhex(case["sig"])) else "valid"


def is_high(s):
    return int.from_bytes(s, "big") > SECP256K1_ORDER // 2


def der_s(signature):
    """The second number of a valid DER signature, whose lengths are all below 128."""
    return signature[4 + signature[3] + 2:]


def signed(name, key, is_high=lambda signature: False):
    """The lines of a file of signatures: message and signature."""
    for group in read(name)["testGroups"]:
        yield ["key", hexadecimal(key(group))]
        for case in group["tests"]:
            yield [case["tcId"], signature_kind(case, is_high), hexadecimal(case["msg"]), hexadecimal(case["sig"])]


def rsa(name):
    for group in read(name)["testGroups"]:
        yield ["key", group["keyJwk"]["n"], group["keyJwk"]["e"]]
        for case in group["tests"]:
            yield [case["tcId"], signature_kind(case), hexadecimal(case["msg"]), hexadecimal(case["sig"])]


def tokens(name):
    """The groups whose key is an RSA key for signatures: a verifier of RS256 has no other."""
    for group in read(name)["testGroups"]:
        key = group.get("public") or group["private"]
        if key["kty"] != "RSA" or "alg" not in key:
            continue
        yield ["key", key["kid"], key["n"], key["e"]]
        for case in group["tests"]:
            # Signed with RS256 by a key that its JWK keeps for PS512. This program's keys are for RS256 alone.
            if case["tcId"] == 332:
                continue
            token = case["jws"]
            assert token != "." and token.isascii() and not any(letter.isspace() for letter in token)
            kind = case["result"]
            if kind == "valid" and key["alg"] != "RS256":
                kind = "algorithm"
            yield [case["tcId"], kind, token or "."]


def read(name):
    return json.loads((pathlib.Path(sys.argv[1]) / name).read_text())


FILES = {
    "ed25519": ("ed25519_test.json", lambda name: signed(name, lambda group: group["publicKey"]["pk"])),
    "ml-dsa-65": ("mldsa_65_verify_test.json", lambda name: signed(name, lambda group: group["publicKey"])),
    "secp256k1-der": (
        "ecdsa_secp256k1_sha256_test.json",
        lambda name: signed(name, lambda group: group["publicKey"]["uncompressed"], lambda s: is_high(der_s(s))),
    ),
    "secp256k1-p1363": (
        "ecdsa_secp256k1_sha256_p1363_test.json",
        lambda name: signed(name, lambda group: group["publicKey"]["uncompressed"], lambda s: is_high(s[32:])),
    ),
    "rsa-pkcs1-sha256": ("rsa_signature_2048_sha256_test.json", rsa),
    "jws-rsa": ("json_web_signature_test.json", tokens),
}

for file, (name, lines) in FILES.items():
    with open(pathlib.Path(__file__).parent / f"{file}.txt", "w") as out:
        print(f"# The values of {name}: {SOURCE}. README.md describes the columns.", file=out)
        for line in lines(name):
            print(*line, file=out)
