"""What a request costs where each is a new process: through lighttpd, beside the least that a C program can do."""

import http.client
import os
import subprocess
import tempfile
import time
from pathlib import Path

from harness import PROGRAM, ratios, wait_for
from stack import compiled, free_port

REQUESTS = 100


def cgi(report):
    with tempfile.TemporaryDirectory(prefix="pico-bench-") as folder:
        path = Path(folder)
        hello = compiled("hello", path)
        port = free_port()
        (path / "lighttpd.conf").write_text(f"""
            server.modules = ("mod_alias", "mod_setenv", "mod_cgi")
            server.document-root = "{path}"
            server.bind = "127.0.0.1"
            server.port = {port}
            setenv.add-environment = ("SERVER_AUTH_STATE_DIR" => "{path}/state")
            alias.url = ("/api/v1/auth" => "{PROGRAM}", "/hello" => "{hello}")
            cgi.assign = ("" => "")""")
        server = subprocess.Popen(["lighttpd", "-D", "-f", path / "lighttpd.conf"], stderr=subprocess.DEVNULL)
        try:
            def get(target):
                connection = http.client.HTTPConnection("127.0.0.1", port)
                connection.request("GET", target)
                answer = connection.getresponse()
                answer.read()
                connection.close()
                return answer.status

            def answers():
                try:
                    return get("/api/v1/auth/jwks") == 200 and get("/hello") == 200
                except OSError:
                    return False

            def seconds(target):
                start = time.perf_counter()
                for _ in range(REQUESTS):
                    assert get(target) == 200
                return time.perf_counter() - start

            wait_for(answers, "lighttpd")
            found = ratios(lambda: seconds("/api/v1/auth/jwks"), lambda: seconds("/hello"))
            report.add("JWKS as CGI through lighttpd: wall time", found, "ours / C hello", at_most=4)
        finally:
            server.terminate()
            server.wait()
