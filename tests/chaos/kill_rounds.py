#!/usr/bin/env python3
"""kill -9 of the queue node, of producers and of consumers under load, again and again on the same data folder, with a history that a checker
judges afterwards.   kill_rounds.py FOLDER_OF_REMUDA_BROKER FOLDER_OF_THE_TESTS

Every 0.2 to 2 s (the load runs meanwhile) one of: the broker is killed and started again; a producer or a consumer is killed and another takes its place;
a consumer is stopped past its visibility timeout and goes on later with handles that are stale by then; the broker is drained by SIGTERM under
full load. After every 20 rounds the load ends, what is left is drained, and check_history reads all histories (RELIABILITY B1, B2, B6).

REMUDA_KILL_ROUNDS sets how many rounds (default 20; 1,000 in the night), REMUDA_SEED their order, REMUDA_KILL_PAUSE_S the longest pause between
two of them (2), REMUDA_KILL_CONFIRMED how many messages must have been confirmed in all (from 1,000 rounds on 5,000 a round, so 5 million): rounds that hardly send prove
nothing."""
import collections
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402

ROUNDS = int(os.environ.get("REMUDA_KILL_ROUNDS", "20"))
SEED = int(os.environ.get("REMUDA_SEED", str(random.SystemRandom().randrange(1_000_000))))
LONGEST_PAUSE_S = float(os.environ.get("REMUDA_KILL_PAUSE_S", "2.0"))
CONFIRMED_MIN = int(os.environ.get("REMUDA_KILL_CONFIRMED", str(5_000 * ROUNDS if ROUNDS >= 1_000 else 1)))
ROUNDS_PER_CHECK = 20
PRODUCERS, CONSUMERS = 3, 3
WHAT = {"kill broker": 50, "kill producer": 15, "kill consumer": 15, "stop consumer": 12, "drain broker": 8}
LONGEST_DRAIN_S = 5


class Failed(Exception):
    pass


class Clients:
    """The load: each client a process with a history of its own."""

    def __init__(self, tool, endpoint, chance):
        self.tool, self.endpoint, self.chance = tool, endpoint, chance
        self.folder = None
        self.number = 0
        self.running = {"produce": [], "consume": []}
        self.stopped = []

    def start(self, role):
        self.number += 1
        history = self.folder / f"{self.number:06}-{role}.history"
        process = subprocess.Popen([self.tool, role, self.endpoint, history, str(self.number), str(self.chance.randrange(1 << 60))],
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.running[role].append(process)

    def start_all(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="remuda-histories-"))
        for role, count in (("produce", PRODUCERS), ("consume", CONSUMERS)):
            for _ in range(count):
                self.start(role)

    def kill_one(self, role):
        victim = self.running[role].pop(self.chance.randrange(len(self.running[role])))
        victim.kill()
        victim.communicate()
        self.stopped = [process for process in self.stopped if process is not victim]
        self.start(role)

    def stop_one(self):
        """It holds messages, and by the time it goes on others have had them."""
        going = [process for process in self.running["consume"] if process not in self.stopped]
        if len(going) > 1:
            process = self.chance.choice(going)
            process.send_signal(signal.SIGSTOP)
            self.stopped.append(process)

    def wake_all(self):
        for process in self.stopped:
            process.send_signal(signal.SIGCONT)
        self.stopped = []

    def check_alive(self):
        for role, processes in self.running.items():
            for process in processes:
                if process.poll() is not None:
                    raise Failed(f"{role} ended by itself: {process.communicate()[1]}")

    def end(self):
        self.wake_all()
        for role in ("produce", "consume"):
            for process in self.running[role]:
                process.send_signal(signal.SIGTERM)
            for process in self.running[role]:
                told = process.communicate(timeout=60)[1]
                if process.returncode not in (0, -signal.SIGTERM):  # the latter: so new that it had not asked anything yet
                    raise Failed(f"{role} ended with {process.returncode}: {told}")
            self.running[role] = []

    def kill_all(self):
        for processes in self.running.values():
            for process in processes:
                process.kill()
                process.communicate()


