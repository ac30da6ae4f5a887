"""Signs in with signatures made by the `cryptography` package and prints the access tokens as a JSON object.

Usage: sign_in.py BASE_URL
"""

import hashlib
import json
import sys
import urllib.request

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa

base = sys.argv[1]


def post(path, body):
    request = urllib.request.Request(
        f"{base}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def secp256k1_signature(key, message):
    """DER with low S, as the contract asks; the package makes either."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    while True:
        signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        if decode_dss_signature(signature)[1] <= order // 2:
            return signature


def wallets():
    pqc = mldsa.MLDSA65PrivateKey.generate()
    yield "ML-DSA-65", pqc.public_key().public_bytes_raw(), pqc.sign
    edwards = ed25519.Ed25519PrivateKey.generate()
    yield "Ed25519", edwards.public_key().public_bytes_raw(), edwards.sign
    koblitz = ec.generate_private_key(ec.SECP256K1())
    # Uncompressed points would be a second address of the same key: strict_wallet_keys.
    point = koblitz.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    yield "secp256k1", point, lambda message: secp256k1_signature(koblitz, message)


tokens = []
for algorithm, public_key, sign in wallets():
    address = public_key.hex()
    challenge = post("challenge", {"address": address})["challenge"]
    answer = post(
        "sign-in",
        {
            "address": address,
            "public_key": address,
            "signature": sign(challenge.encode()).hex(),
            "challenge": challenge,
            "algorithm": algorithm,
        },
    )
    assert answer["address"] == address, algorithm
    assert answer["algorithm"] == algorithm
    tokens.append(answer["access_token"])
print(json.dumps(tokens))
