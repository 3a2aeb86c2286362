#!/usr/bin/env python3
"""Measures what telemetry costs, and what a receiver that fails does to the app.

  cost    the reference app with everything exported (Application Insights and OTLP, default sampling,
          tokens cached) beside the same binary that exports nothing, and beside `bare` (bare.rs)
  faults  the same app under load while both receivers are down, slow, throttling (429), failing (500) or
          answering garbage, beside receivers that work

devhost receives: it runs on CPU 1 with wrk and this script, the server on CPU 0. Standard output goes
nowhere in all of them. Every server is started afresh for its turn; what is reported is the median of
the rounds. Rounds are interleaved, and ratios are taken within a round.

The process exits with 1 when a bound is missed. Needs what yardstick.py needs; all traffic is on
loopback.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import yardstick

COST = {"of the same app without exporters": ("off", 0.90), "of bare": ("bare", 0.55)}
# The least of the throughput with working receivers, and the most of resident memory, in MiB.
FAULTED, RESIDENT = 0.90, 48.0

FAULTS = {
    "down": {"kind": "down"},
    "slow": {"kind": "slow", "seconds": 8},
    "429": {"kind": "throttled", "seconds": 1},
    "500": {"kind": "status", "status": 500},
    "garbage": {"kind": "garbage"},
}
FOR_GOOD = 1_000_000


class Receivers:
    """devhost, with a handler of its own that is never called."""

    def __init__(self, devhost, handler, folder):
        self.folder = folder / "app"
        (self.folder / "unused").mkdir(parents=True)
        host = {"version": "2.0",
                "customHandler": {"description": {"defaultExecutablePath": str(handler)}}}
        (self.folder / "host.json").write_text(json.dumps(host))
        trigger = {"bindings": [
            {"type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous"},
            {"type": "http", "direction": "out", "name": "res"}]}
        (self.folder / "unused/function.json").write_text(json.dumps(trigger))
        self.process = subprocess.Popen(
            [devhost, self.folder, "--port", "0", "--json"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.report = json.loads(self.process.stdout.readline())
        noted = json.loads((self.folder / ".devhost.json").read_text())
        wanted = re.compile("APPLICATIONINSIGHTS_|OTEL_|IDENTITY_|SSL_CERT_FILE|STOCKADE__TELEMETRY__")
        self.settings = {
            name: value for name, value in noted["settings"].items() if wanted.match(name)}

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.report["port"], timeout=5)
        with contextlib.closing(connection):
            connection.request(method, f"/admin/devhost/telemetry{path}",
                               body and json.dumps(body),
                               {"x-functions-key": self.report["masterKey"]})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                sys.exit(f"devhost answers {answer.status} to {method} {path}: {text.decode()}")
            return json.loads(text or b"null")

    def fail(self, fault):
        self.ask("POST", "/fault", {**fault, "times": FOR_GOOD})

    def work(self):
        self.ask("POST", "/fault", {"kind": "none"})
        self.ask("DELETE", "")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Memory(threading.Thread):
    """Looks at a server's resident memory four times a second."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.most, self.over = server, 0.0, threading.Event()

    def run(self):
        while not self.over.wait(0.25):
            with contextlib.suppress(OSError, TypeError):
                self.most = max(self.most, self.server.resident_mib())

    def end(self):
        self.over.set()
        self.join()
        return self.most


def turn(binary, settings, token, seconds, options, folder):
    """One server, from its start to its end."""
    server = yardstick.Server(binary, settings, folder, quiet=True)
    memory = Memory(server)
    try:
        request = yardstick.enveloped(server.port, len(token))
        figures = {"start_ms": server.first_good_answer(request.replace(yardstick.TOKEN, token))}
        memory.start()
        drive = lambda seconds: yardstick.drive(
            server.port, request, [token], seconds, options.connections, folder)
        drive(1)
        figures |= drive(seconds)
        figures["most_mib"] = memory.end()
    finally:
        server.stop()
    figures["told"] = told(server.log.read_text(errors="replace"))
    return figures


LOST = re.compile(r"warning: telemetry was lost: ([\w ]+), (\w+): (\d+) dropped, (\d+) failed")


def told(errors):
    """What the server said was lost, by exporter and signal."""
    lost = {}
    for exporter, what, dropped, failed in LOST.findall(errors):
        of = lost.setdefault(f"{exporter}, {what}", {"dropped": 0, "failed": 0})
        of["dropped"] += int(dropped)
        of["failed"] += int(failed)
    return lost


