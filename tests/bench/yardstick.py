#!/usr/bin/env python3
"""Measures the reference app beside the least that a custom handler can do.

Each contest runs two servers in turns, round by round: `bare` (bare.rs: axum and serde_json, no
token, no validation, no log) and one of ours. Every server is started afresh for its turn, on CPU 0,
with its log in a file; wrk, the stand-in tenant and this script are on CPU 1. What is reported is the
median of the rounds.

  fresh      through the envelope, each token verified anew: more tokens than the cache holds
  cached     through the envelope, one token
  forwarded  a function without a second output (handler/examples/forwarded.rs), tokens as in `fresh`

The process exits with 1 when a bound is missed. Figures from a busy machine are worth nothing; the
load average is printed with them. Needs Linux, cargo, wrk and openssl; all traffic is on loopback.
"""

import argparse
import base64
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TENANT = "11111111-2222-4333-8444-555555555555"
AUDIENCE = "66666666-7777-4888-8999-000000000000"
CACHE_ENTRIES = 512

# What a release has to keep to. `fresh` and `start` are relative to `bare`.
BOUNDS = {
    "throughput, fresh tokens": ("at least", 0.38, "of bare"),
    "start to first good answer": ("at most", 2.0, "times bare"),
    "resident memory under load": ("at most", 16.0, "MiB"),
    "stripped binary": ("at most", 14.0, "MiB"),
}

ORDER = {
    "orderId": "ord-2026-000123",
    "email": "customer@example.com",
    "currency": "EUR",
    "items": [
        {"sku": f"SKU-{n:05}", "quantity": n + 1, "unitPriceCents": 1999 + n} for n in range(4)
    ],
}
TOTAL_CENTS = sum(item["quantity"] * item["unitPriceCents"] for item in ORDER["items"])


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Tenant:
    """A tenant on loopback: it publishes one key, made for this run, and signs tokens with it."""

    def __init__(self, folder):
        self.key = folder / "key.pem"
        self.openssl("genrsa", "-out", self.key, "2048")
        modulus = self.openssl("rsa", "-in", self.key, "-noout", "-modulus").decode()
        modulus = bytes.fromhex(modulus.strip().removeprefix("Modulus="))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.issuer = f"{self.origin}/{TENANT}/v2.0"
        keys = f"/{TENANT}/discovery/v2.0/keys"
        jwk = {"kty": "RSA", "use": "sig", "kid": "first", "n": base64url(modulus), "e": "AQAB",
               "issuer": self.issuer}
        self.documents = {
            f"/{TENANT}/v2.0/.well-known/openid-configuration":
                {"issuer": self.issuer, "jwks_uri": self.origin + keys},
            keys: {"keys": [jwk]},
        }
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def openssl(*arguments, **more):
        command = ["openssl", *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, **more).stdout

    def handler(tenant):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                document = tenant.documents.get(self.path)
                body = json.dumps(document).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def token(self, number):
        """A token of its own for each number, all of one length."""
        now = int(time.time())
        header = {"alg": "RS256", "typ": "JWT", "kid": "first"}
        claims = {
            "iss": self.issuer, "aud": AUDIENCE, "tid": TENANT, "ver": "2.0",
            "iat": now, "nbf": now, "exp": now + 7200, "uti": f"{number:022}",
            "sub": "caller", "oid": "99999999-2222-4333-8444-555555555555",
            "azp": "77777777-2222-4333-8444-555555555555", "azpacr": "1", "scp": "Orders.Write",
        }
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = self.openssl("dgst", "-sha256", "-sign", self.key, input=signed.encode())
        return f"{signed}.{base64url(signature)}"

    def settings(self):
        return {
            "STOCKADE__AUTH__TENANTS": TENANT,
            "STOCKADE__AUTH__AUDIENCES": AUDIENCE,
            "STOCKADE__AUTH__INSECURE_AUTHORITY": self.origin,
            "STOCKADE__AUTH__TOKEN_CACHE_ENTRIES": str(CACHE_ENTRIES),
            "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        }


# Stands for the token until a request is sent.
TOKEN = "{TOKEN}"


def enveloped(port, token_length):
    """An invocation as the host writes it (host 4.1037, HttpRequestExtensions)."""
    body = json.dumps(ORDER)
    headers = {
        "Accept": "*/*", "Host": "127.0.0.1:7071", "User-Agent": "yardstick",
        "Content-Type": "application/json", "Content-Length": str(len(body)),
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "Authorization": f"Bearer {TOKEN}",
    }
    claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
    roles = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    envelope = json.dumps({
        "Data": {"req": {
            "Url": "http://127.0.0.1:7071/api/orders", "Method": "POST", "Query": {},
            "Headers": {name: [value] for name, value in headers.items()}, "Params": {},
            "Identities": [{
                "AuthenticationType": None, "IsAuthenticated": False, "Actor": None,
                "BootstrapContext": None, "Claims": [], "Label": None, "Name": None,
                "NameClaimType": claims, "RoleClaimType": roles,
            }],
            "Body": body,
        }},
        "Metadata": {"Query": {}, "Headers": {}, "sys": {
            "MethodName": "create-order", "UtcNow": "2026-01-01T00:00:00Z",
            "RandGuid": "c0ffee00-0000-4000-8000-000000000000",
        }},
    })
    return raw(port, "/create-order", {"Content-Type": "application/json; charset=utf-8"},
               envelope, token_length)


def forwarded(port, token_length):
    """A request that the host hands over as it came."""
    headers = {"Accept": "*/*", "Content-Type": "application/json",
               "Authorization": f"Bearer {TOKEN}"}
    return raw(port, "/api/orders", headers, json.dumps(ORDER), token_length)


def raw(port, path, headers, body, token_length):
    length = len(body) + body.count(TOKEN) * (token_length - len(TOKEN))
    lines = [f"POST {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in {
        "Host": f"127.0.0.1:{port}", **headers, "Content-Length": length,
        "X-Azure-Functions-InvocationId": "00000000-0000-4000-8000-000000000000",
        "X-Azure-Functions-HostVersion": "4.1037.0.0",
    }.items()]
    return "\r\n".join([*lines, "", body])


