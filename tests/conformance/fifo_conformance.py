"""What FIFO queues, FIFO topics and run-time changes promise over the wire. Usage: fifo_conformance.py PATH/TO/remuda-broker"""

import json
import sys
import time
import unittest

import msgpack

import queue_conformance
from queue_conformance import BrokerStory, ids
from remuda_client import message


class FifoStory(BrokerStory):
    def kill_the_broker(self):
        """kill -9, a start on the same store, and a new connection: a client sends only what it remembers again."""
        self.broker.kill()
        self.broker.start()
        self.client = self.connect()


def in_group(name, group, **headers):
    return message(name, group_id=group, **headers)


def with_body(name, **fields):
    headers = msgpack.unpackb(message(name))[0]
    return msgpack.packb([headers, msgpack.packb(fields)])


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come true in time")


class MessageGroups(FifoStory):
    def test_the_hand_out_sequence_of_two_groups(self):
        """P21: groups {A,C} and {B,D}: A, B, then D and not C while A is in flight, then C."""
        self.client.declare_queue("bookings", fifo={})
        self.client.send("bookings", [in_group("A", "1"), in_group("B", "2"), in_group("C", "1"), in_group("D", "2")])
        c1, c2 = self.connect(), self.connect()
        a = c1.receive("bookings", 1)
        b = c2.receive("bookings", 1)
        self.assertEqual(ids(a + b), ["A", "B"])
        self.assertEqual(c2.receive("bookings", 1), [])
        c2.delete("bookings", [b[0].handle])
        d = c2.receive("bookings", 1)
        self.assertEqual(ids(d), ["D"])
        c1.delete("bookings", [a[0].handle])
        self.assertEqual(ids(c1.receive("bookings", 1)), ["C"])

    def test_order_and_closed_groups_survive_kill_9(self):
        self.client.declare_queue("bookings", fifo={})
        self.client.send("bookings", [in_group(name, "g") for name in "ABC"])
        first = self.client.receive("bookings", 1)
        self.kill_the_broker()
        other = self.connect()
        self.assertEqual(other.receive("bookings"), [])
        self.assertIsNone(self.client.delete("bookings", [first[0].handle]))
        self.assertEqual(ids(other.receive("bookings")), ["B", "C"])

    def test_the_group_is_read_from_where_the_queue_says(self):
        self.client.declare_queue("accounts", fifo={"group_by": "body.ride.customer", "deduplicate_by": "id"})
        self.client.send("accounts", [with_body("1", ride={"customer": "cmr"}), with_body("2", ride={"customer": 7}), with_body("3", ride={"customer": "cmr"})])
        self.assertEqual([each["group"] for each in self.client.peek("accounts")], ["cmr", "7", "cmr"])
        self.assert_refused("missing_group_id", self.client.send, "accounts", [with_body("4", ride={})])

    def test_a_message_without_a_group_is_refused_whole(self):
        self.client.declare_queue("bookings", fifo={})
        self.assert_refused("missing_group_id", self.client.send, "bookings", [in_group("A", "g"), message("B")])
        self.assertEqual(self.client.queue_info("bookings")["visible"], 0)

    def test_wrong_settings_are_named(self):
        declare = self.client.declare_queue
        self.assert_refused("invalid_selector", declare, "a", fifo={"group_by": "customer"})
        self.assert_refused("invalid_selector", declare, "a", fifo={"group_by": "content"})
        self.assert_refused("invalid_attribute", declare, "a", fifo={"on_dead_letter": "stop"})
        self.assert_refused("invalid_attribute", declare, "a", fifo={"deduplication_scope": "group"})
        self.assert_refused("malformed_request", declare, "a", fifo={"order": "strict"})
        declare("standard")
        self.assert_refused("invalid_attribute", declare, "standard", fifo={})
        self.assert_refused("invalid_attribute", declare, "strict", fifo={}, dead_letter_queue="standard", max_receives=3)

    def test_a_receive_is_repeated_by_its_attempt_id(self):
        self.client.declare_queue("bookings", fifo={})
        self.client.send("bookings", [in_group("A", "g"), in_group("B", "g")])
        first = self.client.receive("bookings", attempt_id="try-1")
        again = self.connect().receive("bookings", attempt_id="try-1")
        self.assertEqual([each.handle for each in again], [each.handle for each in first])
        self.assertEqual([each.receive_count for each in again], [1, 1])


class Deduplication(FifoStory):
    def test_an_id_is_accepted_once_also_after_delete_and_kill_9(self):
        self.client.declare_queue("bookings", fifo={})
        first = self.client.send("bookings", [in_group("A", "g", dedup_id="x"), in_group("B", "g", dedup_id="y")])
        self.assertEqual(first, [1, 2])
        self.assertEqual(self.client.send("bookings", [in_group("C", "g", dedup_id="z"), in_group("D", "g", dedup_id="x")]), [3, 1])
        received = self.client.receive("bookings")
        self.assertEqual(ids(received), ["A", "B", "C"])
        self.client.delete("bookings", [each.handle for each in received])
        self.kill_the_broker()
        self.assertEqual(self.client.send("bookings", [in_group("E", "g", dedup_id="y")]), [2])
        self.assertEqual(self.client.queue_info("bookings")["visible"], 0)

    def test_content_based(self):
        self.client.declare_queue("bookings", fifo={"deduplicate_by": "content"})
        first = self.client.send("bookings", [in_group("A", "g", body=b"same"), in_group("B", "g", body=b"same"), in_group("C", "g", body=b"other")])
        self.assertEqual(first, [1, 1, 2])

    def test_scope_of_the_message_group(self):
        self.client.declare_queue("bookings", fifo={"deduplication_scope": "message_group"})
        self.assertEqual(self.client.send("bookings", [in_group("A", "g", dedup_id="x"), in_group("B", "h", dedup_id="x"),
                                                       in_group("C", "g", dedup_id="x")]), [1, 2, 1])


