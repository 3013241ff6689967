#!/usr/bin/env python3
"""A small tributes module: it fetches.

usage: tributes.py subscribe|follow|reconcile|push|digest [--file FILE] [--name NAME] …
BRICOLA_URL and BRICOLA_TOKEN say where the server is, and who may edit there."""

import argparse
import json
import os
import sys
import time

import territory
from territory import Copy


def server(file, token=None):
    return territory.Server(os.environ.get("BRICOLA_URL", "http://localhost:8080"), token or file.get("secret") or "")


def subscribe(file, arguments):
    """First sync begins here: the server remembers us, and keeps the log for us from now on."""
    office = server(file, os.environ.get("BRICOLA_TOKEN", ""))
    wanted = {"id": arguments.name, "layers": arguments.layers.split(","), "start": "copy", "delivery": {"kind": "pull"}}
    if arguments.filter:
        wanted["filter"] = arguments.filter
    status, _, told = office.ask("POST", "/subscriptions", wanted)
    if status != 201:
        sys.exit(f"{status}: {told.get('detail')}")
    file.set("secret", told["secret"])
    print(f"subscribed as {arguments.name}")


def follow(file, arguments):
    """For ever (or until there is nothing more): asks for a page, stores it with the position behind it, asks on with that
    position, which acknowledges what is stored."""
    told = 0
    while True:
        position = file.get("position")
        query = "" if position is None else f"&after={position}"
        wait = 0 if arguments.once else 20
        try:
            path = f"/subscriptions/{arguments.name}/changes?limit=1000&wait={wait}{query}"
            status, headers, page = server(file).ask("GET", path)
        except (OSError, ValueError) as error:
            # Nothing is lost, nothing has to be undone.
            print(f"the server is away: {error}", file=sys.stderr, flush=True)
            time.sleep(0.2)
            continue
        if status == 410 or (status == 400 and page.get("code") == "cursor-ahead"):
            sys.exit(f"{page.get('detail')} Subscribe anew.")
        if status != 200:
            print(f"{status}: {page.get('detail')}", file=sys.stderr, flush=True)
            time.sleep(float(headers.get("Retry-After") or 0.2))
            continue
        file.apply(page["events"], page["next"])
        told += len(page["events"])
        if page["events"] and arguments.verbose:
            print(f"{len(page['events'])} events, at {page['next']}", flush=True)
        if arguments.once and not page["events"]:
            # The last position is acknowledged too.
            print(f"{told} events, at {file.get('position')}")
            return


def reconcile(file, arguments):
    seq, wrong = territory.reconcile(file, server(file), arguments.name)
    for layer, cell, here, there in wrong:
        print(f"{layer} {cell}: {here} here, {there} there")
    print(f"{'the same' if not wrong else 'not the same'} as of change {seq}")
    sys.exit(1 if wrong else 0)


def push(file, arguments):
    """Writes features of a GeoJSON file back to a layer."""
    with open(arguments.source, encoding="utf-8") as source:
        rows = [{"layer": arguments.layer, "feature": feature} for feature in json.load(source)["features"]]
    refused = territory.push(server(file, os.environ.get("BRICOLA_TOKEN", "")), rows, arguments.key)
    for row in refused:
        print(json.dumps(row, ensure_ascii=False))
    print(f"{len(rows) - len(refused)} written, {len(refused)} refused", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", default="tributes.db")
    parser.add_argument("--name", default="tributes")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("subscribe")
    command.add_argument("--layers", default="tax-objects,occupations")
    command.add_argument("--filter")
    command = commands.add_parser("follow")
    command.add_argument("--once", action="store_true", help="until there is nothing more")
    command.add_argument("--verbose", action="store_true")
    commands.add_parser("reconcile")
    command = commands.add_parser("push")
    command.add_argument("source")
    command.add_argument("--layer", default="tax-objects")
    command.add_argument("--key", required=True, help="a name of this batch: sent twice it is written once")
    arguments = parser.parse_args()
    file = Copy(arguments.file)
    {"subscribe": subscribe, "follow": follow, "reconcile": reconcile, "push": push}[arguments.command](file, arguments)


if __name__ == "__main__":
    main()