class Run:
    def __init__(self, broker, tests):
        self.broker, self.tests = broker, tests
        self.chance = random.Random(SEED)
        self.clients = Clients(tests / "chaos_client", broker.endpoint, self.chance)
        self.done = collections.Counter()
        self.figures = collections.Counter()
        self.slowest_drain_s = 0.0

    def client(self, *arguments):
        told = subprocess.run([self.tests / "chaos_client", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        if told.returncode != 0:
            raise Failed(f"{arguments[0]}: {told.stderr}")

    def end_broker(self, what):
        if self.broker.process.poll() is not None:
            raise Failed(f"the broker ended by itself with exit code {self.broker.process.returncode}: {self.broker.process.stderr.read()}")
        if what == "kill broker":
            self.broker.kill()
        else:
            began = time.monotonic()
            code = self.broker.stop()
            self.slowest_drain_s = max(self.slowest_drain_s, time.monotonic() - began)
            if code != 0 or self.slowest_drain_s > LONGEST_DRAIN_S:
                raise Failed(f"B6: a drain under load ended with exit code {code} after {self.slowest_drain_s:.1f} s")
        self.broker.start()

    def one_round(self):
        threading.Event().wait(self.chance.uniform(LONGEST_PAUSE_S / 10, LONGEST_PAUSE_S))  # nothing is waited for: the load runs
        what = self.chance.choices(list(WHAT), list(WHAT.values()))[0]
        if what in ("kill broker", "drain broker"):
            self.end_broker(what)
        elif what == "stop consumer":
            self.clients.wake_all()
            self.clients.stop_one()
        else:
            self.clients.kill_one("produce" if what == "kill producer" else "consume")
        self.done[what] += 1
        self.clients.check_alive()

    def check(self):
        self.clients.end()
        self.client("drain", self.broker.endpoint, self.clients.folder / "drain.history")
        told = subprocess.run([self.tests / "check_history", self.clients.folder], capture_output=True, text=True, check=False)
        self.figures.update({name: int(value) for name, value in re.findall(r"(\w+) (\d+)", told.stdout)})
        if told.returncode != 0:
            raise Failed(f"{told.stdout}{told.stderr}the histories are in {self.clients.folder}")
        shutil.rmtree(self.clients.folder)

    def report(self):
        kills = ", ".join(f"{count} x {what}" for what, count in sorted(self.done.items()))
        figures = self.figures
        print(f"{sum(self.done.values())} rounds ({kills}); {figures['confirmed']} confirmed, {figures['deliveries']} deliveries, "
              f"{figures['redeliveries']} redeliveries, {figures['stale_handles']} stale handles refused, {figures['dead_letters']} dead letters; "
              f"lost {figures['lost']}, after their delete {figures['after_delete']}, FIFO violations {figures['fifo_violations']}, "
              f"slowest drain {self.slowest_drain_s:.2f} s", flush=True)

    def run(self):
        self.broker.start()
        self.client("setup", self.broker.endpoint)
        try:
            while sum(self.done.values()) < ROUNDS:
                self.clients.start_all()
                for _ in range(min(ROUNDS_PER_CHECK, ROUNDS - sum(self.done.values()))):
                    self.one_round()
                self.check()
                self.report()
        finally:
            self.clients.kill_all()
        if self.broker.stop() != 0:
            raise Failed("the last drain failed")
        if self.figures["confirmed"] < CONFIRMED_MIN:
            raise Failed(f"only {self.figures['confirmed']} messages were confirmed, {CONFIRMED_MIN} were asked for")


def main():
    print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
    # Small segments: they roll over, are recycled and copied forward all the time.
    broker = BrokerProcess(pathlib.Path(sys.argv[1]) / "remuda-broker", options=["--segment-size", random.Random(SEED).choice(["256KiB", "1MiB", "8MiB"])])
    try:
        Run(broker, pathlib.Path(sys.argv[2])).run()
    finally:
        broker.remove()


if __name__ == "__main__":
    try:
        main()
    except Failed as problem:
        sys.exit(f"FAILED (REMUDA_SEED={SEED}): {problem}")
