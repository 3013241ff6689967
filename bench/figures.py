"""Measures a release binary of Bricola against the figures it is built for, with peers in the same run.

usage: figures.py BRICOLA EXAMPLES [--parcels 1m] [--only load,restart,...]

EXAMPLES is the folder with the bare axum server of `server/examples/bare.rs` and with `crawl.rs` beside it. Everything runs on the loopback interface, in a
folder of its own under the system's temporary folder, and is removed at the end. Every request loop is bounded.
"""

import argparse
import json
import math
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SECONDS = int(os.environ.get("BENCH_SECONDS", "8"))
CONNECTIONS = 16


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, headers=None):
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def resident_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return 0.0


class Server:
    """`bricola serve` on a folder, until closed."""

    def __init__(self, binary, data, *flags):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        started = time.monotonic()
        command = [binary, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.ready_after = self.wait(started)

    def wait(self, started):
        while time.monotonic() - started < 300:
            if self.process.poll() is not None:
                raise SystemExit("bricola serve ended at once")
            try:
                if fetch(f"{self.url}/status")[0] == 200:
                    return time.monotonic() - started
            except OSError:
                pass
            time.sleep(0.01)
        raise SystemExit("bricola serve is not ready after five minutes")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Bare:
    """A bare axum handler that returns one answer from memory: the ceiling for a hit."""

    def __init__(self, binary, folder, body, headers):
        path = os.path.join(folder, "bare.bin")
        with open(path, "wb") as file:
            file.write(body)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        encoding = headers.get("content-encoding", headers.get("Content-Encoding", "identity"))
        kind = headers.get("content-type", headers.get("Content-Type", "application/json"))
        self.process = subprocess.Popen([binary, f"127.0.0.1:{port}", path, kind, encoding], stdout=subprocess.DEVNULL)
        while True:
            try:
                fetch(self.url)
                break
            except OSError:
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def wrk(folder, base, paths, headers=None, seconds=SECONDS):
    """Requests/s and p99 in ms over a list of paths, in order, each connection from another place."""
    script = os.path.join(folder, "paths.lua")
    listing = ",\n".join(json.dumps(path) for path in paths)
    extra = "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in (headers or {}).items())
    with open(script, "w") as file:
        file.write(
            f"local paths = {{\n{listing}\n}}\n{extra}"
            "local at = 0\n"
            "function init(args) math.randomseed(tonumber(tostring({}):match('0x(%x+)'), 16) % 100000)\n"
            " at = math.random(#paths) end\n"
            "function request() at = at % #paths + 1 return wrk.format(nil, paths[at]) end\n"
        )
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script, base]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
    p99 = float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    if errors:
        raise SystemExit(f"{errors.group(1)} failed requests under load: {paths[0]} …")
    return rate, p99


def beside(folder, ours, theirs, headers=None):
    """The median ratio of many short rounds, with the medians of ours, theirs and our p99 in ms: what else the machine
    does falls on both alike."""
    rounds = []
    for _ in range(9):
        rate, p99 = wrk(folder, *ours, headers, seconds=3)
        ceiling, _ = wrk(folder, *theirs, headers, seconds=3)
        rounds.append((rate / ceiling, rate, ceiling, p99))
    return tuple(statistics.median(values) for values in zip(*rounds))


def median_of_three(measure):
    return statistics.median(measure() for _ in range(3))


def tile_of(lon, lat, zoom):
    scale = 1 << zoom
    y = 0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)
    return int((lon / 360 + 0.5) * scale), int(y * scale)