class FifoTopics(FifoStory):
    def test_group_and_deduplication_id_reach_every_queue_in_order(self):
        """P23, P24."""
        self.client.declare_topic("quotes", fifo=True)
        for queue in ("ledger", "archive"):
            self.client.declare_queue(queue, fifo={}, from_topic="quotes")
        self.client.declare_queue("audit", from_topic="quotes")
        self.assertEqual(self.client.publish("quotes", [in_group(name, "g", dedup_id=name) for name in "ABC"]), 9)
        self.assertEqual(self.client.publish("quotes", [in_group("again", "g", dedup_id="B")]), 0)
        for queue in ("ledger", "archive"):
            received = self.client.receive(queue)
            self.assertEqual(ids(received), ["A", "B", "C"])
            headers = msgpack.unpackb(received[0].message)[0]
            self.assertEqual((headers["group_id"], headers["dedup_id"]), ("g", "A"))
        self.assertEqual(len(self.client.receive("audit")), 3)  # a standard queue, and no duplicate either

    def test_a_topic_is_deleted_and_its_queues_stay(self):
        self.client.declare_topic("quotes", fifo=True)
        self.client.declare_queue("ledger", fifo={}, from_topic="quotes")
        self.client.change("delete_topic", "quotes")
        self.assert_refused("no_such_topic", self.client.publish, "quotes", [in_group("A", "g")])
        self.assertEqual(self.client.queue_info("ledger")["from_topic"], "")
        self.kill_the_broker()
        self.assertEqual(self.client.list_topics(), [])
        self.client.declare_topic("quotes")  # as another kind now


class QueuesAtRunTime(FifoStory):
    def test_a_queue_is_deleted_when_empty_or_by_force(self):
        self.client.declare_queue("rides", dead_letter_queue="dead", max_receives=3, tags={"team": "rides"})
        self.assertEqual(self.client.queue_info("rides")["tags"], {"team": "rides"})
        self.client.send("rides", [message("A")])
        self.assert_refused("queue_not_empty", self.client.change, "delete_queue", "rides")
        self.assert_refused("queue_in_use", self.client.change, "delete_queue", "dead", force=True)
        self.client.change("delete_queue", "rides", force=True)
        self.assert_refused("no_such_queue", self.client.send, "rides", [message("B")])
        self.kill_the_broker()
        self.assertEqual([each["queue"] for each in self.client.list_queues()], ["dead"])

    def test_a_filter_changes_at_once(self):
        self.client.declare_topic("rides")
        self.client.declare_queue("red", from_topic="rides", filter_policy=json.dumps({"colour": ["red"]}))
        publish = lambda name, colour: self.client.publish("rides", [with_body(name, colour=colour)])
        self.assertEqual((publish("1", "red"), publish("2", "green")), (1, 0))
        self.client.declare_queue("red", from_topic="rides", filter_policy=json.dumps({"colour": ["green"]}))
        self.assertEqual((publish("3", "red"), publish("4", "green")), (0, 1))
        self.assertEqual(ids(self.client.receive("red")), ["1", "4"])

    def test_each_message_of_a_batch_has_its_delay(self):
        self.client.declare_queue("rides")
        self.client.send("rides", [message("A"), message("B"), message("C")], delay_ms=900_000, delays_ms=[None, 0, 900_000])
        self.assertEqual(ids(self.client.receive("rides")), ["B"])
        self.assert_refused("invalid_argument", self.client.send, "rides", [message("D")], delays_ms=[900_001])

    def test_a_move_goes_on_in_the_background_and_after_kill_9(self):
        self.client.declare_queue("from")
        self.client.declare_queue("to")
        for begin in range(0, 3000, 500):
            self.client.send("from", [with_body(str(i), odd=i % 2 == 1) for i in range(begin, begin + 500)])
        move = self.client.change("start_move", "from", to="to", max_per_second=1000, filter_policy=json.dumps({"odd": [True]}))
        self.assert_refused("move_in_progress", self.client.change, "start_move", "from", to="to")
        until(lambda: self.client.queue_info("to")["visible"] >= 100)
        self.assertLess(self.client.queue_info("to")["visible"], 1500)  # it keeps its pace
        self.kill_the_broker()
        until(lambda: self.client.list_moves()[0]["status"] == "completed")
        self.assertEqual((self.client.queue_info("from")["visible"], self.client.queue_info("to")["visible"]), (1500, 1500))
        info = self.client.list_moves()[0]
        self.assertEqual((info["move"], info["queue"], info["to"], info["moved"]), (move, "from", "to", 1500))

    def test_dead_letters_go_home_by_a_move_and_a_cancelled_one_stops(self):
        self.client.declare_queue("rides", dead_letter_queue="dead", max_receives=1)
        self.client.send("rides", [message(str(i)) for i in range(50)])
        for each in self.client.receive("rides", 50):
            self.client.reject("rides", each.handle, "bad")
        slow = self.client.change("start_move", "dead", max_per_second=1)
        until(lambda: self.client.queue_info("rides")["visible"] >= 1)
        self.client.change("cancel_move", slow)
        self.assert_refused("no_such_move", self.client.change, "cancel_move", slow)
        self.client.change("start_move", "dead")
        until(lambda: self.client.queue_info("rides")["visible"] == 50)
        self.assertEqual([each["status"] for each in self.client.list_moves()], ["cancelled", "completed"])


if __name__ == "__main__":
    queue_conformance.EXECUTABLE = sys.argv.pop(1)
    unittest.main(verbosity=2)
