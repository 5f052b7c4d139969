#!/usr/bin/env python3
"""kill -9 of every process of ride completion in turn, under load.  ride_chaos.py BIN_FOLDER

REMUDA_CHAOS_ROUNDS sets how many kills (default 8, one of each process; 20 and more in the long run), REMUDA_SEED the order.
Afterwards every ride that got a 201 is in every ledger exactly once, and no other ride is half there: it is nowhere or everywhere."""
import gzip
import json
import os
import pathlib
import random
import sqlite3
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from topology_driver import LAUNCH, Failed, Topology, accepted_rides, is_extraordinary, until  # noqa: E402

ROUNDS = int(os.environ.get("REMUDA_CHAOS_ROUNDS", "8"))
SEED = int(os.environ.get("REMUDA_SEED", str(random.SystemRandom().randrange(1_000_000))))
RATE = 150
PATIENCE = 120  # seconds: far more than a recovery takes, so that a slow machine or a sanitizer fails no test

# Each process dies more often than a supervisor puts up with: it would hold them, and rightly so.
PATIENT = """
[defaults.node]
restart = { max_restarts = 1000000, max_delay = "1s" }

[defaults.broker]
restart = { max_restarts = 1000000, max_delay = "1s" }
"""

EFFECTS = {  # what each message must have done exactly once: how many effects its service's store holds
    "notification": "SELECT count(*) FROM notification",
    "accounting": "SELECT coalesce(sum(rides), 0) FROM account",
    "loyalty": "SELECT coalesce(sum(rides), 0) FROM loyalty",
    "extraordinary": "SELECT count(*) FROM ride",
}


def query(folder, node, question):
    """Asks a node's own store."""
    store, = folder.glob(f"data/nodes/{node}/*.sqlite")
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as ledger:
        return ledger.execute(question).fetchall()


def lake_rides(folder):
    """The ride ids in the lake: in its files, and on their way into one."""
    lines = [line for file in folder.glob("data/nodes/lake/**/*.gz") for line in gzip.decompress(file.read_bytes()).splitlines()]
    spool, = folder.glob("data/nodes/lake/*.sqlite")
    with sqlite3.connect(f"file:{spool}?mode=ro", uri=True) as store:
        lines += [line for line, in store.execute("SELECT line FROM spool")]
    return [json.loads(line)["id"] for line in lines]


def check_ledgers(folder, confirmed):
    stored = {ride for ride, in query(folder, "completed-rides", "SELECT id FROM ride")}
    if not set(confirmed) <= stored:
        raise Failed(f"the ride store misses {len(set(confirmed) - stored)} confirmed rides")
    for node, effects in EFFECTS.items():
        known = {ride for ride, in query(folder, node, "SELECT message_id FROM received")}
        (count,), = query(folder, node, effects)
        if count != len(known):
            raise Failed(f"{node} received {len(known)} rides and acted {count} times")
        wanted = {ride for ride in confirmed if node != "extraordinary" or is_extraordinary(confirmed[ride])}
        if not wanted <= known:
            raise Failed(f"{node} misses {len(wanted - known)} of {len(wanted)} confirmed rides")
        if node != "extraordinary" and known != stored:
            raise Failed(f"{node} and the ride store differ in {len(known ^ stored)} rides: some ride is half there")
    lake = lake_rides(folder)
    if sorted(lake) != sorted(stored):
        raise Failed(f"the lake has {len(lake)} rides ({len(set(lake))} different) of {len(stored)}")
    if query(folder, "accounting", "SELECT sum(balance_cents) FROM account") != query(folder, "completed-rides", "SELECT sum(fare_cents) FROM ride"):
        raise Failed("accounting's sum is not the sum of the fares")
    return len(stored)


def main():
    print(f"seed {SEED}, {ROUNDS} kills")
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="remuda-chaos-") as name:
        folder = pathlib.Path(name)
        launch_file = folder / "ride_chaos.toml"
        launch_file.write_text((LAUNCH / "ride_completion_chained.toml").read_text() + PATIENT)
        with Topology(sys.argv[1], folder, f"chaos-{os.getpid()}", launch_file, visibility_timeout="2s") as topology:
            victims = list(topology.processes())
            order = []
            while len(order) < ROUNDS:
                order += chance.sample(victims, len(victims))
            accepted = folder / "accepted.jsonl"
            fleet = topology.fleet(rides=1_000_000, rate=RATE, connections=8, seed=SEED, accepted=accepted)
            try:
                until("rides are accepted", PATIENCE, lambda: accepted.exists() and accepted.stat().st_size > 0)
                for victim, replica in order[:ROUNDS]:
                    size = accepted.stat().st_size
                    print(f"kill -9 {victim} (pid {topology.kill(victim, replica, PATIENCE)})", flush=True)
                    until(f"rides are accepted again after the kill of {victim}", PATIENCE, lambda: accepted.stat().st_size > size)
            finally:
                fleet.terminate()
                fleet.wait(timeout=PATIENCE)
            topology.drained(PATIENCE)
            confirmed = {ride["id"]: ride for ride in accepted_rides(accepted)}
            topology.down()
            stored = check_ledgers(folder, confirmed)
            print(f"{len(confirmed)} rides got a 201 ({stored} stored): each exactly once in every ledger after {ROUNDS} kills")
            if topology.leftovers():
                raise Failed(f"processes left behind: {topology.leftovers()}")


if __name__ == "__main__":
    try:
        main()
    except Failed as problem:
        sys.exit(f"FAILED (REMUDA_SEED={SEED}): {problem}")
