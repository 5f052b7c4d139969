#!/usr/bin/env python3
"""Drives the ride completion topology and shows what it did.  ride_demo.py BIN_FOLDER

The story: 2,000 rides are posted over HTTP. Some of them are poison to one service. In the middle one service and the broker are
killed with kill -9. Every other service must have every ride exactly once, the poison rides must wait in the dead-letter
queue with their history, and once the service is mended a redrive must bring them home.
"""
import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from decimal import Decimal

BIN = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(__file__).resolve().parent.parent
LAUNCH = ROOT / "launch" / "ride_completion_chained.toml"
NAME = "ride-demo"
RIDES = 2000
RATE = 250
POISON_EVERY = 400
SERVICES = {  # node -> (queue, how many of the rides it should get)
    "notification": "customer-notification",
    "accounting": "customer-accounting",
    "loyalty": "customer-loyalty",
    "lake": "data-lake-ingestion",
    "extraordinary": "extraordinary-rides",
}
DEAD_LETTERS = "rides-dlq"
colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ


class Failed(Exception):
    """What the verdict says."""


def say(text):
    stamp = f"\033[2m{time.strftime('%H:%M:%S')}\033[0m" if colour else time.strftime("%H:%M:%S")
    print(f"{stamp}  {text}", flush=True)


def remuda(*arguments, check=True):
    done = subprocess.run([BIN / "remuda", *arguments], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise Failed(f"remuda {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def rows(*arguments):
    return [json.loads(line) for line in remuda(*arguments, "--topology", NAME, "--json").splitlines()]


def queues():
    return {row["queue"]: row for row in rows("queue", "ls")}


def processes():
    return {(row["node"], row["replica"]): row for row in rows("ps")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, seconds, condition):
    """Polls the running system until `condition` gives something true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = condition()
        except (Failed, OSError):  # the broker may be down at this very moment
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise Failed(f"after {seconds} s still not: {what}")


class Topology:
    def __init__(self, folder, http):
        self.data = folder / "data"
        self.http = http

    def up(self, poison):
        fail = '{ match = "poison" }' if poison else "{ }"
        remuda("up", str(LAUNCH), "-d", "--wait", "--name", NAME, "--data", str(self.data), "--set", f"http={self.http}",
               "--set", "visibility_timeout=1s", "--set", f"accounting_fail={fail}")

    def down(self):
        remuda("down", "--topology", NAME, "--yes")


def get(http, path):
    with urllib.request.urlopen(f"http://{http}{path}", timeout=5) as answer:
        return json.load(answer, parse_float=Decimal)


def drain(poison):
    """Everything consumed: nothing visible or in flight outside the dead-letter queue."""
    def idle():
        now = queues()
        waiting = sum(now[q]["visible"] + now[q]["in_flight"] + now[q]["delayed"] for q in SERVICES.values())
        return waiting == 0 and now[DEAD_LETTERS]["visible"] == poison
    until(f"all queues empty and {poison} dead letters", 40, idle)


def kill(node):
    row = processes()[(node, 0)]
    os.kill(row["pid"], signal.SIGKILL)
    say(f"killed {node} (pid {row['pid']}) with kill -9")
    until(f"{node} runs again", 15, lambda: (p := processes()[(node, 0)])["state"] == "ready" and p["pid"] != row["pid"])


def accounts(http, customers):
    """What accounting's ledger says: rides and the exact sum of fares."""
    rides, total = 0, Decimal(0)
    for customer in customers:
        account = get(http, f"/customers/{customer}/account")
        rides += account["rides"]
        total += Decimal(str(account["balance"]))
    return rides, total


def table(expected, fleet, dead_lettered):
    counters = queues()
    print()
    print(f"  {'service':<15} {'received':>9} {'processed':>10} {'redelivered':>12} {'dead-lettered':>14} {'expected':>9}")
    problems = []
    for node, queue in SERVICES.items():
        row = counters[queue]
        dead = dead_lettered[queue]
        print(f"  {node:<15} {row['received']:>9} {row['deleted']:>10} {row['redelivered']:>12} {dead:>14} {expected[node]:>9}")
        if row["deleted"] != expected[node]:
            problems.append(f"{node} processed {row['deleted']} of {expected[node]}")
    print()
    if problems:
        raise Failed("; ".join(problems))


def run(folder):
    http = f"127.0.0.1:{free_port()}"
    topology = Topology(folder, http)
    say(f"launching {LAUNCH.name} (accounting fails for customers named poison)")
    topology.up(poison=True)
    try:
        print(remuda("ps", "--topology", NAME))
        accepted, report = folder / "accepted.jsonl", folder / "fleet.json"
        say(f"the fleet posts {RIDES} rides to http://{http}/submit-ride-completion, {RATE} a second")
        fleet = subprocess.Popen([BIN / "unicorn_fleet", "--log-level", "warn", "--param", f'target="{http}"', "--param", f"rides={RIDES}",
                                  "--param", f"rate={RATE}", "--param", "connections=8", "--param", "seed=7", "--param",
                                  f"poison_every={POISON_EVERY}", "--param", f'accepted="{accepted}"', "--param", f'report="{report}"'])
        def quarter():
            return queues()["customer-loyalty"]["sent"] >= RIDES // 4
        until("a quarter of the rides is there", 30, quarter)
        kill("accounting")
        kill("main")
        if fleet.wait(timeout=60) != 0:
            raise Failed("the fleet did not get all its rides accepted")
        rides = [json.loads(line, parse_float=Decimal) for line in accepted.read_text().splitlines()]
        if len(rides) != RIDES or len({ride["id"] for ride in rides}) != RIDES:
            raise Failed(f"{len(rides)} rides were accepted, not {RIDES} different ones")
        poison = [ride for ride in rides if ride["customer"] == "poison"]
        healthy = [ride for ride in rides if ride["customer"] != "poison"]
        extraordinary = [r for r in rides if Decimal(str(r["fare"])) >= 50 and Decimal(str(r["distance"])) >= 20]
        say(f"all {RIDES} rides got their 201; waiting for the services to finish")
        drain(len(poison))

        dead = rows("queue", "peek", DEAD_LETTERS, "--max", "1000")
        dead_lettered = collections.Counter(row["origin_queue"] for row in dead)
        expected = {node: RIDES for node in SERVICES}
        expected["accounting"] = len(healthy)
        expected["extraordinary"] = len(extraordinary)
        table(expected, report, dead_lettered)
        if len(dead) != len(poison) or any(row["receive_count"] != 5 for row in dead):
            raise Failed("the dead letters are not the poison rides after exactly five receives")
        first = dead[0]
        say(f"{len(dead)} dead letters, each after 5 receives; the first: {first['reason']} ({first['attempts'][-1]['error']})")

        customers = sorted({ride["customer"] for ride in rides})
        posted = sum(Decimal(str(ride["fare"])) for ride in healthy)
        count, booked = accounts(http, [c for c in customers if c != "poison"])
        say(f"fares accepted by the gateway without the poison rides {posted}, booked by accounting {booked} ({count} rides)")
        if (count, booked) != (len(healthy), posted):
            raise Failed("accounting does not agree with the gateway")

        say("mending accounting: the topology stops and starts again without the fault")
        topology.down()
        topology.up(poison=False)
        print(remuda("queue", "redrive", DEAD_LETTERS, "--dry-run", "--topology", NAME).rstrip())
        print(remuda("queue", "redrive", DEAD_LETTERS, "--yes", "--topology", NAME).rstrip())
        drain(0)
        posted = sum(Decimal(str(ride["fare"])) for ride in rides)
        count, booked = accounts(http, customers)
        say(f"after the redrive: fares accepted by the gateway {posted}, booked by accounting {booked} ({count} rides)")
        if (count, booked) != (RIDES, posted):
            raise Failed("accounting does not agree with the gateway after the redrive")
        pids = [row["pid"] for row in processes().values()]
    finally:
        say("stopping everything")
        topology.down()
    left = [pid for pid in pids if pathlib.Path(f"/proc/{pid}").exists()]
    if left:
        raise Failed(f"processes left behind: {left}")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="remuda-demo-"))
    begin = time.monotonic()
    try:
        run(folder)
    except (Failed, subprocess.TimeoutExpired) as problem:
        print(f"\nscripts/demo: FAILED: {problem}\n(its files are kept in {folder})", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print(f"\nscripts/demo: PASSED: {RIDES} rides, each exactly once in every service, through two kills and a redrive, "
          f"in {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
