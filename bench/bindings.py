"""Measures how fast bindings are true again over PostGIS, beside what the database itself takes for the same.

usage: bindings.py BRICOLA [--parcels 1m] [--objects 200000]

A private cluster and a server run on the loopback interface, in a folder of their own, and are removed at the end. Of the
city's tax objects as many are kept as are asked for; its tariff zones are cut into 60.
"""

import argparse
import os
import re
import statistics
import subprocess
import time

from durable import Psql, over_postgis
from figures import Server, fetch

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
ZONES = 60
SAME = (
    "SELECT z.code FROM city.tariff_zones AS z WHERE ST_Contains(z.geom, o.geom) "
    "AND (z.valid_from IS NULL OR z.valid_from <= current_date) AND (z.valid_to IS NULL OR current_date < z.valid_to) "
    "ORDER BY z.rank NULLS LAST, z.fid LIMIT 1"
)


class Bench:
    def __init__(self, arguments, folder, cluster):
        self.binary, self.parcels, self.objects = arguments.binary, arguments.parcels, arguments.objects
        self.folder, self.cluster = folder, cluster
        self.database = f"postgres://bench@127.0.0.1:{cluster.port}/bench"
        self.missed = []

    def say(self, name, value, target="", holds=True):
        print(f"{name:<64} {value:<40} {target:<10} {'ok' if holds else 'MISSED'}", flush=True)
        if not holds:
            self.missed.append(name)

    def bricola(self, *arguments):
        command = [self.binary, *arguments, "--data", self.folder, "--database", self.database, "--log-level", "error"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def fill(self, psql):
        self.bricola("demo", "--parcels", self.parcels, "--no-serve")
        psql.run(f"CREATE TEMPORARY TABLE beyond AS SELECT fid FROM city.tax_objects ORDER BY md5(fid::text) OFFSET {self.objects}")
        psql.run("DELETE FROM city.tax_objects AS o USING beyond AS b WHERE b.fid = o.fid")
        # Bands of the city, so that each border has thousands of objects about it.
        psql.run("CREATE TEMPORARY TABLE reach AS SELECT ST_Extent(geom)::geometry AS g, min(ST_SRID(geom)) AS srid FROM city.tax_objects")
        psql.run("CREATE TEMPORARY TABLE one AS SELECT array_agg(x ORDER BY n) AS cuts FROM (SELECT n, percentile_cont(n / "
                 f"{ZONES}.0) WITHIN GROUP (ORDER BY ST_X(geom)) AS x FROM city.tax_objects, generate_series(0, {ZONES}) AS n GROUP BY n) AS q")
        psql.run("DELETE FROM city.tariff_zones")
        psql.run(
            "INSERT INTO city.tariff_zones (geom, code, name, rank) SELECT ST_Multi(ST_Segmentize(ST_SetSRID(ST_MakeEnvelope("
            "cuts[n] - CASE WHEN n = 1 THEN 5 ELSE 0 END, ST_YMin(g) - 5, "
            f"cuts[n + 1] + CASE WHEN n = {ZONES} THEN 5 ELSE 0 END, ST_YMax(g) + 5), srid), 50)), 'Z' || n, 'Zona ' || n, n "
            f"FROM reach, one, generate_series(1, {ZONES}) AS n"
        )
        psql.run("SELECT bricola.sequence()")
        self.cluster.analyze()
        counts = psql.run("SELECT (SELECT count(*) FROM city.tax_objects), (SELECT count(*) FROM city.parcels), (SELECT count(*) FROM city.tariff_zones)")
        print(f"tax objects | parcels | zones: {counts[0]}", flush=True)

    def rebuild(self, name, target=None):
        told = self.bricola("bindings", "rebuild", "--layer", "tax-objects")
        written, looked = re.search(r"(\d+) of (\d+) features", told).groups()
        read, found, wrote = (float(value) for value in re.search(r"read ([\d.]+) s, found ([\d.]+) s, written ([\d.]+) s", told).groups())
        self.say(f"{name}: {written} of {looked} written", f"found {found:.2f} s, written {wrote:.2f} s (read {read:.1f} s)",
                 "3 s" if target else "", target is None or found + wrote <= target)

    def rebuilds(self, psql):
        columns = "parcel_ref, tariff_zone, omi_zone, district"
        psql.run(f"UPDATE city.tax_objects SET {', '.join(c + ' = NULL' for c in columns.split(', '))}")
        self.rebuild("rebuild, all rows differ", 3)
        self.rebuild("rebuild, none differs", 3)
        for name, table in (("a table without triggers", "plain"), ("the layer itself", "city")):
            if table == "plain":
                psql.run("CREATE SCHEMA plain")
                psql.run("CREATE TABLE plain.tax_objects (LIKE city.tax_objects INCLUDING ALL)")
                psql.run("INSERT INTO plain.tax_objects SELECT * FROM city.tax_objects")
                psql.run("ANALYZE plain.tax_objects")
            psql.run(f"UPDATE {table}.tax_objects SET tariff_zone = NULL")
            started = time.monotonic()
            psql.run(f"UPDATE {table}.tax_objects AS o SET tariff_zone = z.code FROM city.tariff_zones AS z WHERE ST_Contains(z.geom, o.geom)")
            self.say(f"    UPDATE … FROM … ST_Contains, one field, {name}", f"{time.monotonic() - started:.2f} s")
        self.cluster.analyze()

    def state(self, server):
        text = fetch(f"{server.url}/metrics")[2].decode()
        value = lambda name: float(re.search(rf'^{name}{{layer="tax-objects"}} ([\d.e+]+)$', text, re.M).group(1))
        return value("bricola_binding_seq"), value("bricola_binding_looked"), value("bricola_binding_written")

    def border(self, psql, server, name, by):
        """Moves the common border of two zones in the middle of the city, and back."""
        zones = [row.split("|") for row in psql.run(
            "SELECT z.fid, count(*) FROM city.tariff_zones AS z JOIN city.tax_objects AS o ON o.geom && z.geom GROUP BY 1 ORDER BY z.fid")]
        # As many zones as have ten thousand objects in their boxes together.
        picked, objects = [], 0
        for fid, count in zones[len(zones) // 2:]:
            picked.append(fid)
            objects += int(count)
            if objects >= 10_000:
                break
        where = f"fid IN ({', '.join(picked)})"
        delays, looked, written, plain = [], [], [], []
        for turn in range(ROUNDS):
            _, looked_before, written_before = self.state(server)
            way = by if turn % 2 == 0 else -by
            psql.run(f"UPDATE city.tariff_zones SET geom = ST_Translate(geom, {way}, 0) WHERE {where}")
            started = time.monotonic()
            end = int(psql.run("SELECT bricola.sequence()")[0])
            while self.state(server)[0] < end:
                if time.monotonic() - started > 60:
                    raise SystemExit("bindings are not true again")
                time.sleep(0.002)
            delays.append((time.monotonic() - started) * 1000)
            _, looked_now, written_now = self.state(server)
            looked.append(looked_now - looked_before)
            written.append(written_now - written_before)
            # The database's own way, of the same objects, undone.
            psql.run("BEGIN")
            began = time.monotonic()
            psql.run(f"UPDATE plain.tax_objects AS o SET tariff_zone = q.code FROM (SELECT o.fid, ({SAME}) AS code FROM city.tax_objects AS o "
                     f"WHERE o.geom && (SELECT ST_Extent(geom)::geometry FROM city.tariff_zones WHERE {where})) AS q "
                     "WHERE q.fid = o.fid AND o.tariff_zone IS DISTINCT FROM q.code")
            plain.append((time.monotonic() - began) * 1000)
            psql.run("ROLLBACK")
        delay = statistics.median(delays)
        value = f"{delay:.0f} ms ({min(delays):.0f}-{max(delays):.0f}), {statistics.median(written):.0f} of {statistics.median(looked):.0f} written"
        self.say(f"{name} -> bindings true again, {len(delays)} times", value, "300 ms", delay <= 300)
        self.say("    UPDATE … FROM … ST_Contains on a table without triggers", f"{statistics.median(plain):.0f} ms")

    def run(self):
        psql = Psql(self.cluster.port)
        self.fill(psql)
        self.rebuilds(psql)
        flags = ["--database", self.database, "--log-level", "error", "--postgres-attach", "", "--show-all-layers=true"]
        with Server(self.binary, self.folder, *flags) as server:
            started, end = time.monotonic(), int(psql.run("SELECT bricola.sequence()")[0])
            while self.state(server)[0] < end:
                if time.monotonic() - started > 120:
                    raise SystemExit("bindings are not true after the start")
                time.sleep(0.1)
            psql.run("TRUNCATE plain.tax_objects")
            psql.run("INSERT INTO plain.tax_objects SELECT * FROM city.tax_objects")
            psql.run("ANALYZE plain.tax_objects")
            self.border(psql, server, "borders moved by 10 m", 10)
            self.border(psql, server, "borders moved by 2 km", 2_000)
        psql.close()
        command = [self.binary, "bindings", "check", "--data", self.folder, "--database", self.database, "--log-level", "error"]
        checked = subprocess.run(command, capture_output=True, text=True)
        print(checked.stdout.strip(), checked.stderr.strip())
        self.say("    and they are what another library finds", "", "", checked.returncode == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--parcels", default=os.environ.get("PARCELS", "1m"))
    parser.add_argument("--objects", type=int, default=int(os.environ.get("BENCH_OBJECTS", "200000")))
    arguments = parser.parse_args()
    arguments.binary = os.path.abspath(arguments.binary)
    over_postgis(lambda folder, cluster: Bench(arguments, folder, cluster))


if __name__ == "__main__":
    main()