def send(port, request):
    """The answer's status and body, as the caller would see them."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request.encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        status, body = answer.status, answer.read()
    if request.startswith("POST /create-order"):
        told = json.loads(body)["Outputs"]["res"]
        return int(told["statusCode"]), json.loads(told["body"] or "null")
    return status, json.loads(body or b"null")


class Server:
    """A handler on CPU 0, from its start to its end."""

    def __init__(self, binary, settings, folder, quiet=False):
        """With its lines in a file; `quiet` leaves only its errors there."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        kept = {"PATH": os.environ["PATH"], "FUNCTIONS_CUSTOMHANDLER_PORT": str(self.port)}
        self.log = folder / f"{binary.name}.log"
        with open(self.log, "wb") as log:
            self.began = time.perf_counter()
            self.process = subprocess.Popen(
                [binary], env=kept | settings, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if quiet else log, stderr=log,
                preexec_fn=lambda: pin(0))

    def first_good_answer(self, request):
        """Milliseconds from the start of the process."""
        while time.perf_counter() - self.began < 20 and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, body = send(self.port, request)
                if status in (200, 202) and body["totalCents"] == TOTAL_CENTS:
                    return (time.perf_counter() - self.began) * 1000
            time.sleep(0.0005)
        sys.exit(f"no good answer:\n{self.log.read_text()[-2000:]}")

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


SCRIPT = """
local requests, at = {}, 0
for token in io.lines(TOKENS) do requests[#requests + 1] = HEAD .. token .. TAIL end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
"""


def drive(port, request, tokens, seconds, connections, folder):
    """Requests a second, and two percentiles of the latency in milliseconds."""
    head, tail = request.split(TOKEN)
    listed = folder / "tokens"
    listed.write_text("\n".join(tokens) + "\n")
    script = folder / "load.lua"
    # A JSON string of ASCII is a Lua string.
    names = {"TOKENS": str(listed), "HEAD": head, "TAIL": tail}
    constants = [f"local {name} = {json.dumps(value)}" for name, value in names.items()]
    script.write_text("\n".join([*constants, SCRIPT]))
    ran = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script,
         f"http://127.0.0.1:{port}/"],
        capture_output=True, text=True, timeout=seconds + 30)
    result = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", ran.stdout)
    if not result:
        sys.exit(f"wrk: {ran.stdout}{ran.stderr}")
    count, micros, half, most, errors = map(int, result.groups())
    if errors:
        sys.exit(f"{errors} of {count} requests failed")
    return {"per_second": count / micros * 1e6, "p50_ms": half / 1e3, "p99_ms": most / 1e3}


def turn(binary, build, tokens, settings, options, folder):
    """One server, from its start to its end."""
    server = Server(binary, settings, folder)
    try:
        request = build(server.port, len(tokens[0]))
        figures = {"start_ms": server.first_good_answer(request.replace(TOKEN, tokens[0]))}
        figures["idle_mib"] = server.resident_mib()
        load = lambda seconds: drive(
            server.port, request, tokens, seconds, options.connections, folder)
        load(1)
        figures |= load(options.seconds)
        figures["loaded_mib"] = server.resident_mib()
        return figures
    finally:
        server.stop()


def refuses_a_changed_token(binary, build, token, settings, folder):
    """A server that lets everyone in would be fast."""
    server = Server(binary, settings, folder)
    try:
        request = build(server.port, len(token))
        server.first_good_answer(request.replace(TOKEN, token))
        middle = len(token) // 2
        changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]
        status, _ = send(server.port, request.replace(TOKEN, changed))
        if status != 401:
            sys.exit(f"{binary.name} answers {status} to a token that was changed")
    finally:
        server.stop()


def pin(cpu):
    # On a machine with one processor everything shares it.
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {cpu})


