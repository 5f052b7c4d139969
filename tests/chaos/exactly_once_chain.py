#!/usr/bin/env python3
"""A chain of three nodes between four queues, each of them and the broker killed with kill -9 again and again under load.

    exactly_once_chain.py PATH/TO/remuda-broker PATH/TO/copying_node

A node takes from one queue and puts a copy into the next. Its delete and its send are one request, so whatever dies when, at the end the last
queue holds a copy of every message, exactly once; in the second story the queues are FIFO queues, and each message group is in its order as well.
Nothing here removes duplicates: the copies of a standard queue are counted as they are, and those of a FIFO queue have to be as many as were sent.

REMUDA_CHAIN_SECONDS says how long processes are killed in each story (default 6), REMUDA_SEED the order; a failure prints the seed."""
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, TimedOut, message, unpack  # noqa: E402

SECONDS = float(os.environ.get("REMUDA_CHAIN_SECONDS", "6"))
SEED = int(os.environ.get("REMUDA_SEED", str(random.SystemRandom().randrange(1_000_000))))
STAGES = ("first", "second", "third", "last")
PATIENCE_S = 60  # with a broker that is being killed, and for the rest to arrive; running out of it is a failure
WAITING_MAX = 4_000  # messages under way, so that the chain is loaded and ends soon after the last kill
GROUPS = 20
STANDARD = {"visibility_timeout_ms": 500}
FIFO = {**STANDARD, "fifo": {"group_by": "body.group"}}


class Failed(Exception):
    pass


class CopyingNode:
    """Takes from one queue of the chain, puts a copy of each message into the next."""

    def __init__(self, executable, broker, source, target):
        self.command = [executable, "--name", f"copies-{source}", "--port", f"rides=queue:{broker.endpoint}/{source}",
                        "--port", f"copies=queue:{broker.endpoint}/{target}", "--data", f"{broker.folder}/{source}", "--log-level", "error"]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.command[2]} ended by itself with exit code {self.process.returncode}")
        self.process.kill()
        self.process.wait()

    def restart_after_kill(self):
        self.kill()
        self.start()


class Producer(threading.Thread):
    """Sends until it is stopped; each send under one number until it is confirmed."""

    def __init__(self, endpoint):
        super().__init__()
        self.endpoint, self.stopping, self.sent, self.problem = endpoint, threading.Event(), [], None

    def run(self):
        try:
            client = patiently(lambda: Client(self.endpoint, "producer", timeout_s=0.5))
            while not self.stopping.is_set():
                bodies = [{"group": f"group-{n % GROUPS}", "number": n} for n in range(len(self.sent), len(self.sent) + 20)]
                number = client.start("send", "first", [message(f"ride-{body['number']}", body) for body in bodies], remembered=True)
                until_answered(client, number)
                self.sent += bodies
                if len(self.sent) % 1_000 == 0:
                    self.wait_for_the_chain(client)
            client.close()
        except Exception as problem:  # pylint: disable=broad-except  # a thread's failure is the test's
            self.problem = problem

    def wait_for_the_chain(self, client):
        """A receive of a queue that nobody sends to is a pause without a clock of its own."""
        while not self.stopping.is_set() and len(self.sent) - arrived(client) > WAITING_MAX:
            ask(client, "receive", "pause", 1, 50, {})


def patiently(attempt):
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return attempt()
        except TimedOut:
            if time.monotonic() > end:
                raise Failed(f"no answer for {PATIENCE_S} s") from None


def until_answered(client, number):
    """The answer to a remembered request, over as many connections as that takes."""
    connected = True

    def attempt():
        nonlocal connected
        if not connected:
            client.connect()
        connected = False
        answer = client.wait_for(number)
        connected = True
        return answer

    return patiently(attempt)


def ask(client, op, *arguments):
    """A question, asked again when the broker died over it."""
    def attempt():
        try:
            return client.ask(op, *arguments)
        except TimedOut:
            patiently(client.connect)
            raise

    return patiently(attempt)


