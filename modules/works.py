#!/usr/bin/env python3
"""A small public-works module: it is told by webhook.

usage: works.py serve|reconcile|push [--file FILE] [--name NAME] …
BRICOLA_URL and BRICOLA_TOKEN say where the server is, and who may edit there. The server must be allowed to reach this
machine (subscriptions.hosts)."""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import territory
from territory import Copy

# Seconds by which clocks may differ.
PATIENCE = 300


def office():
    return territory.Server(os.environ.get("BRICOLA_URL", "http://localhost:8080"), os.environ.get("BRICOLA_TOKEN", ""))


def is_signed(secret, headers, body):
    """Standard Webhooks: whoever knows the secret has sent this, and not long ago."""
    identity, moment, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not moment.isdigit() or abs(time.time() - int(moment)) > PATIENCE:
        return False
    key = base64.b64decode(secret[len("whsec_"):]) if secret.startswith("whsec_") else secret.encode()
    signed = hmac.new(key, f"{identity}.{moment}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(signed).decode()
    return any(hmac.compare_digest(wanted, given) for given in signatures.split(" "))


def handler(arguments, secret):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = self.take(body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def take(self, body):
            if not is_signed(secret, self.headers, body):
                return 401
            events = json.loads(body)
            # Stored before it is acknowledged: who is killed in between is told once more.
            file = Copy(arguments.file)
            try:
                file.apply(events if isinstance(events, list) else [events])
            finally:
                file.database.close()
            return 204

        def log_message(self, *_):
            pass

    return Handler


def serve(file, arguments):
    listening = ThreadingHTTPServer((arguments.host, arguments.port), None)
    url = f"http://{arguments.host}:{listening.server_address[1]}/events"
    secret = file.get("secret")
    if secret is None:
        wanted = {
            "id": arguments.name, "layers": arguments.layers.split(","), "start": "copy",
            "delivery": {"kind": "webhook", "url": url},
        }
        status, _, told = office().ask("POST", "/subscriptions", wanted)
        if status != 201:
            sys.exit(f"{status}: {told.get('detail')}")
        secret = told["secret"]
        file.set("secret", secret)
    listening.RequestHandlerClass = handler(arguments, secret)
    print(f"listening at {url}", flush=True)
    listening.serve_forever()


def reconcile(file, arguments):
    seq, wrong = territory.reconcile(file, office(), arguments.name)
    for layer, cell, here, there in wrong:
        print(f"{layer} {cell}: {here} here, {there} there")
    print(f"{'the same' if not wrong else 'not the same'} as of change {seq}")
    sys.exit(1 if wrong else 0)


def push(_, arguments):
    """Writes works of a GeoJSON file back."""
    with open(arguments.source, encoding="utf-8") as source:
        rows = [{"layer": arguments.layer, "feature": feature} for feature in json.load(source)["features"]]
    refused = territory.push(office(), rows, arguments.key)
    for row in refused:
        print(json.dumps(row, ensure_ascii=False))
    print(f"{len(rows) - len(refused)} written, {len(refused)} refused", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", default="works.db")
    parser.add_argument("--name", default="works")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve")
    command.add_argument("--layers", default="work-sites")
    command.add_argument("--host", default="127.0.0.1")
    command.add_argument("--port", type=int, default=8099)
    commands.add_parser("reconcile")
    command = commands.add_parser("push")
    command.add_argument("source")
    command.add_argument("--layer", default="work-sites")
    command.add_argument("--key", required=True, help="a name of this batch: sent twice it is written once")
    arguments = parser.parse_args()
    {"serve": serve, "reconcile": reconcile, "push": push}[arguments.command](Copy(arguments.file), arguments)


if __name__ == "__main__":
    main()
