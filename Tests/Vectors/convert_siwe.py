"""Writes siwe-parsing.txt and siwe-verification.txt from the JSON files of spruceid/siwe.

    python3 Tests/Vectors/convert_siwe.py FOLDER

FOLDER has the JSON files of packages/siwe-parser and packages/siwe of a checkout. README.md describes what is written.
"""

import base64
import json
import pathlib
import sys

SOURCE = "spruceid/siwe (github.com/spruceid/siwe, MIT or Apache-2.0) at 940a66a"


def column(value):
    """A text as one column."""
    return base64.urlsafe_b64encode(str(value or "").encode()).rstrip(b"=").decode() or "."


def identifier(name):
    return name.replace(" ", "-")


def message(fields):
    """The message that a library makes of an object. A missing field is empty."""
    lines = [
        f"{fields.get('domain', '')} wants you to sign in with your Ethereum account:",
        fields.get("address", ""), "", fields["statement"], "",
        f"URI: {fields.get('uri', '')}", f"Version: {fields.get('version', '')}",
        f"Chain ID: {fields.get('chainId', '')}", f"Nonce: {fields.get('nonce', '')}",
        f"Issued At: {fields.get('issuedAt', '')}",
    ]
    for key, name in (("expirationTime", "Expiration Time"), ("notBefore", "Not Before"), ("requestId", "Request ID")):
        if key in fields:
            lines.append(f"{name}: {fields[key]}")
    if "resources" in fields:
        lines += ["Resources:"] + [f"- {resource}" for resource in fields["resources"]]
    return "\n".join(lines)


def parsing():
    for name, case in read("parsing_positive").items():
        fields = case["fields"]
        yield [identifier(name), "valid", column(case["message"])] + [
            column(fields.get(field)) for field in
            ("scheme", "domain", "address", "statement", "uri", "chainId", "nonce", "issuedAt")
        ] + [column("\n".join(fields.get("resources", [])))]
    for name, text in read("parsing_negative").items():
        yield [identifier(name), "invalid", column(text)]
    for name, fields in read("parsing_negative_objects").items():
        yield ["object-" + identifier(name), "invalid", column(message(fields))]


def verification():
    for name, kind in (("verification_positive", "valid"), ("verification_negative", "invalid")):
        for case, fields in read(name).items():
            text = message(fields)
            yield [
                f"{kind}-{identifier(case)}", kind, column(text), column(fields["signature"]),
                column(fields.get("domainBinding") or fields["domain"]),
                column(fields.get("matchNonce") or fields["nonce"]), column(fields.get("time")),
            ]
    for case, fields in read("eip1271").items():
        nonce = fields["message"].split("Nonce: ")[1].split("\n")[0]
        yield [
            f"contract-{case}", "contract", column(fields["message"]), column(fields["signature"]),
            column("localhost:4361"), column(nonce), ".",
        ]


def read(name):
    return json.loads((pathlib.Path(sys.argv[1]) / f"{name}.json").read_text())


for file, lines in (("siwe-parsing", parsing()), ("siwe-verification", verification())):
    with open(pathlib.Path(__file__).parent / f"{file}.txt", "w") as out:
        print(f"# The values of {SOURCE}. README.md describes the columns.", file=out)
        print("key", file=out)
        for line in lines:
            print(*line, file=out)
