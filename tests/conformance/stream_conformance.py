"""What streams promise over the wire. Usage: stream_conformance.py PATH/TO/remuda-broker"""

import sys
import unittest

import queue_conformance
from queue_conformance import BrokerStory
from remuda_client import RemudaError, message, unpack


class StreamStory(BrokerStory):
    def setUp(self):
        super().setUp()
        self.client.change("declare_stream", "positions", partitions=1)

    def append(self, *names, **headers):
        return self.client.change("append", "positions", [message(name, **headers) for name in names])

    def ids(self, batch):
        return [unpack(record[2])[0]["id"] for record in batch["records"]]

    def read(self, max=100, partition=0, **position):
        return self.client.ask("stream_read", "positions", partition, max, position)

    def take(self, group="lake", max=100, **options):
        return self.client.ask("stream_take", "positions", group, max, options)

    def checkpoint(self, batch, next, **options):
        return self.client.change("stream_checkpoint", batch["lease"], next, **options)

    def refused(self, code, act):
        with self.assertRaises(RemudaError) as refusal:
            act()
        self.assertEqual(refusal.exception.code, code)

    def restart(self):
        self.broker.kill()
        self.broker.start()
        self.client = self.connect()


class Streams(StreamStory):
    def test_reading_deletes_nothing(self):
        self.assertEqual(self.append("A", "B"), 2)
        for _ in range(2):
            self.assertEqual(self.ids(self.read()), ["A", "B"])
        batch = self.read(max=1)
        self.assertEqual((batch["next"], batch["behind"]), (1, 1))
        self.assertEqual(self.ids(self.read(offset=1)), ["B"])
        self.assertEqual(self.ids(self.read(**{"from": "latest"})), [])
        self.refused("invalid_position", lambda: self.read(offset=3))
        self.refused("no_such_stream", lambda: self.client.ask("stream_read", "none", 0, 1))

    def test_kill_9_repeats_at_most_the_unconfirmed_batch(self):
        """P12: two groups at their own positions; positions and records survive."""
        self.append("A", "B", "C")
        self.checkpoint(self.take(max=1), 1)
        lost = self.take(max=1)
        self.restart()
        self.refused("stale_lease", lambda: self.checkpoint(lost, 2))
        self.assertEqual(self.ids(self.take()), ["B", "C"])
        self.assertEqual(self.ids(self.take("audit")), ["A", "B", "C"])

    def test_outputs_and_checkpoint_are_one_transaction(self):
        self.client.declare_queue("rides")
        self.append("A")
        batch = self.take()
        steps = [["send", "rides", [message("R")]], ["stream_checkpoint", batch["lease"], 1]]
        self.client.transact(steps)
        self.refused("stale_lease", lambda: self.client.transact(steps))
        self.assertEqual(self.client.queue_info("rides")["visible"], 1)

    def test_a_rejected_record_is_a_dead_letter(self):
        self.client.change("declare_stream", "positions", dead_letter_queue="positions-dead", max_receives=2)
        self.append("bad", "B")
        self.checkpoint(self.take(), 0, end="reject", reason="no good")
        self.assertEqual(self.ids(self.take()), ["B"])
        self.assertEqual(self.client.peek("positions-dead")[0]["reason"], "no good")

    def test_the_same_key_goes_to_the_same_partition(self):
        self.client.change("declare_stream", "wide", partitions=8)
        for customer in range(40):
            self.client.change("append", "wide", [message(f"{customer}-{i}", group_id=str(customer)) for i in range(3)])
        used = 0
        for partition in range(8):
            records = self.client.ask("stream_read", "wide", partition, 1000)["records"]
            used += bool(records)
            names = [unpack(record[2])[0]["id"] for record in records]
            for customer in {name.split("-")[0] for name in names}:
                self.assertEqual([n for n in names if n.startswith(customer + "-")], [f"{customer}-{i}" for i in range(3)])
        self.assertGreater(used, 4)

    def test_seeking_reads_again(self):
        self.append("A", "B")
        self.checkpoint(self.take(), 2)
        self.assertEqual(self.ids(self.take()), [])
        self.client.change("stream_seek", "positions", "lake", **{"from": "oldest"})
        self.assertEqual(self.ids(self.take()), ["A", "B"])


if __name__ == "__main__":
    queue_conformance.EXECUTABLE = sys.argv.pop(1)
    unittest.main(verbosity=1)
