"""Measures a release binary of Bricola over PostGIS against the figures of issue "Durable truth".

usage: durable.py BRICOLA [--parcels 1m]

A private cluster and two servers over one database run on the loopback interface, in a folder of their own, and are
removed at the end. Single edits are made by psql, streams of them by pgbench.
"""

import argparse
import contextlib
import http.client
import json
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from figures import PostGis, Server, fetch, tile_of, wrk

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "200"))
EDITS_PER_SECOND = 200
PAIRS = int(os.environ.get("BENCH_PAIRS", "9"))
PAIR_SECONDS = 3


class Psql:
    """A session that stays open; a statement is over when its mark comes back."""

    def __init__(self, port):
        self.process = subprocess.Popen(
            ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "bench", "-d", "bench", "-X", "-q", "-A", "-t"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def run(self, sql):
        self.process.stdin.write(sql + ";\n\\echo done\n")
        self.process.stdin.flush()
        rows = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("psql ended")
            if line.strip() == "done":
                return rows
            rows.append(line.strip())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Bench:
    def __init__(self, binary, parcels, folder, cluster):
        self.binary, self.parcels, self.folder, self.cluster = binary, parcels, folder, cluster
        self.database = f"postgres://bench@127.0.0.1:{cluster.port}/bench"
        self.missed = []

    def say(self, name, value, target, holds):
        print(f"{name:<58} {value:<30} {target:<22} {'ok' if holds else 'MISSED'}", flush=True)
        if not holds:
            self.missed.append(name)

    def fill(self):
        started = time.monotonic()
        command = [self.binary, "demo", "--parcels", self.parcels, "--no-serve", "--log-level", "error"]
        subprocess.run([*command, "--data", self.folder, "--database", self.database], check=True)
        print(f"demo city of {self.parcels} parcels in PostGIS after {time.monotonic() - started:.0f} s", flush=True)

    def serve(self):
        # The plain table is there to be compared with, not to be served.
        return Server(self.binary, self.folder, "--database", self.database, "--log-level", "error", "--postgres-attach", "")

    def fountains(self, psql, count):
        sql = (
            "SELECT fid, ST_X(p), ST_Y(p) FROM (SELECT fid, ST_Transform(geom, 4326) AS p FROM city.fountains "
            f"ORDER BY md5(fid::text) LIMIT {count}) AS f"
        )
        rows = [row.split("|") for row in psql.run(sql)]
        return [(int(fid), float(x), float(y)) for fid, x, y in rows]

    def commit_to_tile(self, psql, replica):
        host = replica.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host)
        delays, touched = [], 0
        for fid, lon, lat in self.fountains(psql, ROUNDS):
            x, y = tile_of(lon, lat, 16)
            path = f"/tiles/fountains/16/{x}/{y}"

            def tag():
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                return answer.getheader("etag")

            before = tag()
            time.sleep(random.random() * 0.2)
            psql.run(f"UPDATE city.fountains SET geom = ST_Translate(geom, 0.5, 0) WHERE fid = {fid}")
            committed = time.monotonic()
            while tag() == before:
                if time.monotonic() - committed > 10:
                    raise SystemExit(f"{path} is stale")
            delays.append((time.monotonic() - committed) * 1000)
            touched += 1
        p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
        self.say(f"commit in psql -> changed tile, {touched} times", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "15 / 100 ms", p50 <= 15 and p99 <= 100)

    def commit_to_event(self, psql, replica):
        heard = {}
        ready = threading.Event()

        def listen():
            connection = http.client.HTTPConnection(replica.url.removeprefix("http://"))
            connection.request("GET", "/events?layers=fountains")
            answer = connection.getresponse()
            ready.set()
            while True:
                line = answer.readline().decode()
                if not line:
                    return
                if line.startswith("data:") and '"layers"' in line:
                    for part in json.loads(line[5:])["layers"]:
                        for fid in part.get("ids", []):
                            heard.setdefault(fid, time.monotonic())

        threading.Thread(target=listen, daemon=True).start()
        ready.wait(10)
        delays = []
        for fid, _, _ in self.fountains(psql, ROUNDS):
            time.sleep(random.random() * 0.1)
            heard.pop(fid, None)
            psql.run(f"UPDATE city.fountains SET name = 'n' || {time.monotonic_ns()} WHERE fid = {fid}")
            committed = time.monotonic()
            while fid not in heard:
                if time.monotonic() - committed > 10:
                    raise SystemExit("an event is missing")
                time.sleep(0.0005)
            delays.append(max(0.0, heard[fid] - committed) * 1000)
        p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
        self.say(f"commit in psql -> event, {len(delays)} times", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "p99 250 ms", p99 <= 250)

    def under_edits(self, psql, server):
        places = self.fountains(psql, 400)
        tiles = sorted({tile_of(lon, lat, 15) for _, lon, lat in places})
        asked = {
            "tiles": [f"/tiles/parcels/15/{x}/{y}" for x, y in tiles],
            "lookups": [f"/lookup?x={lon:.6f}&y={lat:.6f}&layers=parcels" for _, lon, lat in places],
        }
        psql.run("INSERT INTO plain.parcels SELECT * FROM city.parcels")
        self.cluster.analyze()
        for path in asked["tiles"] + asked["lookups"]:
            fetch(server.url + path)
        # Many short rounds, each compared with its neighbours: what else the machine does then falls on all alike.
        tables = (None, "plain.parcels", "city.parcels")
        rounds = {name: {table: [] for table in tables} for name in asked}
        edits = {table: [] for table in tables}
        for _ in range(PAIRS):
            for table in tables:
                with self.editing(psql, server, table, edits[table]):
                    for name, paths in asked.items():
                        rounds[name][table].append(wrk(self.folder, server.url, paths, seconds=PAIR_SECONDS))
        for table in tables[1:]:
            print(f"    {table}: {statistics.median(edits[table]):.0f} edits/s", flush=True)
            if statistics.median(edits[table]) < 0.9 * EDITS_PER_SECOND:
                raise SystemExit("the edits are slower than they should be")
        for name, of in rounds.items():
            shares = [rate / quiet for (rate, _), (quiet, _) in zip(of["city.parcels"], of[None])]
            beside = [rate / plain for (rate, _), (plain, _) in zip(of["city.parcels"], of["plain.parcels"])]
            share, quiet = statistics.median(shares), statistics.median(rate for rate, _ in of[None])
            p99, quiet_p99 = (statistics.median(p99 for _, p99 in of[table]) for table in ("city.parcels", None))
            holds = share >= 0.8 and p99 <= 3 * max(quiet_p99, 1.0)
            value = f"{share:.2f} of {quiet:.0f}/s, p99 {p99:.1f}/{quiet_p99:.1f} ms"
            self.say(f"{name} while {EDITS_PER_SECOND} edits/s run, median of {PAIRS}", value, "0.8, p99 under 3 x", holds)
            print(f"    from {min(shares):.2f} to {max(shares):.2f}; {statistics.median(beside):.2f} of what is left "
                  "when a table is edited that nobody serves", flush=True)

    @contextlib.contextmanager
    def editing(self, psql, server, table, edits):
        """Edits a table while something is measured; the editing itself takes its part of the machine."""
        if table is None:
            yield
            return
        first, last = psql.run(f"SELECT min(fid), max(fid) FROM {table}")[0].split("|")
        script = os.path.join(self.folder, "edit.sql")
        with open(script, "w") as file:
            file.write(f"\\set fid random({first}, {last})\nUPDATE {table} SET area_m2 = area_m2 + 1 WHERE fid = :fid;\n")
        # Of the programs at hand the one that takes least of the machine for an edit.
        command = [f"{PostGis.BIN}/pgbench", "-n", "-h", "127.0.0.1", "-p", str(self.cluster.port), "-U", "bench"]
        command += ["-R", str(EDITS_PER_SECOND), "-T", str(2 * PAIR_SECONDS + 2), "-f", script, "bench"]
        editor = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(1)
        yield
        report, _ = editor.communicate()
        edits.append(float(re.search(r"tps = ([\d.]+)", report).group(1)))
        end = int(psql.run("SELECT bricola.sequence()")[0])
        started = time.monotonic()
        while fetch(f"{server.url}/status", {"bricola-min-seq": str(end)})[0] != 200:
            if time.monotonic() - started > 60:
                raise SystemExit("the server does not catch up")

    def renewed(self, psql, server):
        """Tiles that one moved point renews, of all at which it lies or lay and their neighbours."""
        fid, lon, lat = self.fountains(psql, 1)[0]
        psql.run("SELECT bricola.sequence()")

        def misses():
            text = fetch(f"{server.url}/metrics")[2].decode()
            line = next(line for line in text.splitlines() if line.startswith("bricola_tile_cache_total") and "miss" in line)
            return float(line.rsplit(" ", 1)[1])

        # Its new place, 100 m to the east.
        there = lon + 100 / (111_320 * math.cos(math.radians(lat)))
        paths = set()
        for z in range(12, 19):
            for at in (lon, there):
                x, y = tile_of(at, lat, z)
                paths |= {f"/tiles/fountains/{z}/{x + i}/{y + j}" for i in (-1, 0, 1) for j in (-1, 0, 1)}
        for path in paths:
            fetch(server.url + path)
        sql = f"UPDATE city.fountains SET geom = ST_Transform(ST_SetSRID(ST_MakePoint({there}, {lat}), 4326), ST_SRID(geom)) WHERE fid = {fid}"
        psql.run(sql)
        end = psql.run("SELECT bricola.sequence()")[0]
        before = misses()
        for path in paths:
            fetch(server.url + path, {"bricola-min-seq": end})
        count = int(misses() - before)
        self.say(f"tiles renewed by one moved point, of {len(paths)} (z12-z18)", f"{count}", "2 x 7 and buffers", 2 <= count <= 28)

    def not_modified(self, server, psql):
        _, lon, lat = self.fountains(psql, 1)[0]
        x, y = tile_of(lon, lat, 16)
        path = f"/tiles/parcels/16/{x}/{y}"
        tag = fetch(server.url + path)[1].get("etag")

        def questions():
            text = fetch(f"{server.url}/metrics")[2].decode()
            lines = [line for line in text.splitlines() if line.startswith("bricola_store_questions_total")]
            return float(lines[0].rsplit(" ", 1)[1]) if lines else 0.0

        before = questions()
        answers = {fetch(server.url + path, {"if-none-match": tag})[0] for _ in range(1000)}
        self.say("database accesses of 1,000 answers 304", f"{questions() - before:.0f}", "none", answers == {304} and questions() == before)

    def triggers(self, psql):
        columns = "geom, national_ref, sheet, number"
        psql.run("TRUNCATE plain.parcels")
        psql.run(f"CREATE TEMPORARY TABLE rows AS SELECT {columns} FROM city.parcels LIMIT 100000")
        psql.run("UPDATE rows SET national_ref = 'new ' || national_ref, number = 'new ' || number")
        best = {"plain": math.inf, "city": math.inf}
        for _ in range(5):
            for schema in best:
                started = time.monotonic()
                psql.run(f"INSERT INTO {schema}.parcels ({columns}) SELECT {columns} FROM rows")
                best[schema] = min(best[schema], time.monotonic() - started)
                psql.run(f"DELETE FROM {schema}.parcels WHERE number LIKE 'new %'")
        ratio = best["city"] / best["plain"]
        self.say("insert of 100,000 rows with triggers", f"{ratio:.2f} x {best['plain']:.2f} s", "2.5 x", ratio <= 2.5)

    def warm(self):
        """Starts with the layers that the first server kept on disk when it ended."""
        with self.serve() as server:
            self.say("start with what was kept on disk", f"{server.ready_after:.1f} s", "2 s", server.ready_after <= 2)
        self.cluster.stop("fast")
        try:
            with self.serve() as server:
                self.say("the same while the database is down", f"{server.ready_after:.1f} s", "2 s", server.ready_after <= 2)
        finally:
            self.cluster.start()

    def run(self):
        self.fill()
        psql = Psql(self.cluster.port)
        # A table of the same columns and indexes that nobody serves.
        psql.run("CREATE SCHEMA plain")
        psql.run("CREATE TABLE plain.parcels (LIKE city.parcels INCLUDING ALL)")
        psql.run("ALTER TABLE plain.parcels ALTER since SET DEFAULT 1")
        # As any database is that was not filled this minute.
        self.cluster.analyze()
        with self.serve() as first:
            ready = first.ready_after
            count = int(psql.run("SELECT count(*) FROM city.parcels")[0])
            self.say(f"first load of all layers, {count} parcels among them", f"{ready:.1f} s", "10 s", ready <= 10)
            with self.serve() as replica:
                self.commit_to_tile(psql, replica)
                self.commit_to_event(psql, replica)
                self.renewed(psql, replica)
            self.not_modified(first, psql)
            self.under_edits(psql, first)
        psql.close()
        self.warm()
        psql = Psql(self.cluster.port)
        self.triggers(psql)
        psql.close()


def over_postgis(make):
    """Runs the bench that `make` gives for a folder and a cluster of its own; fails where it missed a figure."""
    folder = tempfile.mkdtemp(prefix="bricola-bench-")
    os.chmod(folder, 0o755)
    try:
        with PostGis(folder) as cluster:
            bench = make(folder, cluster)
            bench.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if bench.missed:
        print("missed: " + "; ".join(bench.missed))
        sys.exit(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--parcels", default=os.environ.get("PARCELS", "1m"))
    arguments = parser.parse_args()
    over_postgis(lambda folder, cluster: Bench(os.path.abspath(arguments.binary), arguments.parcels, folder, cluster))


if __name__ == "__main__":
    main()
