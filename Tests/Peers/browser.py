"""Debian's Chromium without a display, for tests.

The DevTools protocol comes over a pipe (`--remote-debugging-pipe`): it takes no port and no package, and Chromium ends when the
pipe closes, even if the test is killed. https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# Seconds. A machine with two busy processors takes some of them to start Chromium.
TIMEOUT = 180


class BrowserError(Exception):
    """The browser doesn't do what it was asked for."""


class Browser:
    """A browser with an empty profile and one page.

    Every name leads to this host. The browser trusts one certificate, if there is one, and no others.
    """

    def __init__(self, certificate=None):
        program = shutil.which("chromium")
        if program is None:
            raise BrowserError("there is no chromium: scripts/setup test")
        self.folder = tempfile.TemporaryDirectory(prefix="pico-browser-", ignore_cleanup_errors=True)
        # Chromium reads descriptor 3 and writes descriptor 4.
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        arguments = [
            "--headless", "--remote-debugging-pipe", f"--user-data-dir={self.folder.name}",
            # Root can't use the sandbox. What is opened here comes from the test itself.
            "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--disable-component-update", "--disable-breakpad",
            "--host-resolver-rules=MAP * 127.0.0.1"]
        if certificate:
            arguments.append(f"--ignore-certificate-errors-spki-list={public_key_hash(certificate)}")
        with open(Path(self.folder.name) / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "sh", program, *arguments, "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(commands, answers), start_new_session=True,
                env={"PATH": os.environ["PATH"], "HOME": self.folder.name, "TMPDIR": self.folder.name})
        os.close(commands)
        os.close(answers)
        self.received, self.number, self.events = b"", 0, []
        self.session = None
        # What pages complain about: exceptions, console.error, what the browser blocks or can't load.
        self.errors = []
        try:
            target = self.wait_for(self.page)
            self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Runtime", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def page(self):
        targets = self.call("Target.getTargets")["targetInfos"]
        return next((target["targetId"] for target in targets if target["type"] == "page"), None)

    def open(self, url):
        """Opens a page, as from the address bar, and waits until it is loaded. The status of the answer."""
        self.events.clear()
        failure = self.call("Page.navigate", url=url).get("errorText")
        if failure:
            raise BrowserError(f"{url}: {failure}")
        self.wait_for(lambda: self.happened("Page.loadEventFired"))
        documents = [event["response"] for event in self.happened("Network.responseReceived")
                     if event["type"] == "Document"]
        return documents[-1]["status"] if documents else None

    def happened(self, name):
        """The events of a name since the page was opened."""
        self.read(0)
        return [event["params"] for event in self.events if event["method"] == name]

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page; of a promise, what it becomes."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"]["exception"].get("description", str(answer)))
        return answer["result"].get("value")

    @property
    def address(self):
        return self.evaluate("location.href")

    @property
    def text(self):
        return self.evaluate("document.body.innerText")

    def fetch(self, method, url, body=None, headers=None):
        """A request by a script of the page, with the page's cookies and Origin: status, header fields and text of the answer.

        An answer that the page may not read raises BrowserError.
        """
        options = {"method": method, "headers": headers or {}, "credentials": "include"}
        if body is not None:
            options["body"] = body if isinstance(body, str) else json.dumps(body)
            options["headers"] = {"Content-Type": "application/json", **options["headers"]}
        return self.evaluate(
            f"fetch({json.dumps(url)}, {json.dumps(options)}).then(async answer => ({{status: answer.status,"
            " headers: Object.fromEntries(answer.headers), text: await answer.text()}))")

    def cookies(self):
        """Every cookie that the browser holds, those that scripts can't read included, by name."""
        return {cookie["name"]: cookie for cookie in self.call("Network.getAllCookies")["cookies"]}

    def screenshot(self, path):
        Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    # The protocol: JSON with a NUL behind each message.

    def call(self, method, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data):]
        found = []

        def answered():
            found.extend(self.read(0.1, number))
            return found

        answer = self.wait_for(answered, method)[0]
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def read(self, seconds, number=None):
        """Takes in what Chromium has sent; the answers of a number."""
        answers = []
        while select.select([self.answers], [], [], seconds)[0]:
            data = os.read(self.answers, 1 << 16)
            if not data:
                raise BrowserError(f"Chromium has ended: {self.log()}")
            *messages, self.received = (self.received + data).split(b"\0")
            for message in map(json.loads, messages):
                if "id" not in message:
                    self.note(message)
                elif message["id"] == number:
                    answers.append(message)
            if answers:
                break
            seconds = 0
        return answers

    def note(self, event):
        self.events.append(event)
        parameters = event["params"]
        match event["method"]:
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            case "Runtime.consoleAPICalled" if parameters["type"] == "error":
                self.errors.append(" ".join(str(part.get("value")) for part in parameters["args"]))
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def wait_for(self, condition, what="the browser"):
        deadline = time.monotonic() + TIMEOUT
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > deadline:
                raise BrowserError(f"{what}: nothing for {TIMEOUT} s: {self.log()}")
            time.sleep(0.01)

    def log(self):
        return (Path(self.folder.name) / "log").read_text(errors="replace")[-2000:]

    def close(self):
        """Ends Chromium with all its processes, and removes the profile."""
        os.close(self.commands)
        try:
            self.process.wait(TIMEOUT / 4)
        except subprocess.TimeoutExpired:
            pass
        # Its helpers are in a session of their own.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.answers)
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def public_key_hash(certificate):
    """What identifies a certificate's key for Chromium: base64 of the SHA-256 of its SubjectPublicKeyInfo."""
    key = x509.load_pem_x509_certificate(Path(certificate).read_bytes()).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()
