"""A topic on one broker, its queues and its stream on another: each message exactly once and in order, whoever is killed.

Usage: outbox_test.py FOLDER_OF_BINARIES [test...]
REMUDA_OUTBOX_MESSAGES=1000000 REMUDA_OUTBOX_KILLS=100 is the long form.
"""
import json
import os
import pathlib
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from command_line_test import PATIENCE, Story  # noqa: E402
from remuda_client import Client, RemudaError, TimedOut, message, unpack  # noqa: E402

MESSAGES = int(os.environ.get("REMUDA_OUTBOX_MESSAGES", "20000"))
KILLS = int(os.environ.get("REMUDA_OUTBOX_KILLS", "6"))  # of each: forwarder, receiving broker, topic's broker
GROUPS = 16
BATCH = 50

TOPOLOGY = """
schema = 1
name = "NAME"
[defaults.broker]
restart = { policy = "always", delay = "10ms", max_delay = "100ms", max_restarts = 100000, window = "10m" }
[brokers.main]
[brokers.edge]
[topics.rides]
broker = "main"
[queues.expensive]
broker = "edge"
from = "rides"
filter = { fare = [{ numeric = [">=", 50] }] }
[queues.ledger]
broker = "edge"
from = "rides"
fifo = { group_by = "body.customer" }
[streams.log]
broker = "edge"
from = "rides"
partitions = 4
partition_by = "body.customer"
"""

NEEDS_A_GROUP = """
schema = 1
name = "NAME"
[brokers.main]
[brokers.edge]
[topics.rides]
broker = "main"
[queues.orders]
broker = "edge"
from = "rides"
fifo = true
[queues.small]
broker = "edge"
from = "rides"
max_messages = 2
"""


def ride(n):
    return message(f"ride-{n}", {"n": n, "fare": n % 100, "customer": f"customer-{n % GROUPS}"})


class Outboxes(Story):
    def client(self, broker):
        entry = json.loads((self.folder / "run" / "remuda" / f"{self.name}.json").read_text())
        client = Client(entry["brokers"][broker], timeout_s=PATIENCE)
        self.addCleanup(client.close)
        return client

    def queue(self, name):
        """Asks its own broker alone: the other one may be away."""
        return next(iter(self.rows("queue", "info", name, expect=None)), None)

    def kill(self, node):
        """kill -9; returns once another process has its place and is ready."""
        before = self.process(node)
        if before["pid"]:
            os.kill(before["pid"], signal.SIGKILL)
        return self.until(f"{node} is back", lambda: (now := self.process(node))["state"] == "ready" and now["pid"] != before["pid"] and now)

    def receive_all(self, client, queue):
        """Bodies in the order of their receives, each deleted."""
        bodies = []
        while batch := client.receive(queue, max=1000):
            bodies += [unpack(one.message)[1] for one in batch]
            client.delete(queue, [one.handle for one in batch])
        return bodies


class Load(threading.Thread):
    """Publishes numbered rides; a request that is not answered is sent again under its number, over a new connection."""

    def __init__(self, client, count):
        super().__init__()
        self.client, self.count, self.published, self.failed = client, count, 0, None

    def run(self):
        try:
            for begin in range(0, self.count, BATCH):
                end = min(begin + BATCH, self.count)
                self.publish([ride(n) for n in range(begin, end)])
                self.published = end
        except Exception as error:  # noqa: BLE001: whatever it is, the story must fail with it
            self.failed = error

    def publish(self, messages):
        number = self.client.start("publish", "rides", messages, remembered=True)
        for _ in range(10 * PATIENCE):
            try:
                return self.client.wait_for(number, timeout_s=0.1)
            except TimedOut:
                self.reconnect()
        raise TimedOut(f"publish {number}")

    def reconnect(self):
        self.client.timeout_s = 0.5
        try:
            self.client.connect()
        except TimedOut:
            pass  # its broker is away: later