class Bench:
    def __init__(self, arguments):
        self.bricola, self.parcels = arguments.bricola, arguments.parcels
        self.bare, self.crawl = (os.path.join(arguments.examples, name) for name in ("bare", "crawl"))
        self.folder = tempfile.mkdtemp(prefix="bricola-bench-")
        self.data = arguments.data or os.path.join(self.folder, "city")
        self.rows = []
        self.city = self.data
        self.random = random.Random(1)

    def say(self, name, value, target, holds):
        mark = "reached" if holds else "MISSED"
        self.rows.append((name, value, target, mark))
        print(f"{name:<58} {value:<34} target {target:<26} {mark}", flush=True)

    def run(self, only):
        if not os.path.exists(os.path.join(self.data, "bricola.gpkg")):
            started = time.monotonic()
            subprocess.run([self.bricola, "demo", "--parcels", self.parcels, "--seed", "1", "--data", self.data, "--no-serve"],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            print(f"demo city of {self.parcels} parcels generated and stored in {time.monotonic() - started:.1f} s")
        self.slim()
        for name in ("load", "restart", "lookup", "batch", "cold", "hot", "budget"):
            if not only or name in only:
                getattr(self, name)()

    def slim(self):
        """A store with nothing but the parcels and four of their attributes, as the figures are defined."""
        self.city, self.data = self.data, os.path.join(self.folder, "parcels")
        path = self.export("slim.fgb", "FlatGeobuf", "national_ref,sheet,number,area_m2")
        subprocess.run([self.bricola, "load", path, "--layer", "parcels", "--data", self.data], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # -- loading ---------------------------------------------------------------------------------------------

    def export(self, extension, driver, fields="national_ref,municipality,sheet,number,kind,area_m2,label"):
        path = os.path.join(self.folder, f"parcels.{extension}")
        if not os.path.exists(path):
            subprocess.run(["ogr2ogr", "-f", driver, path, os.path.join(self.city, "bricola.gpkg"), "parcels",
                            "-select", fields, "-nlt", "MULTIPOLYGON"],
                           check=True, stderr=subprocess.DEVNULL)
        return path

    def load(self):
        for extension, driver in (("fgb", "FlatGeobuf"), ("gpkg", "GPKG")):
            path = self.export(extension, driver)
            ours, theirs = [], []
            for _ in range(3):
                ours.append(self.load_once(path))
                theirs.append(self.ogr2ogr(path))
            mine, peer = statistics.median(ours), statistics.median(theirs)
            self.say(f"load {self.parcels} parcels from {driver}, validated, to first tile", f"{mine:.1f} s",
                     f"<= ogr2ogr into PostGIS {peer:.1f} s", mine <= peer)

    def load_once(self, path):
        data = os.path.join(self.folder, "load")
        shutil.rmtree(data, ignore_errors=True)
        with Server(self.bricola, data) as server:
            started = time.monotonic()
            subprocess.run([self.bricola, "load", path, "--layer", "parcels", "--data", data], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while True:
                status, _, body = fetch(f"{server.url}/tiles/parcels.json")
                if status == 200:
                    # A layer without features has no bounds yet.
                    west, south, east, north = json.loads(body).get("bounds", (0, 0, 0, 0))
                    if east > west:
                        x, y = tile_of((west + east) / 2, (south + north) / 2, 13)
                        if fetch(f"{server.url}/tiles/parcels/13/{x}/{y}")[0] in (200, 204):
                            return time.monotonic() - started
                time.sleep(0.02)

    def ogr2ogr(self, path):
        with PostGis(self.folder) as cluster:
            started = time.monotonic()
            subprocess.run(["ogr2ogr", "-f", "PostgreSQL", cluster.dsn, path, "-nln", "parcels", "-nlt", "MULTIPOLYGON",
                            "--config", "PG_USE_COPY", "YES"], check=True, stderr=subprocess.DEVNULL)
            return time.monotonic() - started

    # -- serving ---------------------------------------------------------------------------------------------

    def restart(self):
        times = []
        for _ in range(3):
            with Server(self.bricola, self.data) as server:
                times.append(server.ready_after)
        self.say("restart to ready, parcels with 4 attributes", f"{statistics.median(times):.2f} s", "5 s", statistics.median(times) <= 5)

    def extent(self, server):
        bounds = json.loads(fetch(f"{server.url}/tiles/parcels.json")[2])["bounds"]
        return bounds

    def tiles(self, server, zoom, count):
        """Random tiles of the zoom that are not empty."""
        west, south, east, north = self.extent(server)
        found = []
        while len(found) < count:
            lon, lat = self.random.uniform(west, east), self.random.uniform(south, north)
            x, y = tile_of(lon, lat, zoom)
            path = f"/tiles/parcels/{zoom}/{x}/{y}"
            if fetch(server.url + path)[0] == 200:
                found.append(path)
        return found

    def lookup(self):
        with Server(self.bricola, self.data) as server:
            west, south, east, north = self.extent(server)
            paths = []
            sample = None
            while len(paths) < 2000:
                x, y = self.random.uniform(west, east), self.random.uniform(south, north)
                path = f"/lookup?x={x:.7f}&y={y:.7f}&crs=EPSG:4326&layers=parcels"
                if sample is None or len(paths) % 200 == 0:
                    status, headers, body = fetch(server.url + path)
                    if sample is None and (status != 200 or not json.loads(body)["hits"]):
                        continue
                    sample = sample or (body, headers)
                paths.append(path)
            wrk(self.folder, server.url, paths)
            for zoom in (13, 14, 16):
                self.tiles(server, zoom, 50)
            memory = resident_mb(server.process.pid)
            with Bare(self.bare, self.folder, *sample) as bare:
                ratio, rate, ceiling, p99 = beside(self.folder, (server.url, paths), (bare.url, ["/"]))
            self.say("/lookup on parcels, 16 connections", f"{rate:,.0f}/s = {ratio:.2f} of bare axum {ceiling:,.0f}/s",
                     "0.5", ratio >= 0.5)
            self.say("/lookup p99", f"{p99:.2f} ms", "5 ms", p99 <= 5)
            self.say("resident memory, parcels, 4 attributes, all warm", f"{memory:.0f} MB", "400 MB", memory <= 400)

    def batch(self):
        with Server(self.bricola, self.data) as server:
            west, south, east, north = self.extent(server)
        path, out = os.path.join(self.folder, "points.csv"), os.path.join(self.folder, "out.csv")
        count = 1_000_000
        with open(path, "w") as file:
            file.write("id,lon,lat\n")
            for number in range(count):
                file.write(f"{number},{self.random.uniform(west, east):.7f},{self.random.uniform(south, north):.7f}\n")
        result = subprocess.run([self.bricola, "lookup", path, "--layer", "parcels", "-o", out, "--data", self.data],
                                check=True, capture_output=True, text=True)
        print("   ", (result.stdout + result.stderr).strip().splitlines()[-1])
        figures = re.search(r"([\d.,]+) points/s", (result.stdout + result.stderr).replace("_", ""))
        rate = float(figures.group(1).replace(",", "")) if figures else 0.0
        self.say("bricola lookup, CSV in and out", f"{rate:,.0f} points/s", "400,000 points/s", rate >= 400_000)
        joining = re.search(r"alone: ([\d.]+) s of processor", result.stderr)
        peer = self.duckdb(path)
        if joining and peer:
            mine = float(joining.group(1)) / 2
            self.say("the join of 1 M points alone, on 2 threads", f"{mine:.2f} s", f"<= DuckDB spatial {peer[0]:.2f} s",
                     mine <= peer[0])
            found = int(re.search(r"(\d+) found", result.stderr).group(1))
            self.say("points in a parcel, as DuckDB counts them", f"{found:,}", f"{peer[1]:,}", abs(found - peer[1]) <= 10)

    def duckdb(self, points):
        """Seconds of DuckDB spatial's join on two threads, and rows found; none where it cannot be had."""
        home = os.path.join(self.folder, "duckdb")
        python = os.path.join(home, "bin", "python")
        try:
            subprocess.run([sys.executable, "-m", "venv", home], check=True, capture_output=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "duckdb", "duckdb-extension-spatial"], check=True,
                           capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            print("    DuckDB spatial cannot be installed here: the join is not compared")
            return None
        parcels = os.path.join(self.folder, "parcels.slim.fgb")
        script = f"""
import duckdb, duckdb_extension_spatial, glob, os, time
c = duckdb.connect()
c.execute("SET threads=2")
home = os.path.dirname(duckdb_extension_spatial.__file__)
c.execute("INSTALL '" + glob.glob(os.path.join(home, "**", "*.duckdb_extension*"), recursive=True)[0] + "'")
c.execute("LOAD spatial")
c.execute("CREATE TABLE parcels AS SELECT * FROM st_read('{parcels}')")
crs = c.execute("SELECT layers[1].geometry_fields[1].crs.auth_code FROM st_read_meta('{parcels}')").fetchone()[0]
c.execute("CREATE TABLE points AS SELECT st_transform(st_point(lon, lat), 'EPSG:4326', 'EPSG:' || '" + crs +
          "', always_xy := true) AS p FROM read_csv('{points}')")
times = []
for _ in range(3):
    start = time.time()
    found = c.execute("SELECT count(*) FROM points JOIN parcels ON st_contains(parcels.geom, points.p)").fetchone()[0]
    times.append(time.time() - start)
print(sorted(times)[1], found)
"""
        answer = subprocess.run([python, "-c", script], capture_output=True, text=True)
        if answer.returncode:
            print("    DuckDB failed:", answer.stderr.strip().splitlines()[-1])
            return None
        # DuckDB may have drawn a progress bar before.
        seconds, found = answer.stdout.split()[-2:]
        return float(seconds), int(found)

    def cold(self):
        rates = {}
        with Server(self.bricola, self.data, "--tile-cache-mb", "0") as server:
            for zoom, target in ((16, 6000), (14, 700)):
                paths = self.tiles(server, zoom, 400)
                rate = median_of_three(lambda: wrk(self.folder, server.url, paths, {"Accept-Encoding": "gzip"})[0])
                self.say(f"cold tiles z{zoom} (tile cache off), gzip", f"{rate:,.0f}/s", f"{target:,}/s", rate >= target)
                rates[zoom] = (rate, [path.removeprefix("/tiles") for path in paths])
        self.martin(rates)

    def martin(self, rates):
        """The same tiles from Martin over PostGIS, its cache off, where it is installed (MARTIN names the program)."""
        program = os.environ.get("MARTIN") or shutil.which("martin")
        if not program:
            print("    Martin is not installed (cargo install martin; MARTIN=path): no ratio to it")
            return
        with PostGis(self.folder) as cluster:
            subprocess.run(["ogr2ogr", "-f", "PostgreSQL", cluster.dsn, self.export("slim.fgb", "FlatGeobuf"), "-nln", "parcels",
                            "-nlt", "MULTIPOLYGON", "--config", "PG_USE_COPY", "YES"], check=True, stderr=subprocess.DEVNULL)
            cluster.analyze()
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            peer = subprocess.Popen([program, "--cache-size", "0", "--listen-addresses", f"127.0.0.1:{port}",
                                     f"postgresql://bench@127.0.0.1:{cluster.port}/bench"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                for _ in range(600):
                    try:
                        if fetch(f"{url}/parcels")[0] == 200:
                            break
                    except OSError:
                        pass
                    time.sleep(0.1)
                for zoom, (mine, paths) in rates.items():
                    rate = median_of_three(lambda: wrk(self.folder, url, paths, {"Accept-Encoding": "gzip"})[0])
                    self.say(f"cold tiles z{zoom}, beside Martin", f"{mine:,.0f}/s = {mine / rate:.1f} times", f"Martin {rate:,.0f}/s",
                             mine >= rate)
            finally:
                peer.terminate()
                peer.wait()

    def hot(self):
        with Server(self.bricola, self.data) as server:
            path = self.tiles(server, 14, 1)[0]
            _, headers, body = fetch(server.url + path, {"Accept-Encoding": "gzip"})
            with Bare(self.bare, self.folder, body, headers) as bare:
                ratio, rate, ceiling, _ = beside(self.folder, (server.url, [path]), (bare.url, ["/"]), {"Accept-Encoding": "gzip"})
            self.say(f"hot tile z14 ({len(body):,} bytes gzip)", f"{rate:,.0f}/s = {ratio:.2f} of bare axum {ceiling:,.0f}/s",
                     "0.8", ratio >= 0.8)

    def budget(self):
        """Every tile of every layer of the city, cold."""
        deepest = os.environ.get("CRAWL_ZOOM", "18")
        with Server(self.bricola, self.city, "--tile-cache-mb", "0") as server:
            crawl = subprocess.Popen([self.crawl, server.url, deepest], stdout=subprocess.PIPE, text=True)
            for line in crawl.stdout:
                if not line.startswith("{"):
                    print("   ", line.rstrip(), flush=True)
            if crawl.wait():
                raise SystemExit("the crawl did not come to its end")
            seen = json.loads(line)
        name = f"largest of {seen['asked']:,} tiles, z0-z{deepest}, {seen['layers']} layers"
        self.say(name, f"{seen['largest_bytes']:,} bytes ({seen['largest']})", "500,000 bytes", seen["largest_bytes"] <= 500_000)
        self.say(f"slowest of them ({seen['slow']} asked for again)", f"{seen['slowest_ms']:.0f} ms ({seen['slowest']})", "100 ms",
                 seen["slow_twice"] == 0 and seen["slowest_ms"] <= 100)


class PostGis:
    """A private cluster on a free port, run by an unprivileged user, removed afterwards."""

    BIN = "/usr/lib/postgresql/15/bin"

    def __init__(self, folder):
        self.folder = tempfile.mkdtemp(prefix="pg-", dir=folder)
        self.port = free_port()
        self.dsn = f"PG:host=127.0.0.1 port={self.port} user=bench dbname=bench"

    def command(self, *words):
        if os.geteuid() == 0:
            words = ("runuser", "-u", "postgres", "--", *words)
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def __enter__(self):
        if os.geteuid() == 0:
            parent = os.path.dirname(self.folder)
            os.chmod(parent, 0o755)
            shutil.chown(self.folder, "postgres", "postgres")
        self.command(f"{self.BIN}/initdb", "-D", f"{self.folder}/data", "-U", "bench", "-A", "trust")
        self.start()
        psql = ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-q"]
        subprocess.run([*psql, "-d", "postgres", "-c", "CREATE DATABASE bench"], check=True)
        subprocess.run([*psql, "-d", "bench", "-c", "CREATE EXTENSION postgis"], check=True)
        return self

    def start(self):
        options = f"-p {self.port} -k '' -c shared_buffers=1GB -c max_wal_size=4GB"
        self.command(f"{self.BIN}/pg_ctl", "-D", f"{self.folder}/data", "-o", options, "-l", f"{self.folder}/log", "-w", "start")

    def stop(self, mode):
        self.command(f"{self.BIN}/pg_ctl", "-D", f"{self.folder}/data", "-m", mode, "-w", "stop")

    def analyze(self):
        subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-q", "-d", "bench", "-c", "VACUUM ANALYZE"],
                       check=True)

    def __exit__(self, *_):
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bricola")
    parser.add_argument("examples")
    parser.add_argument("--parcels", default=os.environ.get("PARCELS", "1m"))
    parser.add_argument("--data", help="a folder with the demo city already in it")
    parser.add_argument("--only", default="", help="comma-separated names of measurements")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    try:
        bench.run([name for name in arguments.only.split(",") if name])
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)
    missed = [name for name, _, _, mark in bench.rows if mark != "reached"]
    print(f"{len(bench.rows) - len(missed)} reached, {len(missed)} missed" + (": " + "; ".join(missed) if missed else ""))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