def rounds_of(names, options, run):
    rounds = {name: [] for name in names}
    for number in range(options.rounds):
        order = names if number % 2 == 0 else names[::-1]
        for name in order:
            figures = run(name)
            rounds[name].append(figures)
            print(f"# {number + 1}/{options.rounds} {name:8} {figures['per_second']:8.0f}/s "
                  f"{figures['most_mib']:5.1f} MiB  {json.dumps(figures['told'])}",
                  file=sys.stderr, flush=True)
    return rounds


def median(rounds, name, key):
    return statistics.median(figures[key] for figures in rounds[name])


def ratio(rounds, name, base):
    pairs = zip(rounds[name], rounds[base])
    return statistics.median(own["per_second"] / other["per_second"] for own, other in pairs)


def cost(binaries, receivers, settings, token, options, folder):
    plans = {
        "bare": (binaries["bare"], {}),
        "off": (binaries["handler"], settings),
        "on": (binaries["handler"], settings | receivers.settings),
    }

    def run(name):
        receivers.ask("DELETE", "")
        figures = turn(*plans[name], token, options.seconds, options, folder)
        if name == "on":
            sources = receivers.ask("GET", "")["sources"]
            silent = [source for source, said in sources.items() if not said["requests"]]
            silent and sys.exit(f"nothing arrived by {silent}")
        return figures

    rounds = rounds_of(list(plans), options, run)
    judged = {}
    for name, (base, least) in COST.items():
        judged[name] = (ratio(rounds, "on", base), least)
    return rounds, judged


def faults(binaries, receivers, settings, token, options, folder):
    settings = settings | receivers.settings

    def run(name):
        receivers.work()
        if name in FAULTS:
            receivers.fail(FAULTS[name])
        return turn(binaries["handler"], settings, token, options.seconds, options, folder)

    rounds = rounds_of(["none", *FAULTS], options, run)
    judged = {f"{name}, of working": (ratio(rounds, name, "none"), FAULTED) for name in FAULTS}
    return rounds, judged


def main():
    about = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("what", choices=("cost", "faults"))
    about.add_argument("--rounds", type=int, default=5, choices=range(1, 21), metavar="1-20")
    about.add_argument("--seconds", type=int, default=5, choices=range(1, 61), metavar="1-60")
    about.add_argument("--connections", type=int, default=32)
    about.add_argument("--json", action="store_true", help="print every figure as JSON")
    options = about.parse_args()
    for tool in ("cargo", "wrk", "openssl"):
        shutil.which(tool) or sys.exit(f"{tool} is not installed")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    binaries = yardstick.build_all()
    subprocess.run(["cargo", "build", "--release", "-p", "stockade-devhost"],
                   cwd=yardstick.ROOT, check=True)
    devhost = binaries["handler"].with_name("stockade-devhost")
    load_average = os.getloadavg()[0]
    yardstick.pin(1)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tenant = yardstick.Tenant(folder)
        token, settings = tenant.token(0), tenant.settings()
        yardstick.refuses_a_changed_token(
            binaries["handler"], yardstick.enveloped, token, settings, folder)
        receivers = Receivers(devhost, binaries["bare"], folder)
        try:
            measure = {"cost": cost, "faults": faults}[options.what]
            rounds, judged = measure(binaries, receivers, settings, token, options, folder)
        finally:
            receivers.stop()
            tenant.server.shutdown()

    most = max(figures["most_mib"] for name in rounds if name != "bare" for figures in rounds[name])
    kept = {name: figure >= least for name, (figure, least) in judged.items()}
    kept["memory"] = most <= RESIDENT
    if options.json:
        print(json.dumps({"load_average": load_average, "rounds": rounds,
                          "judged": judged, "most_mib": most}, indent=2))
    else:
        print(f"load average before: {load_average:.2f}\n")
        print(f"{'':10}{'req/s':>10}{'p99 ms':>10}{'start ms':>10}{'most MiB':>10}")
        for name in rounds:
            row = [median(rounds, name, key)
                   for key in ("per_second", "p99_ms", "start_ms", "most_mib")]
            print(f"{name:10}{row[0]:10.0f}{row[1]:10.2f}{row[2]:10.1f}{row[3]:10.1f}")
        print()
        for name, (figure, least) in judged.items():
            print(f"{name:36} {figure:6.3f}   at least {least:g}   "
                  f"{'kept' if kept[name] else 'MISSED'}")
        print(f"{'resident memory, MiB':36} {most:6.1f}   at most {RESIDENT:g}   "
              f"{'kept' if kept['memory'] else 'MISSED'}")
    sys.exit(0 if all(kept.values()) else 1)


if __name__ == "__main__":
    main()