def build_all():
    """The three servers, in release mode."""
    for arguments in (["-p", "stockade", "--bin", "handler", "--example", "forwarded"],
                      ["-p", "stockade-tests", "--example", "bare"]):
        subprocess.run(["cargo", "build", "--release", *arguments], cwd=ROOT, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"],
        cwd=ROOT, check=True, capture_output=True).stdout
    release = pathlib.Path(json.loads(metadata)["target_directory"]) / "release"
    return {"bare": release / "examples/bare", "handler": release / "handler",
            "forwarded": release / "examples/forwarded"}


def contest(name, binaries, ours, build, tokens, settings, options, folder):
    rounds = {"bare": [], ours: []}
    for number in range(options.rounds):
        order = list(rounds) if number % 2 == 0 else list(rounds)[::-1]
        for server in order:
            given = {} if server == "bare" else settings
            figures = turn(binaries[server], build, tokens, given, options, folder)
            rounds[server].append(figures)
            print(f"# {name} {number + 1}/{options.rounds} {server:9} "
                  f"{figures['per_second']:8.0f}/s", file=sys.stderr)
    median = lambda server: {
        key: statistics.median(figures[key] for figures in rounds[server])
        for key in rounds[server][0]}
    pairs = zip(rounds[ours], rounds["bare"])
    ratio = statistics.median(own["per_second"] / bare["per_second"] for own, bare in pairs)
    return {"bare": median("bare"), "ours": median(ours), "ratio": ratio}


def judge(contests, binary):
    fresh = contests["fresh"]
    figures = {
        "throughput, fresh tokens": fresh["ratio"],
        "start to first good answer": fresh["ours"]["start_ms"] / fresh["bare"]["start_ms"],
        "resident memory under load": fresh["ours"]["loaded_mib"],
        "stripped binary": binary.stat().st_size / 2**20,
    }
    judged = {}
    for name, figure in figures.items():
        which, bound, unit = BOUNDS[name]
        kept = figure >= bound if which == "at least" else figure <= bound
        judged[name] = {"figure": figure, "bound": f"{which} {bound:g} {unit}", "kept": kept}
    return judged


def show(report):
    print(f"load average before: {report['load_average']:.2f}\n")
    columns = ["req/s", "of bare", "p50 ms", "p99 ms", "start ms", "idle MiB", "loaded MiB"]
    print(f"{'':20}" + "".join(f"{column:>11}" for column in columns))
    for name, contest in report["contests"].items():
        for server in ("bare", "ours"):
            figures = contest[server]
            ratio = contest["ratio"] if server == "ours" else 1
            row = [f"{figures['per_second']:.0f}", f"{ratio:.3f}", f"{figures['p50_ms']:.2f}",
                   f"{figures['p99_ms']:.2f}", f"{figures['start_ms']:.1f}",
                   f"{figures['idle_mib']:.1f}", f"{figures['loaded_mib']:.1f}"]
            print(f"{name + ' ' + server:20}" + "".join(f"{cell:>11}" for cell in row))
    print()
    for name, judged in report["bounds"].items():
        verdict = "kept" if judged["kept"] else "MISSED"
        print(f"{name:28} {judged['figure']:8.2f}   {judged['bound']:22} {verdict}")


def main():
    about = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--rounds", type=int, default=5, choices=range(1, 21), metavar="1-20")
    about.add_argument("--seconds", type=int, default=5, choices=range(1, 31), metavar="1-30")
    about.add_argument("--connections", type=int, default=32)
    about.add_argument("--only", choices=("fresh", "cached", "forwarded"), action="append")
    about.add_argument("--json", action="store_true", help="print the report as JSON")
    options = about.parse_args()
    for tool in ("cargo", "wrk", "openssl"):
        shutil.which(tool) or sys.exit(f"{tool} is not installed")
    # A run that is ended lets its server end, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    binaries = build_all()
    load_average = os.getloadavg()[0]
    pin(1)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tenant = Tenant(folder)
        # The cache keeps what was used last, so twice its size in a circle is never found in it.
        tokens = [tenant.token(number) for number in range(2 * CACHE_ENTRIES)]
        plans = {
            "fresh": ("handler", enveloped, tokens),
            "cached": ("handler", enveloped, tokens[:1]),
            "forwarded": ("forwarded", forwarded, tokens),
        }
        contests = {}
        for name, (ours, build, tokens) in plans.items():
            if options.only and name not in options.only:
                continue
            settings = tenant.settings()
            refuses_a_changed_token(binaries[ours], build, tokens[0], settings, folder)
            contests[name] = contest(
                name, binaries, ours, build, tokens, settings, options, folder)
        tenant.server.shutdown()
    report = {
        "load_average": load_average,
        "contests": contests,
        "bounds": judge(contests, binaries["handler"]) if "fresh" in contests else {},
    }
    print(json.dumps(report, indent=2)) if options.json else show(report)
    sys.exit(0 if all(judged["kept"] for judged in report["bounds"].values()) else 1)


if __name__ == "__main__":
    main()
