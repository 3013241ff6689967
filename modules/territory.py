"""A copy of some layers, kept true by events: what the reference modules share.

Events may come twice, and a copy may begin anew at any moment; `Copy.apply` takes both. The position is stored in the same
transaction as what was learnt, so that a crash at any moment repeats something and loses nothing."""

import hashlib
import json
import sqlite3
import urllib.error
import urllib.request

TABLES = """
CREATE TABLE IF NOT EXISTS features (
    layer TEXT NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL, cell TEXT NOT NULL, feature TEXT NOT NULL,
    copied TEXT, PRIMARY KEY (layer, id)
);
CREATE TABLE IF NOT EXISTS settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
"""


class Copy:
    """Features by layer and id, in a file."""

    def __init__(self, file):
        self.database = sqlite3.connect(file, isolation_level=None, timeout=30)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.executescript(TABLES)

    def get(self, name, otherwise=None):
        row = self.database.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return row[0] if row else otherwise

    def set(self, name, value):
        self.database.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, str(value)))

    def apply(self, events, position=None):
        """Applies events in their order, and stores the position behind them, all or nothing."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            for event in events:
                self._one(event)
            if position is not None:
                self.set("position", position)
            self.database.execute("COMMIT")
        except BaseException:
            self.database.execute("ROLLBACK")
            raise

    def _one(self, event):
        kind, data = event["type"], event["data"]
        layer, feature = data["layer"], data.get("id")
        run = self.database.execute
        if kind == "bricola.copy.begin":
            # What is not copied again until the end is no more.
            run("UPDATE features SET copied = 'no' WHERE layer = ?", (layer,))
        elif kind == "bricola.copy.end":
            run("DELETE FROM features WHERE layer = ? AND copied = 'no'", (layer,))
        elif kind == "bricola.layer.gone":
            run("DELETE FROM features WHERE layer = ?", (layer,))
        elif kind == "bricola.layer.replace":
            pass  # A copy follows.
        elif data.get("selection") == "left" or ("after" in data and data["after"] is None):
            run("DELETE FROM features WHERE layer = ? AND id = ?", (layer, feature))
        elif "after" in data:
            # Something older than what is known comes again.
            known = run("SELECT version FROM features WHERE layer = ? AND id = ?", (layer, feature)).fetchone()
            if known and known[0] > data["version"]:
                run("UPDATE features SET copied = NULL WHERE layer = ? AND id = ?", (layer, feature))
                return
            text = json.dumps(data["after"], ensure_ascii=False, separators=(",", ":"))
            row = (layer, feature, data["version"], data.get("cell") or "", text)
            run("INSERT OR REPLACE INTO features (layer, id, version, cell, feature) VALUES (?, ?, ?, ?, ?)", row)
        else:
            raise RuntimeError(f"{layer}/{feature}: what it became is not known any more; begin anew with a copy")

    def digests(self):
        """By layer: how many features, their digest, and the same by tile."""
        layers = {}
        for layer, feature, version, cell in self.database.execute("SELECT layer, id, version, cell FROM features"):
            one = int.from_bytes(hashlib.sha256(f"{layer}/{feature}/{version}".encode()).digest()[:16], "big")
            whole = layers.setdefault(layer, {"count": 0, "bits": 0, "cells": {}})
            part = whole["cells"].setdefault(cell, {"count": 0, "bits": 0})
            for digest in (whole, part):
                digest["count"] += 1
                digest["bits"] ^= one
        return layers


class Server:
    """Requests to Bricola, with a token."""

    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token

    def ask(self, method, path, body=None, headers=None, timeout=60):
        """The answer's status, headers and JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read()
                return answer.status, answer.headers, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                return error.code, error.headers, json.loads(text)
            except ValueError:
                return error.code, error.headers, {"detail": text.decode(errors="replace")}


def reconcile(copy, server, name):
    """Where the copy is another than it should be: by layer and tile. Quiet it down before: what has changed and was not told
    yet shows as a difference."""
    status, _, told = server.ask("GET", f"/subscriptions/{name}/digest")
    if status != 200:
        raise RuntimeError(told.get("detail"))
    mine, wrong = copy.digests(), []
    for layer in told["layers"]:
        own = mine.pop(layer["layer"], {"count": 0, "bits": 0, "cells": {}})
        if own["count"] == layer["count"] and f"{own['bits']:032x}" == layer["digest"]:
            continue
        for cell in sorted(set(own["cells"]) | set(layer["cells"])):
            here = own["cells"].get(cell, {"count": 0, "bits": 0})
            there = layer["cells"].get(cell, {"count": 0, "digest": "0" * 32})
            if here["count"] != there["count"] or f"{here['bits']:032x}" != there["digest"]:
                wrong.append((layer["layer"], cell, here["count"], there["count"]))
    wrong += [(layer, "", own["count"], 0) for layer, own in mine.items() if own["count"]]
    return told["seq"], wrong


def push(server, rows, key):
    """Writes rows back, `{"layer", "feature"}` each, in batches that are written once even if they are sent twice; a row that
    is refused does not hold up the others. What was refused, with the reasons."""
    refused = []
    for start in range(0, len(rows), 200):
        refused += _batch(server, rows[start:start + 200], f"{key}-{start}")
    return refused


def _batch(server, rows, key):
    edits = [{"op": "insert", "collection": row["layer"], "feature": row["feature"]} for row in rows]
    status, _, told = server.ask("POST", "/transactions", {"edits": edits}, {"Idempotency-Key": key})
    if status < 300:
        return []
    if len(rows) == 1:
        return [{**rows[0], "reason": told.get("detail", f"status {status}")}]
    if status >= 500 or status in (401, 403, 405, 429):
        raise RuntimeError(told.get("detail", f"status {status}"))
    # Some of them are wrong: halves, and halves of those, until they are found.
    middle = len(rows) // 2
    return _batch(server, rows[:middle], f"{key}a") + _batch(server, rows[middle:], f"{key}b")
