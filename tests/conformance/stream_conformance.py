"""What streams promise over the wire. Usage: stream_conformance.py PATH/TO/remuda-broker"""

import sys
import time
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

    def test_a_take_that_waits_is_answered_by_the_next_append(self):
        reader = self.connect()
        waiting = reader.start("stream_take", "positions", "lake", 10, {"wait_ms": 20_000})
        reader.ping()
        self.assertEqual(self.client.ask("stream_info", "positions")["waiting_takes"], 1)
        self.append("A")
        self.assertEqual(self.ids(reader.wait_for(waiting)), ["A"])

    def test_a_take_waits_no_longer_than_it_says(self):
        batch = self.take(wait_ms=50)
        self.assertEqual((batch["lease"], batch["records"]), (b"", []))

    def test_waiting_takes_can_be_cancelled(self):
        waiting = self.client.start("stream_take", "positions", "lake", 10, {"wait_ms": 20_000})
        self.client.ask("cancel_receives")
        self.assertEqual(self.client.wait_for(waiting)["records"], [])
        self.append("A")
        self.assertEqual(self.ids(self.take()), ["A"])

    def test_who_waits_and_leaves_takes_nothing_with_it(self):
        reader = self.connect()
        reader.start("stream_take", "positions", "lake", 10, {"wait_ms": 20_000})
        reader.ping()
        reader.close()
        deadline = time.monotonic() + 20
        while self.client.ask("stream_info", "positions")["waiting_takes"] > 0:
            self.assertLess(time.monotonic(), deadline, "its end is not noticed")
        self.append("A")
        self.assertEqual(self.ids(self.take()), ["A"])

    def test_waiting_takes_count_as_waiting_receives(self):
        for _ in range(64):
            self.client.start("stream_take", "positions", "lake", 1, {"wait_ms": 20_000})
        self.refused("over_limit", lambda: self.take(wait_ms=1))
        self.take()  # this one does not wait

    def test_a_topic_fills_queues_and_streams_by_one_record(self):
        self.client.declare_topic("rides")
        self.client.declare_queue("accounting", from_topic="rides")
        self.client.change("declare_stream", "lake", partitions=4, partition_by="body.customer", from_topic="rides",
                           filter_policy='{"fare": [{"numeric": [">=", 50]}]}')
        self.client.publish("rides", [message("A", {"customer": "c", "fare": 60}), message("B", {"customer": "c", "fare": 10})])
        self.restart()
        self.client.publish("rides", [message("C", {"customer": "c", "fare": 70})])
        self.assertEqual(self.client.queue_info("accounting")["visible"], 3)
        batches = [self.client.ask("stream_read", "lake", p, 100) for p in range(4)]
        self.assertEqual([self.ids(batch) for batch in batches if batch["records"]], [["A", "C"]])
        info = self.client.ask("stream_info", "lake")
        self.assertEqual((info["from_topic"], info["partition_by"]), ("rides", "body.customer"))
        topic = self.client.list_topics()[0]
        self.assertEqual([each[0] for each in topic["queues"]], ["accounting"])
        self.assertEqual([each[0] for each in topic["streams"]], ["lake"])

    def test_a_stream_is_unchained_and_deleted(self):
        self.client.declare_topic("rides")
        self.client.change("declare_stream", "lake", from_topic="rides")
        self.client.change("declare_stream", "lake")
        self.client.publish("rides", [message("A")])
        self.assertEqual(self.client.ask("stream_info", "lake")["bytes"], 0)
        self.client.change("declare_stream", "lake", from_topic="rides")
        self.client.change("delete_stream", "lake")
        self.assertEqual(self.client.publish("rides", [message("B")]), 0)
        self.restart()
        self.assertEqual(self.client.list_topics()[0]["streams"], [])
        self.refused("invalid_filter_policy",
                     lambda: self.client.change("declare_stream", "lake", from_topic="rides", filter_policy='{"a": 1}'))
        self.refused("no_such_stream", lambda: self.client.ask("stream_info", "lake"))

    def test_it_says_how_far_each_group_is(self):
        self.append("A", "B", "C")
        self.checkpoint(self.take(max=2), 1)
        (info,) = self.client.ask("list_streams")
        self.assertEqual((info["stream"], info["partitions"]), ("positions", [[0, 3]]))
        self.assertEqual(info["groups"], [["lake", [[1, 1, 0]]]])
        self.assertGreater(info["oldest_ms"], 0)

    def test_a_time_is_a_position(self):
        self.append("A")
        came = self.read()["records"][0][1]
        self.assertEqual(self.ids(self.read(time_ms=came)), ["A"])
        self.assertEqual(self.ids(self.read(time_ms=came + 1)), [])
        self.assertEqual(self.ids(self.read(time_ms=2**63)), [])
        self.assertEqual(self.ids(self.read(time_ms=0)), ["A"])

    def test_seeking_reads_again(self):
        self.append("A", "B")
        self.checkpoint(self.take(), 2)
        self.assertEqual(self.ids(self.take()), [])
        self.client.change("stream_seek", "positions", "lake", **{"from": "oldest"})
        self.assertEqual(self.ids(self.take()), ["A", "B"])


if __name__ == "__main__":
    queue_conformance.EXECUTABLE = sys.argv.pop(1)
    unittest.main(verbosity=1)
