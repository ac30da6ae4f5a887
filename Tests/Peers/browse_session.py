"""A session in a browser: in by the cookie, still in when an access token would be over, out by logging out or by idleness.

Usage: browse_session.py SITE OTHER_SITE CLOCK_FILE CERTIFICATE. `/any/` is behind the gate, `/token/` too and passes the token on,
`/open/` isn't. The file moves the server's clock by so many seconds.
"""

import json
import os
import sys
from pathlib import Path

from browser import Browser

BASE = "/api/v1/auth"
LOGIN = {"email": "ops@example.org", "password": "correct horse"}


class Session:
    def __init__(self, browser, site, clock):
        self.browser, self.site, self.clock = browser, site, clock

    def move_clock(self, minutes):
        """Moves the server's clock to so many minutes from the true time on."""
        following = f"{self.clock}.next"
        Path(following).write_text(f"{60 * minutes}\n")
        os.chmod(following, 0o644)
        os.replace(following, self.clock)

    def log_in(self):
        assert self.browser.open(f"{self.site}/open/") == 200
        answer = self.browser.fetch("POST", f"{BASE}/login?cookie=true", LOGIN)
        assert answer["status"] == 200, answer
        body = json.loads(answer["text"])
        assert set(body) == {"session", "expires_in"}, body
        return body["session"]

    def is_in(self):
        status = self.browser.open(f"{self.site}/any/")
        assert status in (200, 401), (status, self.browser.text)
        assert (status == 200) == ("Hello ops@example.org." in self.browser.text), self.browser.text
        return status == 200

    def passed_token(self):
        assert self.browser.open(f"{self.site}/token/") == 200, self.browser.text
        lines = dict(line.split("=", 1) for line in self.browser.text.splitlines() if "=" in line)
        return lines["X_AUTH_REQUEST_ACCESS_TOKEN"]


def main(site, other, clock, certificate):
    with Browser(certificate) as browser:
        session = Session(browser, site, clock)
        assert not session.is_in()
        identifier = session.log_in()
        cookie = browser.cookies()["__Host-pico"]
        assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Lax", cookie
        assert cookie["path"] == "/" and f"//{cookie['domain']}:" in site and not cookie["session"], cookie
        # Opaque: neither a token nor the identifier that lists show.
        assert "." not in cookie["value"] and cookie["value"] != identifier, cookie
        assert browser.evaluate("document.cookie") == ""
        assert session.is_in()
        token = session.passed_token()

        session.move_clock(16)
        assert session.is_in()
        assert session.passed_token() != token
        me = browser.fetch("GET", f"{BASE}/me")
        assert me["status"] == 200 and json.loads(me["text"])["sub"] == LOGIN["email"], me

        # A page of another site can't log the user out.
        assert browser.open(f"{other}/open/") == 200
        browser.evaluate(f"fetch('{site}{BASE}/logout', {{method: 'POST', mode: 'no-cors', credentials: 'include'}})"
                         ".then(answer => answer.type)")
        assert session.is_in()

        out = browser.fetch("POST", f"{BASE}/logout")
        assert out["status"] == 204, out
        assert browser.cookies() == {}, browser.cookies()
        assert not session.is_in()
        # Nor does a copy of the cookie open anything.
        browser.call("Network.setCookie", name=cookie["name"], value=cookie["value"], url=f"{site}/", path="/",
                     secure=True, httpOnly=True, sameSite="Lax")
        assert "__Host-pico" in browser.cookies()
        assert not session.is_in()

        session.log_in()
        for minutes in (16 + 59, 16 + 59 + 59):
            session.move_clock(minutes)
            assert session.is_in(), minutes
        session.move_clock(16 + 59 + 59 + 61)
        assert not session.is_in()


main(*sys.argv[1:])
