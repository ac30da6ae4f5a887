"""What every benchmark needs: load, processor time, ratios, a report."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PROGRAM = Path(os.environ.get("PROGRAM", PROJECT / ".build/release/pico-auth"))
RESULTS = PROJECT / "Benchmarks/results"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("DURATION", "3"))
PROCESSES = 2
SECRET = "0123456789-fleet-secret"
JSON = {"Content-Type": "application/json"}


def wait_for(condition, what):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    sys.exit(f"{what} did not start")


def wrk(stack, path, connections, script=None, seconds=SECONDS):
    """Requests a second, latencies in ms, and the workers' CPU seconds a request."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", stack.url + path]
    if script:
        command[1:1] = ["-s", PROJECT / "Benchmarks" / script]
    before = stack.cpu()
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=stack.folder.name).stdout
    used = stack.cpu() - before
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    requests = int(re.search(r"(\d+) requests in", output)[1])
    if refused and int(refused[1]) > requests / 1000:
        sys.exit(f"{path}: {refused[0]} of {requests}")
    unit = {"us": 0.001, "ms": 1, "s": 1000}
    latency = {mark: float(value) * unit[scale] for mark, value, scale in
               re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", output)}
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]), "p50": latency["50"],
            "p99": latency["99"], "cpu": used / max(requests, 1), "requests": requests}


def openssl_speed(algorithm):
    """Seconds of CPU for one private and one public operation."""
    output = subprocess.run(["openssl", "speed", "-seconds", "1", algorithm],
                            capture_output=True, text=True, check=True).stdout
    return [float(value) for value in re.findall(r"([\d.]+)s", output.splitlines()[-1])[:2]]


def ratios(ours, limit, key=None):
    """Both in turn, who goes first in turn as well; what either returns may have the figure under a key."""
    found = []
    for number in range(ROUNDS):
        if number % 2 == 0:
            mine, other = ours(), limit()
        else:
            other, mine = limit(), ours()
        found.append(mine[key] / other[key] if key else mine / other)
    return found


class Report:
    """Ratios, and what they should be."""

    def __init__(self):
        self.rows = []
        print(f"{'':66} {'min':>8} {'median':>8} {'max':>8}")

    def add(self, name, values, unit="ours / C responder", at_least=None, at_most=None):
        row = {"case": name, "unit": unit, "min": min(values), "median": statistics.median(values),
               "max": max(values)}
        if at_least is not None:
            row["target"], row["met"] = f"≥ {at_least:g}", row["median"] >= at_least
        if at_most is not None:
            row["target"], row["met"] = f"≤ {at_most:g}", row["median"] <= at_most
        self.rows.append(row)
        figures = " ".join(f"{self.format(row[key]):>8}" for key in ("min", "median", "max"))
        print(f"{name:66} {figures}  {unit}{self.verdict(row)}", flush=True)

    @staticmethod
    def format(value):
        return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"

    @staticmethod
    def verdict(row):
        return f", {row['target']}: {'met' if row['met'] else 'MISSED'}" if "target" in row else ""

    def write(self):
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "report.json").write_text(json.dumps(self.rows, indent=2, ensure_ascii=False) + "\n")
        lines = ["| case | min | median | max | unit | target |", "|---|---|---|---|---|---|"]
        for row in self.rows:
            figures = " | ".join(self.format(row[key]) for key in ("min", "median", "max"))
            lines.append(f"| {row['case']} | {figures} | {row['unit']} | {self.verdict(row).removeprefix(', ')} |")
        (RESULTS / "report.md").write_text("\n".join(lines) + "\n")