def arrived(client):
    return ask(client, "queue_info", "last")["sent"]


def kill_at_random(broker, nodes, chance):
    """Returns how often each was killed."""
    kills = Counter()
    end = time.monotonic() + SECONDS
    moment = threading.Event()
    while time.monotonic() < end:
        moment.wait(chance.uniform(0.02, 0.3))  # the load runs meanwhile; nothing is waited for
        victim = chance.choice([broker, *nodes])
        victim.restart_after_kill()
        kills["broker" if victim is broker else "nodes"] += 1
    return kills


def wait_until_arrived(client, count):
    end = time.monotonic() + PATIENCE_S
    while True:
        left = {name: sum(info[state] for state in ("visible", "in_flight", "delayed"))
                for name in STAGES for info in [ask(client, "queue_info", name)]}
        if all(left[name] == 0 for name in STAGES[:-1]):
            return
        if time.monotonic() > end:
            raise Failed(f"{count} were sent, but the queues still hold {left}")
        ask(client, "receive", "pause", 1, 50, {})


def take_all(client):
    bodies = []
    while batch := client.receive("last", 1_000, visibility_timeout_ms=600_000):
        bodies += [unpack(one.message)[1] for one in batch]
        client.delete("last", [one.handle for one in batch])
    return bodies


def check(sent, bodies, is_fifo):
    counts = Counter(body["number"] for body in bodies)
    lost = [body["number"] for body in sent if body["number"] not in counts]
    twice = [number for number, count in counts.items() if count > 1]
    if lost or twice or len(bodies) != len(sent):
        raise Failed(f"of {len(sent)} messages {len(lost)} are missing {lost[:5]} and {len(twice)} are there twice {twice[:5]}")
    if not is_fifo:
        return
    groups = defaultdict(list)
    for body in bodies:
        groups[body["group"]].append(body["number"])
    for group, numbers in groups.items():
        if numbers != sorted(numbers):
            before, after = next((a, b) for a, b in zip(numbers, numbers[1:]) if a > b)
            raise Failed(f"{group} is out of order: {after} came after {before}")


def story(broker_executable, node_executable, attributes):
    is_fifo = "fifo" in attributes
    chance = random.Random(f"{SEED}/{is_fifo}")
    broker = BrokerProcess(broker_executable, options=["--segment-size", "1MiB"])
    nodes = [CopyingNode(node_executable, broker, source, target) for source, target in zip(STAGES, STAGES[1:])]
    producer = Producer(broker.endpoint)
    try:
        broker.start()
        client = Client(broker.endpoint, "story", timeout_s=2.0)
        for name in STAGES:
            client.declare_queue(name, **attributes)
        client.declare_queue("pause")
        for node in nodes:
            node.start()
        producer.start()
        kills = kill_at_random(broker, nodes, chance)
        producer.stopping.set()
        producer.join()
        if producer.problem is not None:
            raise Failed(f"the producer: {producer.problem!r}")
        client = patiently(lambda: Client(broker.endpoint, "story", timeout_s=5.0))
        wait_until_arrived(client, len(producer.sent))
        check(producer.sent, take_all(client), is_fifo)
        client.close()
    finally:
        producer.stopping.set()
        for node in nodes:
            if node.process is not None and node.process.poll() is None:
                node.kill()
        broker.remove()
    print(f"{'FIFO' if is_fifo else 'standard'} queues: {len(producer.sent)} messages through three nodes, {kills['nodes']} kills of nodes, "
          f"{kills['broker']} of the broker: each exactly once{', in order in each of ' + str(GROUPS) + ' groups' if is_fifo else ''}", flush=True)


def main():
    print(f"seed {SEED}, {SECONDS:g} s of kills in each story", flush=True)
    for attributes in (STANDARD, FIFO):
        story(sys.argv[1], sys.argv[2], attributes)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        main()
    except Failed as problem:
        sys.exit(f"FAILED (REMUDA_SEED={SEED}): {problem}")
