#!/usr/bin/env python3
"""Ride completion on two machines: two network namespaces, a cable between them, one launch file, keys and an inventory.

    two_hosts_test.py BIN_FOLDER

REMUDA_RIDES says how many rides go over a sound cable (500), REMUDA_CUTS how often it is cut afterwards (3), each time for REMUDA_CUT_SECONDS (2):
in turn nothing comes through, one way is dead, the other way is, or senders are told that there is no way. Needs root and iproute2."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))
import ride_chaos  # noqa: E402
from topology_driver import LAUNCH, Failed, until  # noqa: E402

BINARIES = pathlib.Path(sys.argv.pop(1)).resolve()
RIDES = int(os.environ.get("REMUDA_RIDES", "500"))
CUTS = int(os.environ.get("REMUDA_CUTS", "3"))
CUT_S = float(os.environ.get("REMUDA_CUT_SECONDS", "2"))
PATIENCE = 120
RECOVERY_S = 5 if "REMUDA_CUTS" in os.environ else PATIENCE  # the promise is measured where nothing else runs
FILE = LAUNCH / "two_hosts.toml"
BACK = ("notification", "accounting", "loyalty", "lake", "extraordinary")
ROUND = (("nothing comes through", ("front", "back"), "blackhole"), ("the front hears nothing", ("back",), "blackhole"),
         ("the back hears nothing", ("front",), "blackhole"), ("senders are told that there is no way", ("front", "back"), "unreachable"))


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


# A topic on one host, its queue on the other.
OUTBOX = """
schema = 1
name = "outbox"
[hosts.front]
[hosts.back]
[brokers.main]
host = "front"
[brokers.depot]
host = "back"
[topics.rides]
broker = "main"
[queues.depot-rides]
broker = "depot"
from = "rides"
filter = { fare = [{ numeric = [">=", 50] }] }
"""


class Host:
    """A machine: a network namespace with an address, and a registry of its own."""

    def __init__(self, label, address, folder):
        self.label, self.address, self.folder = label, address, folder / label
        self.space = f"remuda-{label}-{os.getpid()}"
        self.folder.mkdir()
        self.environment = {**{name: value for name, value in os.environ.items() if name != "REMUDA_KEYS"}, "XDG_RUNTIME_DIR": str(self.folder)}

    def command(self, *words):
        return ["ip", "netns", "exec", self.space, *map(str, words)]

    def run(self, *words, expect=0):
        done = subprocess.run(self.command(*words), env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if expect is not None and done.returncode != expect:
            raise Failed(f"{self.label}$ {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def remuda(self, *words, expect=0):
        return self.run(BINARIES / "remuda", *words, expect=expect)

    def up(self, *words, expect=0, file=FILE):
        return self.remuda("up", file, "--host", self.label, "-d", "--wait", "--data", self.folder / "data", *words, expect=expect)

    def rows(self, *words):
        return [json.loads(line) for line in self.remuda(*words, "--json", expect=None).splitlines() if line.startswith("{")]

    def get(self, path):
        """Asks the gateway of this host."""
        done = subprocess.run(self.command("curl", "-sf", "--max-time", "10", f"http://127.0.0.1:8080{path}"), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"GET {path}: curl ended with {done.returncode}")
        return json.loads(done.stdout)


@contextlib.contextmanager
def cabled(front, back):
    """Two namespaces and the cable between them; gone afterwards, whatever happened."""
    cable = f"rm{os.getpid() % 100_000}"
    try:
        for host in (front, back):
            ip("netns", "add", host.space)
            ip("-n", host.space, "link", "set", "lo", "up")
        ip("link", "add", cable + "a", "netns", front.space, "type", "veth", "peer", "name", cable + "b", "netns", back.space)
        for host, end in ((front, "a"), (back, "b")):
            ip("-n", host.space, "addr", "add", host.address + "/24", "dev", cable + end)
            ip("-n", host.space, "link", "set", cable + end, "up")
        yield
    finally:
        for host in (front, back):
            subprocess.run(["ip", "netns", "del", host.space], capture_output=True, check=False)


class TwoHosts(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="remuda-hosts-")))
        self.front = Host("front", "10.77.0.1", self.folder)
        self.back = Host("back", "10.77.0.2", self.folder)
        self.stack.enter_context(cabled(self.front, self.back))
        self.inventory = self.folder / "inventory.toml"
        self.keys = {host.label: host.folder / "keys" for host in (self.front, self.back)}

    def write_inventory(self, keys=True):
        self.inventory.write_text("".join(
            f'[hosts.{host.label}]\naddress = "{host.address}"\n' + (f'keys = "{self.keys[host.label]}"\n' if keys else "") for host in (self.front, self.back)))

    def make_keys(self):
        self.front.remuda("keys", "init", "--keys", self.keys["front"])
        self.front.remuda("keys", "add-host", "back", "--role", "node", "--keys", self.keys["front"], "--out", self.keys["back"])

    def start(self):
        self.make_keys()
        self.write_inventory()
        for host in (self.front, self.back):
            host.up("--inventory", self.inventory)
            self.stack.callback(host.remuda, "down", "--yes", expect=None)

    def fleet(self, **parameters):
        """Drives rides at the front. The process, its report, and what was accepted."""
        report, accepted = (self.folder / f"{name}-{time.monotonic_ns()}" for name in ("report", "accepted"))
        words = [BINARIES / "unicorn_fleet", "--log-level", "warning"]
        for name, value in {"target": "127.0.0.1:8080", "report": report, "accepted": accepted, **parameters}.items():
            words += ["--param", f"{name}={json.dumps(str(value)) if isinstance(value, (str, pathlib.Path)) else value}"]
        return subprocess.Popen(self.front.command(*words), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL), report, accepted

    def waiting(self):
        """Messages that the front holds for the back."""
        return sum(row["visible"] + row["in_flight"] + row["delayed"] for row in self.front.rows("queue", "ls") if "replies" not in row["queue"])

    def check_ledgers(self, *accepted):
        """Both hosts' stores, as if they were one machine's."""
        confirmed = {ride["id"]: ride for file in accepted for ride in ride_chaos.accepted_rides(file)}
        nodes = self.folder / "both" / "data" / "nodes"
        shutil.rmtree(nodes, ignore_errors=True)
        nodes.mkdir(parents=True)
        for host in (self.front, self.back):
            for store in (host.folder / "data" / "nodes").iterdir():
                (nodes / store.name).symlink_to(store)
        return len(confirmed), ride_chaos.check_ledgers(self.folder / "both", confirmed)

    def test_rides_cross_the_network_and_cuts_of_it_lose_and_repeat_none(self):
        self.start()
        fleet, report, accepted = self.fleet(rides=RIDES, connections=32, seed=1)
        self.assertEqual(fleet.wait(timeout=600), 0, report.read_text() if report.exists() else "no report")
        until("the back has everything", PATIENCE, lambda: self.waiting() == 0)
        count, _ = self.check_ledgers(accepted)
        self.assertEqual(count, RIDES)
        self.assertEqual(self.front.get("/lake?totals=1")["processed"], RIDES)  # a question from one host to the other
        print(f"{RIDES} rides at the front, each exactly once in every ledger of the back", file=sys.stderr)

        fleet, _, later = self.fleet(rides=10_000_000, rate=100, connections=8, seed=2)
        slowest = 0.0
        try:
            until("rides are accepted", PATIENCE, lambda: later.exists() and later.stat().st_size > 0)
            for number in range(CUTS):
                how, hosts, route = ROUND[number % len(ROUND)]
                routes = [(host.space, route, other.address) for host, other in ((self.front, self.back), (self.back, self.front)) if host.label in hosts]
                for space, kind, address in routes:
                    ip("-n", space, "route", "add", kind, address + "/32")
                time.sleep(CUT_S)  # the cut is what is tested
                held = self.waiting()
                for space, kind, address in routes:
                    ip("-n", space, "route", "del", kind, address + "/32")
                healed = time.monotonic()
                until("the back catches up", RECOVERY_S, lambda: self.waiting() < 100)
                took = time.monotonic() - healed
                slowest = max(slowest, took)
                print(f"cut {number + 1}: {how} for {CUT_S:g} s, {held} messages waited, caught up {took:.1f} s after it was healed", file=sys.stderr)
                self.assertGreater(held, 0)
        finally:
            fleet.terminate()
            fleet.wait(timeout=PATIENCE)
        until("the back has everything", PATIENCE, lambda: self.waiting() == 0)
        self.back.remuda("down", "--yes")
        self.front.remuda("down", "--yes")
        count, stored = self.check_ledgers(accepted, later)
        print(f"{count} rides got a 201 ({stored} stored): each exactly once in every ledger after {CUTS} cuts; slowest recovery {slowest:.1f} s", file=sys.stderr)

    def test_what_is_for_a_queue_on_the_other_host_waits_while_the_cable_is_cut_and_then_comes_once(self):
        file = self.folder / "outbox.toml"
        file.write_text(OUTBOX)
        self.back.remuda("keys", "init", "--keys", self.keys["back"])
        self.back.remuda("keys", "add-host", "front", "--role", "node", "--keys", self.keys["back"], "--out", self.keys["front"])
        self.write_inventory()
        for host in (self.front, self.back):
            host.up("--inventory", self.inventory, file=file)
            self.stack.callback(host.remuda, "down", "--yes", expect=None)

        def publish(numbers):
            for n in numbers:
                self.front.remuda("topic", "pub", "rides", json.dumps({"n": n, "fare": 45 + n % 10}))

        def row(host, queue):
            return next(iter(host.rows("queue", "info", queue)), {"visible": 0, "in_flight": 0})

        def arrived():
            return row(self.back, "depot-rides")["visible"]

        publish(range(20))
        until("it crosses the network", PATIENCE, lambda: arrived() == 10)
        ip("-n", self.front.space, "route", "add", "blackhole", self.back.address + "/32")
        publish(range(20))
        until("it waits", PATIENCE, lambda: (outbox := row(self.front, "depot-rides-outbox"))["visible"] + outbox["in_flight"] == 10)
        forwarder = next(one for one in self.front.rows("ps") if one["node"] == "main-to-depot")
        os.kill(forwarder["pid"], signal.SIGKILL)
        ip("-n", self.front.space, "route", "del", "blackhole", self.back.address + "/32")
        until("it crosses the network", PATIENCE, lambda: arrived() >= 20)
        until("the outbox is empty", PATIENCE, lambda: (outbox := row(self.front, "depot-rides-outbox"))["visible"] + outbox["in_flight"] == 0)
        self.assertEqual(arrived(), 20)

    def test_without_keys_nothing_is_opened_to_the_network(self):
        self.write_inventory(keys=False)
        said = self.front.up("--inventory", self.inventory, expect=2)
        self.assertIn("T401", said)
        self.assertIn("remuda keys init", said)
        self.assertEqual(self.front.rows("ps"), [])

    def test_a_host_without_a_key_of_its_own_gets_nothing_and_is_told_why(self):
        self.start()
        self.back.remuda("down", "--yes")
        self.front.remuda("keys", "revoke", "back", "--yes", "--keys", self.keys["front"])
        self.back.up("--inventory", self.inventory)
        said = until("somebody says why", PATIENCE, lambda: next((line for line in self.back.remuda("logs", expect=None).splitlines() if "revoked" in line), None))
        self.assertIn("back", said)

    def test_both_hosts_compute_the_same_plan_wherever_their_data_is(self):
        self.write_inventory()
        self.make_keys()
        plans = {self.front.remuda("up", FILE, "--inventory", self.inventory, "--host", host, "--data", self.folder / host / "elsewhere", "--dry-run").splitlines()[0].split("plan ")[1]
                 for host in ("front", "back")}
        self.assertEqual(len(plans), 1, plans)

    def test_hosts_that_are_not_there_are_named(self):
        self.inventory.write_text('[hosts.bakc]\naddress = "10.77.0.2"\n')
        said = self.front.up("--inventory", self.inventory, expect=2)
        self.assertIn("error[T102]", said)
        self.assertIn("back", said)
        said = self.front.remuda("up", FILE, "--host", "bakc", "--dry-run", expect=2)
        self.assertIn("did you mean 'back'?", said)


if __name__ == "__main__":
    if os.geteuid() != 0 or shutil.which("ip") is None or subprocess.run(["ip", "netns", "add", f"remuda-try-{os.getpid()}"], capture_output=True, check=False).returncode != 0:
        print("skipped: it takes root, iproute2 and the right to make network namespaces")
        sys.exit(77)
    subprocess.run(["ip", "netns", "del", f"remuda-try-{os.getpid()}"], check=False)
    unittest.main(verbosity=2)
