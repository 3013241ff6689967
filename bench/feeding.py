"""Measures how modules are fed over PostGIS, or tries to make them lose something.

usage: feeding.py BRICOLA figures|soak [--objects 200000] [--seconds 60] [--rate 1000]

`figures`: the first sync of a module by the reference client, and webhooks at a rate of edits for some seconds: the delay of each
event from its commit, none lost, none out of order. `soak`: both reference modules follow two servers while edits go on, and every
second or two a module, a server or the database is killed; in the end both must have the same as the database. A private cluster
and everything else run on the loopback interface, in a folder of their own, and are removed at the end.
"""

import argparse
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime

from durable import Psql, over_postgis, percentile
from figures import PostGis, Server, free_port

MODULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "modules")
TOKEN = "0123456789abcdef0123456789abcdef"
sys.path.insert(0, MODULES)

import territory  # noqa: E402


class Receiver:
    """Takes what is sent, and notes when."""

    def __init__(self):
        self.got, lock = [], threading.Lock()
        got = self.got

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                moment = time.time()
                with lock:
                    got.append((moment, body))
                self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self):
        return [(moment, event) for moment, body in list(self.got) for event in json.loads(body)]


class Bench:
    def __init__(self, arguments, folder, cluster):
        self.arguments, self.folder, self.cluster = arguments, folder, cluster
        self.binary = os.path.abspath(arguments.binary)
        self.database = f"postgres://bench@127.0.0.1:{cluster.port}/bench"
        self.flags = ["--database", self.database, "--postgres-attach", "", "--show-all-layers=true", "--log-level", "error"]
        os.environ.update(BRICOLA_EDITING_ENABLED="true", BRICOLA_EDITING_TOKEN=TOKEN, BRICOLA_SUBSCRIPTIONS_HOSTS="127.0.0.1")
        self.missed = []

    def say(self, name, value, target="", holds=True):
        print(f"{name:<64} {value:<40} {target:<10} {'ok' if holds else 'MISSED'}", flush=True)
        if not holds:
            self.missed.append(name)

    def fill(self, parcels):
        command = [self.binary, "demo", "--parcels", str(parcels), "--no-serve", "--data", self.folder, "--database", self.database,
                   "--log-level", "error"]
        subprocess.run(command, check=True, capture_output=True)

    def run(self):
        (self.soak if self.arguments.command == "soak" else self.figures)()

    def rest(self, psql, server):
        """Waits until nothing is written any more (bindings)."""
        end = None
        while end != (now := psql.run("SELECT bricola.sequence()")):
            end = now
            time.sleep(2)

    def figures(self):
        psql = Psql(self.cluster.port)
        objects = self.arguments.objects
        self.fill(max(2_000, objects * 2 // 3))
        psql.run(f"DELETE FROM city.tax_objects WHERE fid NOT IN (SELECT fid FROM city.tax_objects ORDER BY fid LIMIT {objects})")
        self.cluster.analyze()
        with Server(self.binary, self.folder, *self.flags) as server:
            self.rest(psql, server)
            self.first_sync(server)
            self.webhooks(psql, server)
        psql.close()

    def module(self, name, server, *words):
        environment = {**os.environ, "BRICOLA_URL": server.url, "BRICOLA_TOKEN": TOKEN}
        file = os.path.join(self.folder, f"{name}.db")
        return [sys.executable, os.path.join(MODULES, f"{name}.py"), "--file", file, *words], environment

    def first_sync(self, server):
        for words in (["subscribe", "--layers", "tax-objects"], ["follow", "--once"]):
            command, environment = self.module("tributes", server, *words)
            started = time.monotonic()
            subprocess.run(command, env=environment, check=True, capture_output=True)
            took = time.monotonic() - started
        self.say(f"first sync of {self.arguments.objects} features by the reference module", f"{took:.1f} s", "10 s",
                 took <= 10 * self.arguments.objects / 200_000)
        command, environment = self.module("tributes", server, "reconcile")
        told = subprocess.run(command, env=environment, capture_output=True, text=True)
        self.say("    and it is the same", told.stdout.strip().splitlines()[-1], "", told.returncode == 0)

    def webhooks(self, psql, server):
        receiver, office = Receiver(), territory.Server(server.url, TOKEN)
        wanted = {"id": "bench", "layers": ["occupations"], "delivery": {"kind": "webhook", "url": receiver.url}}
        status, _, told = office.ask("POST", "/subscriptions", wanted)
        assert status == 201, told
        rate, seconds = self.arguments.rate, self.arguments.seconds
        most = int(psql.run("SELECT count(*) FROM city.occupations")[0])
        psql.run("CREATE TABLE public.picked AS SELECT fid, row_number() OVER (ORDER BY fid) AS n FROM city.occupations")
        psql.run("CREATE UNIQUE INDEX ON public.picked (n)")
        script = os.path.join(self.folder, "edit.sql")
        with open(script, "w", encoding="utf-8") as out:
            out.write(f"\\set n random(1, {most})\n\\set area random(1, 1000000)\n"
                      "UPDATE city.occupations SET area_m2 = :area / 100.0 + 0.001 WHERE fid = (SELECT fid FROM public.picked WHERE n = :n);\n")
        os.chmod(script, 0o644)
        before = int(psql.run("SELECT bricola.sequence()")[0])
        command = [f"{PostGis.BIN}/pgbench", "-n", "-h", "127.0.0.1", "-p", str(self.cluster.port), "-U", "bench", "-f", script, "-c", "4",
                   "-j", "1", "-R", str(rate), "-T", str(seconds), "bench"]
        subprocess.run(command, check=True, capture_output=True)
        end = int(psql.run("SELECT bricola.sequence()")[0])
        deadline = time.monotonic() + 60
        while office.ask("GET", "/subscriptions/bench")[2]["status"]["seq"] < end and time.monotonic() < deadline:
            time.sleep(0.1)
        rows = psql.run(f"SELECT count(*) FROM (SELECT unnest(ids) FROM bricola.changes WHERE last > {before} AND layer = 'occupations') AS t")
        logged = int(rows[0])
        events = receiver.events()
        seqs = [event["data"]["seq"] for _, event in events]
        delays = [(moment - datetime.fromisoformat(event["data"]["at"].replace("Z", "+00:00")).timestamp()) * 1000
                  for moment, event in events]
        versions, disorder = {}, 0
        for _, event in events:
            feature, version = event["data"]["id"], event["data"]["version"]
            disorder += version <= versions.get(feature, 0)
            versions[feature] = version
        lost = logged - len(set(seqs))
        rate_seen = logged / seconds
        self.say(f"webhook at {rate} edits/s for {seconds} s: events/s", f"{rate_seen:.0f}", f"{rate}", rate_seen >= 0.95 * rate)
        p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
        self.say("    commit to delivery", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms", "500 ms", p99 <= 500)
        self.say("    lost, out of order, twice", f"{lost}, {disorder}, {len(seqs) - len(set(seqs))}", "0, 0", lost == 0 and disorder == 0)
        self.say("    requests", str(len(receiver.got)))

    # ---- soak

    def soak(self):
        psql = Psql(self.cluster.port)
        self.fill(3_000)
        psql.close()
        ports, dice = [free_port(), free_port()], random.Random(7)
        hook = free_port()
        servers = [self.serve(port) for port in ports]
        [self.ready(port) for port in ports]
        url = f"http://127.0.0.1:{ports[0]}"
        environment = {**os.environ, "BRICOLA_URL": url, "BRICOLA_TOKEN": TOKEN}
        tributes = [sys.executable, os.path.join(MODULES, "tributes.py"), "--file", os.path.join(self.folder, "tributes.db")]
        works = [sys.executable, os.path.join(MODULES, "works.py"), "--file", os.path.join(self.folder, "works.db")]
        subprocess.run([*tributes, "subscribe", "--layers", "tax-objects,occupations"], env=environment, check=True, capture_output=True)
        follow, serve = [*tributes, "follow"], [*works, "serve", "--layers", "work-sites,occupations", "--port", str(hook)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        modules = [subprocess.Popen(follow, env=environment, **quiet), subprocess.Popen(serve, env=environment, **quiet)]
        time.sleep(3)
        over, edits = threading.Event(), [0]
        writer = threading.Thread(target=self.write, args=(over, edits))
        writer.start()
        kills = {"tributes": 0, "works": 0, "server": 0, "database": 0}
        end, deck = time.monotonic() + self.arguments.seconds, []
        while time.monotonic() < end:
            time.sleep(dice.uniform(0.5, 2.0))
            if not deck:
                deck = dice.sample(["tributes", "works", "server", "server", "database"], 5)
            which = deck.pop()
            kills[which] += 1
            if which == "database":
                self.cluster.stop("immediate")
                self.cluster.start()
            elif which == "server":
                place = dice.randrange(2)
                servers[place].kill()
                servers[place].wait()
                servers[place] = self.serve(ports[place])
            else:
                place = 0 if which == "tributes" else 1
                modules[place].kill()
                modules[place].wait()
                modules[place] = subprocess.Popen(follow if place == 0 else serve, env=environment, **quiet)
        over.set()
        writer.join()
        [self.ready(port) for port in ports]
        wrong = ["not tried"]
        office = territory.Server(url, TOKEN)
        deadline = time.monotonic() + 180
        while wrong and time.monotonic() < deadline:
            time.sleep(1)
            wrong = []
            for name, token in (("tributes", None), ("works", TOKEN)):
                copy = territory.Copy(os.path.join(self.folder, f"{name}.db"))
                try:
                    wrong += territory.reconcile(copy, territory.Server(url, token or copy.get("secret")), name)[1]
                except (OSError, RuntimeError, ValueError) as error:
                    wrong.append(str(error))
                copy.database.close()
        letters = office.ask("GET", "/subscriptions/works")[2]["status"]["letters"]
        [process.kill() for process in [*servers, *modules]]
        [process.wait() for process in [*servers, *modules]]
        told = ", ".join(f"{name} {count}" for name, count in kills.items())
        self.say(f"soak of {self.arguments.seconds} s: {edits[0]} edits, kill -9: {told}", "", "", True)
        self.say("    both modules have what the database has", f"{len(wrong)} tiles differ, {letters} letters", "0, 0", not wrong and letters == 0)
        if wrong:
            print(wrong[:5])

    def serve(self, port):
        command = [self.binary, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{port}", *self.flags]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ready(self, port):
        office, deadline = territory.Server(f"http://127.0.0.1:{port}", TOKEN), time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if office.ask("GET", "/status")[0] == 200:
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        raise SystemExit("the server is not ready after a minute")

    def write(self, over, edits):
        """Edits both layers, by whatever means there is."""
        dice = random.Random(1)
        while not over.is_set():
            table = dice.choice(["tax_objects", "occupations", "work_sites"])
            pick = f"(SELECT fid FROM city.{table} ORDER BY random() LIMIT {dice.randint(1, 20)})"
            what = dice.choice([
                f"UPDATE city.{table} SET geom = ST_Translate(geom, 1, 0) WHERE fid IN {pick}",
                f"UPDATE city.{table} SET geom = ST_Translate(geom, 0, 1) WHERE fid IN {pick}",
                f"DELETE FROM city.{table} WHERE fid IN (SELECT fid FROM city.{table} ORDER BY random() LIMIT 1)",
                f"INSERT INTO city.{table} (geom, code) SELECT geom, gen_random_uuid() FROM city.{table} LIMIT 1",
            ])
            command = ["psql", "-h", "127.0.0.1", "-p", str(self.cluster.port), "-U", "bench", "-d", "bench", "-X", "-q", "-c", what]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                edits[0] += 1
            else:
                time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("command", choices=["figures", "soak"])
    parser.add_argument("--objects", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=1000)
    arguments = parser.parse_args()
    over_postgis(lambda folder, cluster: Bench(arguments, folder, cluster))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
