#!/usr/bin/env python3
"""Input/output errors in the real broker, put there by libfiu (RELIABILITY B5).   io_faults.py PATH/TO/remuda-broker

Under load, with segments so small that files are opened, renamed and synced all the time, one system call begins to fail at a moment that is never
the same: the next time, every time, or with a probability of 0.001 to 0.2. From then on the broker either goes on, or has ended with exit code 70.
It never ends in another way, and it confirms nothing while its syncs fail. A healthy broker on the same folder then has every message that was
confirmed and not deleted, whole, and none whose delete was confirmed.

  REMUDA_IO_FAULTS=n    how many rounds (20; 2,000 by night)      REMUDA_SEED=n    their order"""
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, RemudaError, TimedOut, message, unpack  # noqa: E402

SKIP_CODE = 77  # what ctest reports as skipped
ROUNDS = int(os.environ.get("REMUDA_IO_FAULTS", "20"))
SEED = int(os.environ.get("REMUDA_SEED", str(random.randrange(1 << 30))))
CALLS = ("sync/fdatasync", "sync/fsync", "rw/pwrite", "oc/open", "dir/rename")
SYNCS_EVERY_CONFIRM = "sync/fdatasync"
EIO = 5
POISONED = 70
TURNS = 120  # of send, receive and delete; the fault comes within the first half
DEFINITIONS = '[queues.rides]\nvisibility_timeout = "10m"\n'


class Failed(Exception):
    pass


class Round:
    def __init__(self, executable, number):
        self.chance = random.Random(f"{SEED}/{number}")
        self.executable = executable
        self.broker = BrokerProcess(executable, DEFINITIONS, ["--segment-size", "64KiB"], wrapper=["fiu-run", "-x"])
        self.call = CALLS[number % len(CALLS)]
        self.how = self.chance.choice(("once", "always", "random"))
        self.confirmed, self.unknown, self.deleted, self.perhaps_deleted = {}, {}, set(), set()
        self.number = 0
        self.faulty = False

    def inject(self):
        name = f"name=posix/io/{self.call},failinfo={EIO}"
        command = {"once": f"enable {name},onetime", "always": f"enable {name}",
                   "random": f"enable_random {name},probability={10 ** self.chance.uniform(-3, -0.7):.4f}"}[self.how]
        if subprocess.run(["fiu-ctrl", "-c", command, str(self.broker.pid)], capture_output=True, check=False).returncode != 0:
            if self.broker.process.poll() is None:
                raise Failed(f"fiu-ctrl did not take: {command}")
        self.faulty = True

    def turn(self, client):
        """One send, and now and then what is there is received and half of it deleted."""
        self.number += 1
        name = f"ride-{self.number}"
        body = name.encode() * self.chance.randint(1, 300)
        self.unknown[name] = body
        client.send("rides", [message(name, body)])
        self.confirmed[name] = self.unknown.pop(name)
        if self.faulty and self.how == "always" and self.call == SYNCS_EVERY_CONFIRM:
            raise Failed(f"{name} was confirmed although every sync fails")
        if self.number % 4 != 0:
            return
        received = client.receive("rides", max=4)
        names = [unpack(one.message)[0]["id"] for one in received[::2]]
        self.perhaps_deleted.update(names)
        if names and client.delete("rides", [one.handle for one in received[::2]]) is None:
            self.deleted.update(names)

    def load(self):
        """Whether the broker has ended."""
        client = Client(self.broker.endpoint, timeout_s=2.0)
        begins = self.chance.randint(1, TURNS // 2)
        try:
            for count in range(TURNS):
                if count == begins:
                    self.inject()
                self.turn(client)
        except TimedOut:
            if (code := self.broker.wait()) != POISONED:
                raise Failed(f"the broker ended with exit code {code}") from None
            return True
        except RemudaError as refused:
            if not refused.definite:
                raise
            self.unknown.clear()  # a refusal says that nothing was done
        finally:
            client.close()
        if self.broker.process.poll() not in (None, POISONED):
            raise Failed(f"the broker ended with exit code {self.broker.process.returncode}")
        self.broker.kill()
        return False

    def check(self):
        """What a healthy broker finds."""
        healthy = BrokerProcess(self.executable, DEFINITIONS, ["--segment-size", "64KiB"])
        try:
            shutil.copytree(os.path.join(self.broker.folder, "data"), os.path.join(healthy.folder, "data"))
            healthy.start()
            client = Client(healthy.endpoint, timeout_s=10.0)
            found = {}
            for one in client.peek("rides", max=1_000):
                found[unpack(one["message"])[0]["id"]] = unpack(one["message"])[1]
            client.close()
        finally:
            healthy.remove()
        lost = self.confirmed.keys() - self.perhaps_deleted - found.keys()
        back = self.deleted & found.keys()
        wrong = [name for name, body in found.items() if body != self.confirmed.get(name, self.unknown.get(name))]
        if lost or back or wrong:
            raise Failed(f"lost {sorted(lost)[:5]}, back after their delete {sorted(back)[:5]}, not what was sent {wrong[:5]}")

    def run(self):
        try:
            self.broker.start()
            ended = self.load()
            self.check()
            return ended
        except Failed as problem:
            raise Failed(f"{self.call} failing {self.how}: {problem}") from None
        finally:
            self.broker.remove()


def main():
    executable = sys.argv[1]
    if shutil.which("fiu-run") is None:
        print("skipped: needs fiu-run (package fiu-utils; scripts/setup installs it)")
        return SKIP_CODE
    with open(executable, "rb") as file:
        program = file.read()
    if b"__asan_init" in program or b"__tsan_init" in program:
        print("skipped: libfiu and a sanitizer both replace the C library's calls")
        return SKIP_CODE
    print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
    ended, confirmed, deleted = collections.Counter(), 0, 0
    for number in range(ROUNDS):
        one = Round(executable, number)
        ended[one.call, one.run()] += 1
        confirmed, deleted = confirmed + len(one.confirmed), deleted + len(one.deleted)
    for call in CALLS:
        print(f"{call:16} {ended[call, True]:5} x exit code {POISONED}, {ended[call, False]:5} x the broker went on")
    print(f"{ROUNDS} rounds, {confirmed} confirmed messages, {deleted} confirmed deletes: none lost, none back")
    if ROUNDS >= 20 and ended[SYNCS_EVERY_CONFIRM, True] == 0:
        raise Failed("no failed sync ended the broker: no fault was put there at all")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as problem:
        sys.exit(f"FAILED (REMUDA_SEED={SEED}): {problem}")
