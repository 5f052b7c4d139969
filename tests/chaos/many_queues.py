#!/usr/bin/env python3
"""Many queues on one queue node, and one of them hot: nobody else waits for it.  many_queues.py PATH/TO/remuda-broker

  5,000 queues          a message through one of them at random takes no longer than with a single queue; they are all back after kill -9
  a hot queue           four producers flood it; a slow pair on another queue still gets its messages through, one at a time
  bad consumers         one that never deletes and one that never reads what it asked for: the slow pair does not notice, the broker does not grow

Latencies are printed with and without; what fails the test is only what no busy machine explains: a pair that stands still, memory that grows.
REMUDA_QUEUES says how many queues (default 5000), REMUDA_MESSAGES how many each measurement takes (default 300)."""
import os
import pathlib
import random
import resource
import signal
import sys
import threading
import time

import msgpack
import zmq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, RemudaError, TimedOut, message  # noqa: E402

QUEUES = int(os.environ.get("REMUDA_QUEUES", "5000"))
MESSAGES = int(os.environ.get("REMUDA_MESSAGES", "300"))
STANDSTILL_S = 2.0  # no message of a slow pair may take this long, however busy two cores are
PEER_BUFFER = 4 << 20


class Failed(Exception):
    pass


def rss_mib(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / (1 << 20)


class SlowPair:
    """One message at a time: sent by one client, received and deleted by another that waits for it."""

    def __init__(self, endpoint):
        self.sender, self.receiver = Client(endpoint, "slow-sender"), Client(endpoint, "slow-receiver")

    def measure(self, queue_of):
        """Seconds from send to received of each message, sorted."""
        waits = []
        for number in range(MESSAGES):
            queue = queue_of(number)
            waiting = self.receiver.start("receive", queue, 1, 10_000, {})
            begin = time.monotonic()
            self.sender.send(queue, [message(f"ride-{number}")])
            received = self.receiver.wait_for(waiting)
            waits.append(time.monotonic() - begin)
            self.receiver.delete(queue, [received[0][0]])
        return sorted(waits)

    def close(self):
        self.sender.close()
        self.receiver.close()


def told(what, waits):
    p50, p99 = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
    print(f"{what:<58} p50 {1000 * p50:6.2f} ms   p99 {1000 * p99:6.2f} ms", flush=True)
    if waits[-1] > STANDSTILL_S:
        raise Failed(f"{what}: one message took {waits[-1]:.1f} s")


def declare_many(client):
    """All requests first, then their answers: one sync serves many."""
    numbers = []
    for begin in range(0, QUEUES, 200):
        numbers = [client.start("declare_queue", f"queue-{n}", {}, remembered=True) for n in range(begin, min(QUEUES, begin + 200))]
        for number in numbers:
            client.wait_for(number)


def many_queues(broker):
    client = Client(broker.endpoint, "story", timeout_s=30)
    pair = SlowPair(broker.endpoint)
    client.declare_queue("queue-0")
    chance = random.Random(7)
    pair.measure(lambda number: "queue-0")  # warm
    told("one queue", pair.measure(lambda number: "queue-0"))
    begin = time.monotonic()
    declare_many(client)
    print(f"{QUEUES} queues declared in {time.monotonic() - begin:.2f} s", flush=True)
    told(f"{QUEUES} queues, one at random for each message", pair.measure(lambda number: f"queue-{chance.randrange(QUEUES)}"))
    pair.close()
    begin = time.monotonic()
    broker.restart_after_kill()
    again = Client(broker.endpoint, "story", timeout_s=30)
    print(f"{len(again.list_queues())} queues are back {time.monotonic() - begin:.2f} s after kill -9", flush=True)
    if len(again.list_queues()) != QUEUES:
        raise Failed("queues are missing")
    again.close()
    client.close()


class Flood:
    """Four producers that never wait for an answer longer than it takes to have 500 messages outstanding."""

    def __init__(self, endpoint, queue):
        self.endpoint, self.queue, self.stopping, self.sent, self.problems = endpoint, queue, threading.Event(), 0, []
        self.threads = [threading.Thread(target=self.produce, args=(n,)) for n in range(4)]

    def produce(self, number):
        try:
            client = Client(self.endpoint, f"flood-{number}", timeout_s=30)
            batch = [message(f"flood-{number}-{n}", "x" * 200) for n in range(100)]
            outstanding = []
            while not self.stopping.is_set():
                outstanding.append(client.start("send", self.queue, batch, remembered=True))
                if len(outstanding) == 5:
                    client.wait_for(outstanding.pop(0))
                self.sent += len(batch)
            client.close()
        except Exception as problem:  # pylint: disable=broad-except  # a thread's failure is the test's
            self.problems.append(problem)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def hot_queue(broker):
    client = Client(broker.endpoint, "story", timeout_s=30)
    client.declare_queue("hot")
    client.declare_queue("quiet")
    pair = SlowPair(broker.endpoint)
    told("a slow pair alone", pair.measure(lambda number: "quiet"))
    with Flood(broker.endpoint, "hot") as flood:
        begin = time.monotonic()
        told("the same while another queue is flooded", pair.measure(lambda number: "quiet"))
        took = time.monotonic() - begin
    if flood.problems:
        raise Failed(f"the flood: {flood.problems[0]!r}")
    print(f"the flood was {flood.sent / took / 1000:.0f} k messages/s", flush=True)
    pair.close()
    client.purge("hot")
    client.close()


def never_deletes(endpoint):
    """Takes all it can get into flight, and leaves it there."""
    client = Client(endpoint, "never-deletes")
    client.declare_queue("neglected", visibility_timeout_ms=600_000)
    for _ in range(20):
        client.send("neglected", [message(f"neglected-{n}") for n in range(500)])
        client.receive("neglected", 500)
    return client


def never_reads(endpoint):
    """Asks for large answers again and again, and reads none of them, until nobody listens any more."""
    filler = Client(endpoint, "filler")
    filler.declare_queue("large")
    filler.send("large", [message(f"large-{n}", "x" * 100_000) for n in range(30)])
    filler.close()
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVHWM, 1)
    socket.setsockopt(zmq.RCVBUF, 4096)
    socket.setsockopt(zmq.SNDHWM, 10)
    socket.connect(endpoint)
    socket.send(msgpack.packb(["hello", 0, 1, {"protocol": 1, "session": os.urandom(16), "node": "never-reads", "host": ""}]))
    asked = 0
    for number in range(1, 2_000):
        try:
            socket.send(msgpack.packb(["peek", number, 1, "large", {"max": 30}]), zmq.DONTWAIT)
            asked += 1
        except zmq.Again:
            if not socket.poll(20, zmq.POLLOUT):
                break  # the broker has stopped reading: it owes enough already
    return context, socket, asked


