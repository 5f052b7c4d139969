#!/usr/bin/env python3
"""Drives the ride completion topology and shows what it did.  ride_demo.py BIN_FOLDER

The story: 2,000 rides are posted over HTTP. Some of them are poison to one service. In the middle one service and the broker are
killed with kill -9. Every other service must have every ride exactly once, the poison rides must wait in the dead-letter
queue with their history, and once the service is mended a redrive must bring them home.
"""
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

from topology_driver import DEAD_LETTERS, SERVICES, Failed, Topology, accepted_rides, is_extraordinary, sum_of_fares, until

RIDES = 2000
RATE = 250
POISON_EVERY = 400
colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def say(text):
    stamp = time.strftime("%H:%M:%S")
    print(f"\033[2m{stamp}\033[0m  {text}" if colour else f"{stamp}  {text}", flush=True)


def table(topology, expected, dead_lettered):
    counters = topology.queues()
    problems = []
    print(f"\n  {'service':<15} {'received':>9} {'processed':>10} {'redelivered':>12} {'dead-lettered':>14} {'expected':>9}")
    for node, queue in SERVICES.items():
        row = counters[queue]
        print(f"  {node:<15} {row['received']:>9} {row['deleted']:>10} {row['redelivered']:>12} {dead_lettered[queue]:>14} "
              f"{expected[node]:>9}")
        if row["deleted"] != expected[node]:
            problems.append(f"{node} processed {row['deleted']} of {expected[node]}")
    print(flush=True)
    if problems:
        raise Failed("; ".join(problems))


def compare_books(topology, rides, when):
    """The sum of fares that the gateway accepted must be what accounting has booked, to the cent."""
    accounts = [topology.get(f"/customers/{customer}/account") for customer in sorted({ride["customer"] for ride in rides})]
    booked = sum((Decimal(str(account["balance"])) for account in accounts), Decimal(0))
    count = sum(account["rides"] for account in accounts)
    say(f"{when}: fares accepted by the gateway {sum_of_fares(rides)}, booked by accounting {booked} ({count} rides)")
    if (count, booked) != (len(rides), sum_of_fares(rides)):
        raise Failed("accounting does not agree with the gateway")


def run(topology, folder):
    say(f"launched {topology.launch_file.name}; accounting fails for every customer named poison")
    print(topology.verb("ps"), flush=True)
    accepted = folder / "accepted.jsonl"
    say(f"the fleet posts {RIDES} rides to http://{topology.http}/submit-ride-completion, {RATE} a second")
    fleet = topology.fleet(rides=RIDES, rate=RATE, connections=8, seed=7, poison_every=POISON_EVERY, accepted=accepted)
    for node, share in (("accounting", 4), ("main", 2)):
        until(f"1/{share} of the rides is there", 30, lambda: topology.queues()["customer-loyalty"]["sent"] >= RIDES // share)
        say(f"kill -9 of {'the broker' if node == 'main' else node} (pid {topology.kill(node)}); it runs again")
    if fleet.wait(timeout=60) != 0:
        raise Failed("the fleet did not get all its rides accepted")
    rides = accepted_rides(accepted)
    if len({ride["id"] for ride in rides}) != RIDES:
        raise Failed(f"{len(rides)} rides were accepted, not {RIDES} different ones")
    healthy = [ride for ride in rides if ride["customer"] != "poison"]
    poison = len(rides) - len(healthy)
    say(f"all {RIDES} rides got their 201; waiting for the services to finish")
    topology.drained(40, poison)

    dead = topology.rows("queue", "peek", DEAD_LETTERS, "--max", "1000")
    expected = dict.fromkeys(SERVICES, RIDES) | {"accounting": len(healthy), "extraordinary": sum(map(is_extraordinary, rides))}
    table(topology, expected, collections.Counter(row["origin_queue"] for row in dead))
    if len(dead) != poison or any(row["receive_count"] != 5 for row in dead):
        raise Failed("the dead letters are not the poison rides after exactly five receives")
    say(f"{len(dead)} dead letters, each after 5 receives; the first says: {dead[0]['attempts'][-1]['error']}")
    compare_books(topology, healthy, "without the poison rides")

    say("mending accounting: the topology stops and starts again without the fault")
    topology.down()
    topology.up(accounting_fail="")
    print(topology.verb("queue", "redrive", DEAD_LETTERS, "--dry-run").rstrip())
    print(topology.verb("queue", "redrive", DEAD_LETTERS, "--yes").rstrip(), flush=True)
    topology.drained(40)
    compare_books(topology, rides, "after the redrive")
    topology.processes()
    say("stopping everything")
    topology.down()
    if topology.leftovers():
        raise Failed(f"processes left behind: {topology.leftovers()}")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="remuda-demo-"))
    begin = time.monotonic()
    try:
        topology = Topology(sys.argv[1], folder, "ride-demo", visibility_timeout="1s", accounting_fail="poison")
        with topology:
            run(topology, folder)
    except (Failed, subprocess.TimeoutExpired) as problem:
        print(f"\nscripts/demo: FAILED: {problem}\n(its files are kept in {folder})", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print(f"\nscripts/demo: PASSED: {RIDES} rides, each exactly once in every service, through two kills and a redrive, "
          f"in {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
