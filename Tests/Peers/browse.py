"""A browser and the gate: what a page can do without a session, and what it can't.

Usage: browse.py SITE OTHER_SITE CERTIFICATE. The sites are addresses such as https://app.example.test:8443 of one server:
`/any/` is behind the gate, `/open/` isn't.
"""

import sys

from browser import Browser

BASE = "/api/v1/auth"
WRONG = {"email": "ops@example.org", "password": "wrong"}


def main(site, other, certificate):
    with Browser(certificate) as browser:
        assert browser.open(f"{site}/any/") == 401, browser.text
        assert browser.open(f"{site}/open/") == 200, browser.text
        assert "Hello whoever you are." in browser.text, browser.text
        assert browser.fetch("GET", "/any/")["status"] == 401

        wrong = browser.fetch("POST", f"{BASE}/login?cookie=true", WRONG)
        assert (wrong["status"], wrong["headers"]["content-type"]) == (401, "application/problem+json"), wrong
        assert browser.cookies() == {}, browser.cookies()

        # A page of another site can neither sign this browser in here nor read an answer.
        assert browser.open(f"{other}/open/") == 200
        sent = browser.evaluate(
            f"fetch('{site}{BASE}/login?cookie=true', {{method: 'POST', mode: 'no-cors', credentials: 'include',"
            " body: '{\"email\":\"ops@example.org\",\"password\":\"correct horse\"}'}).then(answer => answer.type)")
        assert sent == "opaque", sent
        assert browser.cookies() == {}, browser.cookies()


main(*sys.argv[1:])