def bad_consumers(broker):
    client = Client(broker.endpoint, "story", timeout_s=30)
    client.declare_queue("quiet")
    pair = SlowPair(broker.endpoint)
    told("a slow pair alone", pair.measure(lambda number: "quiet"))
    hoarder = never_deletes(broker.endpoint)
    before = rss_mib(broker.pid)
    context, socket, asked = never_reads(broker.endpoint)
    told("beside a consumer that never deletes and one that never reads", pair.measure(lambda number: "quiet"))
    grown = rss_mib(broker.pid) - before
    print(f"one that never reads asked {asked} times for 3 MB: the broker grew by {grown:.1f} MiB", flush=True)
    if grown > 2 * PEER_BUFFER / (1 << 20) + 16:
        raise Failed("that is more than its buffer allows")
    socket.close()
    context.term()
    hoarder.close()
    pair.close()
    client.close()


def main():
    for story in (many_queues, hot_queue, bad_consumers):
        broker = BrokerProcess(sys.argv[1], options=["--peer-buffer", str(PEER_BUFFER)])
        try:
            broker.start()
            story(broker)
            if broker.stop() != 0:
                raise Failed("the broker did not drain")
        finally:
            broker.remove()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        main()
    except (Failed, RemudaError, TimedOut) as problem:
        sys.exit(f"FAILED: {problem!r}")
