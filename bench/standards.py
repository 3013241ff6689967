"""Measures a release binary of Bricola over PostGIS against the figures of issue "Standards that pass": features by box, by
filter and as files, beside tipg and PostGIS itself, and edits.

usage: standards.py BRICOLA [--parcels 1m] [--tipg FOLDER]

A private cluster, a server and tipg over one database run on the loopback interface, in a folder of their own, and are
removed at the end. tipg is taken from the virtual environment that --tipg or TIPG names; without one it is installed into a
new one.
"""

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

from durable import Psql, over_postgis
from figures import Server, fetch, free_port, resident_mb, wrk

PLACES = 400
PAIRS = int(os.environ.get("BENCH_PAIRS", "3"))
WRITERS = 8
WRITE_SECONDS = int(os.environ.get("BENCH_WRITE_SECONDS", "15"))
TOKEN = "a-token-of-the-benchmark"


class Tipg:
    """tipg on a table, one process of uvicorn for each core, until closed."""

    def __init__(self, folder, database, schema):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "DATABASE_URL": database, "TIPG_DB_SCHEMAS": json.dumps([schema]), "TIPG_DB_SPATIAL_EXTENT": "FALSE",
            "TIPG_DB_DATETIME_EXTENT": "FALSE",
        }
        command = [os.path.join(folder, "bin", "uvicorn"), "tipg.main:app", "--port", str(port), "--workers", str(os.cpu_count()),
                   "--log-level", "error", "--no-access-log"]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 120
        while True:
            try:
                if fetch(f"{self.url}/healthz")[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise SystemExit("tipg is not ready after two minutes")
            time.sleep(0.2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)


def tipg_in(folder):
    """A virtual environment with tipg in it."""
    if not os.path.exists(os.path.join(folder, "bin", "uvicorn")):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        packages = ["tipg==1.6.1", "uvicorn", "uvloop", "httptools"]
        subprocess.run([os.path.join(folder, "bin", "pip"), "install", "--quiet", *packages], check=True)
    return folder


class Bench:
    def __init__(self, arguments, folder, cluster):
        self.binary, self.parcels, self.folder, self.cluster = os.path.abspath(arguments.binary), arguments.parcels, folder, cluster
        self.tipg = tipg_in(arguments.tipg or os.path.join(folder, "tipg"))
        self.database = f"postgres://bench@127.0.0.1:{cluster.port}/bench"
        self.missed = []

    def say(self, name, value, target, holds):
        print(f"{name:<58} {value:<46} {target:<18} {'ok' if holds else 'MISSED'}", flush=True)
        if not holds:
            self.missed.append(name)

    def fill(self):
        command = [self.binary, "demo", "--parcels", self.parcels, "--no-serve", "--log-level", "error"]
        subprocess.run([*command, "--data", self.folder, "--database", self.database], check=True)
        psql = Psql(self.cluster.port)
        # In degrees, so that tipg has nothing to transform, and with all that it wants: a primary key and an index.
        psql.run(
            "CREATE SCHEMA peer; CREATE TABLE peer.parcels AS SELECT fid AS id, sheet, number, ST_Transform(geom, 4326) AS geom "
            "FROM city.parcels; ALTER TABLE peer.parcels ADD PRIMARY KEY (id); "
            "CREATE INDEX ON peer.parcels USING gist (geom); VACUUM ANALYZE peer.parcels"
        )
        rows = psql.run(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geom) AS p FROM peer.parcels "
            f"ORDER BY md5(id::text) LIMIT {PLACES}) AS f"
        )
        self.places = [tuple(float(number) for number in row.split("|")) for row in rows]
        self.count = int(psql.run("SELECT count(*) FROM peer.parcels")[0])
        self.boxes = [self.box_of_hundred(psql, *place) for place in self.places]
        psql.close()

    def box_of_hundred(self, psql, lon, lat):
        """A box around a place in which a hundred parcels lie, or a few more."""
        sql = (
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT ST_Expand(ST_SetSRID(ST_Extent(geom), 4326), 0) AS e "
            f"FROM (SELECT geom FROM peer.parcels ORDER BY geom <-> ST_SetSRID(ST_MakePoint({lon}, {lat}), 4326) LIMIT 60) AS n) AS b"
        )
        return [float(number) for number in psql.run(sql)[0].split("|")]

    def rates(self, ours, theirs):
        """Median requests/s of ours and of the peer's, in turns."""
        rounds = []
        for _ in range(PAIRS):
            rounds.append((wrk(self.folder, *ours, seconds=3), wrk(self.folder, *theirs, seconds=4)))
        mine, peer = ([round[side][0] for round in rounds] for side in (0, 1))
        return statistics.median(mine), statistics.median(peer), statistics.median(round[0][1] for round in rounds)

    def pgbench(self, sql):
        """Queries/s of PostGIS itself over the places, 16 connections, prepared."""
        script = os.path.join(self.folder, "query.sql")
        with open(script, "w") as file:
            file.write(f"\\set n random(1, {len(self.places)})\n{sql};\n")
        command = ["/usr/lib/postgresql/15/bin/pgbench", "-h", "127.0.0.1", "-p", str(self.cluster.port), "-U", "bench", "-n", "-M", "prepared",
                   "-c", "16", "-j", "1", "-T", "4", "-f", script, "bench"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return next(float(line.split()[2]) for line in output.splitlines() if line.startswith("tps"))

    def peers(self, server, tipg):
        psql = Psql(self.cluster.port)
        values = ", ".join(f"({n + 1}, ST_MakeEnvelope({','.join(map(str, box))}, 4326), ST_SetSRID(ST_MakePoint({x}, {y}), 4326))"
                           for n, (box, (x, y)) in enumerate(zip(self.boxes, self.places)))
        psql.run(f"CREATE TABLE peer.places (n int PRIMARY KEY, box geometry, point geometry); INSERT INTO peer.places VALUES {values}; ANALYZE peer.places")
        psql.close()
        json_of = "SELECT json_agg(ST_AsGeoJSON(p.*)::json) FROM (SELECT id, sheet, number, geom FROM peer.parcels, peer.places WHERE n = :n AND {} LIMIT 100) AS p"
        queries = [
            ("items?bbox= of 100 parcels", 20, "geom && box AND ST_Intersects(geom, box)",
             [f"?limit=100&bbox={','.join(f'{number:.8f}' for number in box)}" for box in self.boxes]),
            ("items?filter= point in polygon", 30, "ST_Intersects(geom, point)",
             [f"?filter={urllib.parse.quote(f'S_INTERSECTS(geom,POINT({x:.8f} {y:.8f}))')}&filter-lang=cql2-text" for x, y in self.places]),
        ]
        for name, wanted, condition, asked in queries:
            ours = [f"/collections/parcels/items{query}" for query in asked]
            theirs = [f"/collections/peer.parcels/items{query}" for query in asked]
            self.same(server.url + ours[0], tipg.url + theirs[0])
            mine, peer, p99 = self.rates((server.url, ours), (tipg.url, theirs))
            postgis = self.pgbench(json_of.format(condition))
            value = f"{mine:.0f}/s, p99 {p99:.1f} ms; tipg {peer:.0f}/s, SQL {postgis:.0f}/s"
            self.say(name, value, f"{wanted} x tipg", mine >= wanted * peer)
            print(f"{'':<58} {mine / peer:.0f} x tipg, {mine / postgis:.1f} x PostGIS")

    def same(self, ours, theirs):
        """Both answer with the same parcels, or the comparison is none."""
        def parcels(url):
            status, _, body = fetch(url)
            if status != 200:
                raise SystemExit(f"{url} answers {status}: {body[:300]}")
            return {(of["properties"]["sheet"], of["properties"]["number"]) for of in json.loads(body)["features"]}

        mine, peer = parcels(ours), parcels(theirs)
        if not mine or len(mine ^ peer) > len(mine) // 20:
            raise SystemExit(f"{ours} and {theirs} differ: {len(mine)} and {len(peer)} parcels, {len(mine ^ peer)} not in both")

    def scan(self, server):
        lons, lats = zip(*self.places)
        box = f"{min(lons)},{min(lats)},{max(lons)},{max(lats)}"
        words = urllib.parse.quote("number LIKE '%7' AND sheet > 2")
        url = f"{server.url}/collections/parcels/items?limit=10&bbox={box}&filter={words}"
        times, matched = [], 0
        for _ in range(30):
            started = time.monotonic()
            status, _, body = fetch(url)
            times.append((time.monotonic() - started) * 1000)
            if status != 200:
                raise SystemExit(f"{url} answers {status}: {body[:300]}")
            matched = json.loads(body)["numberMatched"]
        median = statistics.median(times)
        self.say(f"filter over {self.count} parcels, attribute and box", f"{median:.0f} ms, {matched} match", "50 ms", median <= 50)

    def download(self, server):
        fetch(f"{server.url}/collections/parcels/items?f=fgb&limit=10")
        before = peak = resident_mb(server.process.pid)
        done = threading.Event()

        def watch():
            nonlocal peak
            while not done.wait(0.01):
                peak = max(peak, resident_mb(server.process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        started = time.monotonic()
        path = os.path.join(self.folder, "parcels.fgb")
        subprocess.run(["curl", "-s", "-f", "-o", path, f"{server.url}/collections/parcels/items?f=fgb"], check=True)
        took = time.monotonic() - started
        done.set()
        watcher.join()
        value = f"{took:.1f} s, {os.path.getsize(path) / 1e6:.0f} MB, {peak - before:.0f} MB of memory more"
        self.say("all parcels as FlatGeobuf", value, "5 s, 100 MB", took <= 5 and peak - before <= 100)
        os.remove(path)

    def patches(self, server):
        psql = Psql(self.cluster.port)
        ids = [int(row) for row in psql.run(f"SELECT fid FROM city.fountains ORDER BY md5(fid::text) LIMIT {WRITERS * 200}")]
        seen = psql.run("SHOW fsync") + psql.run("SHOW synchronous_commit")
        if seen != ["on", "on"]:
            raise SystemExit(f"the database does not wait for its disk: {seen}")
        written, failures, delays = {}, [], []
        end = time.monotonic() + WRITE_SECONDS

        def write(own):
            connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
            tags = {}
            for round in range(1_000_000):
                for fid in own:
                    if time.monotonic() > end:
                        return
                    path = f"/collections/fountains/items/{fid}"
                    if fid not in tags:
                        connection.request("GET", path)
                        answer = connection.getresponse()
                        answer.read()
                        tags[fid] = answer.getheader("etag")
                    name = f"round {round} of {fid}"
                    headers = {"If-Match": tags[fid], "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/merge-patch+json"}
                    started = time.monotonic()
                    connection.request("PATCH", path, json.dumps({"properties": {"name": name}}), headers)
                    answer = connection.getresponse()
                    body = answer.read()
                    if answer.status != 204:
                        failures.append((answer.status, body[:200]))
                        return
                    delays.append((time.monotonic() - started) * 1000)
                    tags[fid] = answer.getheader("etag")
                    written[fid] = name

        started = time.monotonic()
        threads = [threading.Thread(target=write, args=(ids[writer::WRITERS],)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rate = len(delays) / (time.monotonic() - started)
        rows = dict(row.split("|") for row in psql.run(f"SELECT fid, name FROM city.fountains WHERE fid IN ({','.join(map(str, ids))})"))
        lost = [fid for fid, name in written.items() if rows[str(fid)] != name]
        p99 = sorted(delays)[int(len(delays) * 0.99)]
        value = f"{rate:.0f}/s, p99 {p99:.0f} ms, {len(delays)} edits, {len(lost)} lost"
        self.say(f"PATCH of one feature, {WRITERS} writers, fsync", value, "500/s, none lost", rate >= 500 and not lost and not failures)
        if failures:
            print(f"refused: {failures[0]}")
        psql.close()

    def run(self):
        self.fill()
        config = os.path.join(self.folder, "bricola.toml")
        with open(config, "w") as file:
            file.write("[editing]\nenabled = true\n")
        os.environ["BRICOLA_EDITING_TOKEN"] = TOKEN
        flags = ["--config", config, "--database", self.database, "--log-level", "error", "--postgres-attach", ""]
        # One that has just read the whole store holds what reading took, and gives it back as it likes: what a server holds
        # is told of one that was started again.
        with Server(self.binary, self.folder, *flags):
            time.sleep(5)
        with Server(self.binary, self.folder, *flags) as server:
            # First of all: what others have let go of before would be taken again, and hide what this takes.
            self.download(server)
            self.scan(server)
            with Tipg(self.tipg, self.database, "peer") as tipg:
                self.peers(server, tipg)
            self.patches(server)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--parcels", default=os.environ.get("PARCELS", "1m"))
    parser.add_argument("--tipg", default=os.environ.get("TIPG"), help="a virtual environment with tipg and uvicorn in it")
    arguments = parser.parse_args()
    over_postgis(lambda folder, cluster: Bench(arguments, folder, cluster))


if __name__ == "__main__":
    main()