class StoreAndForward(Outboxes):
    def check_order(self, bodies):
        last = {}
        for body in bodies:
            self.assertGreater(body["n"], last.get(body["customer"], -1), "out of the order of its group")
            last[body["customer"]] = body["n"]

    def test_each_message_arrives_exactly_once_and_in_order_whoever_is_killed(self):
        self.up(TOPOLOGY)
        began = time.monotonic()
        load = Load(self.client("main"), MESSAGES)
        load.start()
        kills = 0
        steps = 3 * KILLS + 1
        for step in range(steps):
            self.until("more is published", lambda: load.published >= MESSAGES * step // steps or not load.is_alive())
            if step == steps // 2:  # the receiving broker is away for a while, and the forwarder is killed meanwhile
                self.run_remuda("stop", "edge")
                held = self.until("what is for it waits", lambda: (row := self.queue("ledger-outbox")) and row["visible"] + row["in_flight"] > 0 and row)
                self.kill("main-to-edge")
                self.run_remuda("start", "edge")
                self.until("it is back", lambda: self.process("edge")["state"] == "ready")
            else:
                self.kill(("main-to-edge", "edge", "main")[step % 3])
                kills += 1
        load.join()
        self.assertIsNone(load.failed)
        took = time.monotonic() - began

        def waiting():
            rows = [row for row in self.rows("queue", "ls", expect=None) if row["queue"].endswith("-outbox")]
            return sum(row["visible"] + row["in_flight"] + row["delayed"] for row in rows) if len(rows) == 3 else None

        self.until("the outboxes are empty", lambda: waiting() == 0)
        caught_up = time.monotonic() - began
        wanted = [n for n in range(MESSAGES) if n % 100 >= 50]
        edge = self.client("edge")
        expensive = self.receive_all(edge, "expensive")
        self.assertEqual(sorted(body["n"] for body in expensive), wanted)
        ledger = self.receive_all(edge, "ledger")
        self.assertEqual(sorted(body["n"] for body in ledger), list(range(MESSAGES)))
        self.check_order(ledger)
        log = []
        for partition, (first, following) in enumerate(edge.ask("stream_info", "log")["partitions"]):
            while first < following:
                batch = edge.ask("stream_read", "log", partition, 1000, {"offset": first})
                log += [unpack(record[2])[1] for record in batch["records"]]
                first = batch["next"]
        self.assertEqual(sorted(body["n"] for body in log), list(range(MESSAGES)))
        self.check_order(log)
        # Only what matches was stored at the topic's broker and sent over the link, and none of it is left or became a dead letter.
        outbox = self.queue("expensive-outbox")
        self.assertEqual((outbox["sent"], outbox["deleted"], outbox["dead_lettered"]), (len(wanted), len(wanted), 0), outbox)
        print(f"\n{MESSAGES:,} messages published, {len(wanted):,} + {MESSAGES:,} + {MESSAGES:,} carried over to a standard queue, a FIFO queue and a stream: each exactly once, "
              f"every group in order; {kills} kill -9 of the forwarder and both brokers in turn, one more while the receiving broker was stopped ({held['visible'] + held['in_flight']} waited); "
              f"published in {took:.1f} s, caught up after {caught_up:.1f} s", file=sys.stderr)

    def test_people_see_the_outbox_its_forwarder_and_one_arrow(self):
        self.assertEqual(self.run_remuda("check", self.launch_file(TOPOLOGY)).stderr, "")
        drawn = self.run_remuda("graph", self.launch_file(TOPOLOGY)).stdout
        self.assertIn("═▶ [expensive]", drawn)
        self.assertIn("main ⇒ edge, over expensive-outbox", drawn)
        self.assertNotIn("main-to-edge", drawn)
        for form, file in (("systemd", f"remuda-{self.name}-main-to-edge.service"), ("compose", "compose.yaml"), ("k8s", "statefulset.yaml")):
            self.run_remuda("export", form, self.launch_file(TOPOLOGY), "--out", self.folder / form)
            self.assertIn("expensive-outbox", (self.folder / form / file).read_text())
        self.up(TOPOLOGY)
        self.assertEqual(self.process("main-to-edge")["state"], "ready")
        self.assertEqual({row["queue"]: row["broker"] for row in self.rows("queue", "ls")}["expensive-outbox"], "main")
        self.run_remuda("stop", "edge")
        self.client("main").publish("rides", [ride(75), ride(76)])
        self.until("the backlog is seen", lambda: (row := self.queue("expensive-outbox")) and row["visible"] + row["in_flight"] == 2)
        # It drains at once although the other broker is away, and gives back what it had in hand.
        self.run_remuda("stop", "main-to-edge")
        self.assertEqual(self.process("main-to-edge")["last_exit"], "exit 0", self.process("main-to-edge"))
        row = self.queue("expensive-outbox")
        self.assertEqual((row["visible"], row["in_flight"]), (2, 0))
        self.run_remuda("start", "edge", "main-to-edge")
        self.until("it arrives", lambda: (row := self.queue("expensive")) and row["visible"] == 2)

    def test_a_message_that_can_never_be_taken_becomes_a_dead_letter_of_the_outbox_and_a_full_queue_is_waited_for(self):
        self.up(NEEDS_A_GROUP)
        main, edge = self.client("main"), self.client("edge")
        main.publish("rides", [message("ride-1", group_id="a"), message("ride-2"), message("ride-3", group_id="a")])
        self.until("the others arrive", lambda: self.queue("orders")["visible"] == 2)
        letter, = self.until("it is a dead letter", lambda: self.rows("queue", "peek", "orders-outbox-dlq"))
        self.assertEqual((letter["id"], letter["origin_queue"]), ("ride-2", "orders-outbox"))
        self.assertIn("missing_group_id", letter["reason"])
        # Meanwhile the small queue was full: what it has no room for waits, uncounted.
        self.until("one waits", lambda: self.queue("small")["visible"] == 2 and self.queue("small-outbox")["visible"] + self.queue("small-outbox")["in_flight"] == 1)
        self.assertEqual(self.queue("small-outbox-dlq")["visible"], 0)
        self.assertEqual([unpack(one.message)[0]["id"] for one in self.take_two(edge)], ["ride-1", "ride-2"])
        self.until("it comes", lambda: self.queue("small")["visible"] == 1)

    def take_two(self, edge):
        batch = edge.receive("small")
        edge.delete("small", [one.handle for one in batch])
        return batch

    def test_who_does_not_know_how_far_an_outbox_is_stores_nothing(self):
        self.up(TOPOLOGY)
        with self.assertRaises(RemudaError) as refused:  # a transaction of somebody who does not know how far the outbox is
            self.client("main").publish("rides", [ride(1)])
            edge = self.client("edge")
            self.until("it arrives", lambda: self.queue("ledger")["visible"] == 1)
            edge.transact([["send", "ledger", [ride(1)]], ["keep_progress", "ledger-outbox", 0, b"by hand"]])
        self.assertEqual(refused.exception.code, "progress_moved")
        self.assertEqual(self.queue("ledger")["visible"], 1)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
