"""What requests cost the workers in processor time, beside the cryptography that they can't do without."""

import subprocess
import tempfile
from functools import partial
from pathlib import Path

from harness import ROUNDS, openssl_speed, wrk
from stack import FastCGIStack, compiled, pico_auth


def challenge_and_sign_in(stack, kind=""):
    """Seconds of the workers' CPU for a challenge, and for a challenge with its sign-in."""
    challenge = wrk(stack, "/challenge", 16, f"challenge{kind}.lua")["cpu"]
    # Challenges and sign-ins in equal numbers.
    return challenge, 2 * wrk(stack, "/sign-in", 16, f"sign-in{kind}.lua")["cpu"]


def ethereum(report):
    """A sign-in with EIP-4361, whose refresh token needs no RSA signature."""
    with (tempfile.TemporaryDirectory() as folder,
          FastCGIStack(partial(pico_auth, refresh_token_algorithm="HS256")) as stack):
        program = compiled("recover", Path(folder), "-lsecp256k1")
        found = []
        for _ in range(ROUNDS):
            rsa_sign, _ = openssl_speed("rsa2048")
            recovery = float(subprocess.run([program], capture_output=True, text=True, check=True).stdout)
            challenge, pair = challenge_and_sign_in(stack, "-ethereum")
            found.append((pair - challenge) / (rsa_sign + recovery))
    report.add("sign-in with EIP-4361, HS256 refresh tokens: worker CPU", found, "ours / 1 signature, 1 recovery",
               at_most=1.15)


def processor(report):
    with FastCGIStack(pico_auth) as stack:
        mint, sign_in, both, check, alone = [], [], [], [], []
        for _ in range(ROUNDS):
            rsa_sign, rsa_verify = openssl_speed("rsa2048")
            _, ed25519_verify = openssl_speed("ed25519")
            raw = 2 * rsa_sign + ed25519_verify
            mint.append(wrk(stack, "/fleet/sessions", 16, "mint.lua")["cpu"] / rsa_sign)
            challenge, pair = challenge_and_sign_in(stack)
            both.append(pair / raw)
            sign_in.append((pair - challenge) / raw)
            stack.mint(1, role="operator")
            alone.append(wrk(stack, "/verify", 16, "bearer.lua")["cpu"] / rsa_verify)
            check.append(wrk(stack, "/mints?limit=1", 16, "bearer.lua")["cpu"] / rsa_verify)
        report.add("fleet session: worker CPU", mint, "ours / RSA signature", at_most=1.2)
        report.add("sign-in with Ed25519: worker CPU", sign_in, "ours / 2 signatures, 1 check", at_most=1.15)
        report.add("challenge and sign-in with Ed25519: worker CPU", both, "ours / 2 signatures, 1 check")
        report.add("bearer check (mints?limit=1): worker CPU", check, "ours / RSA check", at_most=1.5)
        report.add("bearer check alone (verify): worker CPU", alone, "ours / RSA check", at_most=1.5)
    with FastCGIStack(partial(pico_auth, refresh_token_algorithm="HS256")) as stack:
        found = []
        for _ in range(ROUNDS):
            rsa_sign, _ = openssl_speed("rsa2048")
            _, ed25519_verify = openssl_speed("ed25519")
            challenge, pair = challenge_and_sign_in(stack)
            found.append((pair - challenge) / (rsa_sign + ed25519_verify))
        report.add("sign-in with Ed25519, HS256 refresh tokens: worker CPU", found, "ours / 1 signature, 1 check",
                   at_most=1.25)
