"""What a broker promises over the wire, told by an independent client. Usage: queue_conformance.py PATH/TO/remuda-broker"""

import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time
import unittest

import msgpack
import zmq

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_process import BrokerProcess
from remuda_client import Client, RemudaError, TimedOut, message, unpack

EXECUTABLE = None


def ids(received):
    return [unpack(one.message)[0]["id"] for one in received]


class BrokerStory(unittest.TestCase):
    """A broker of its own per story, and clients that end with it."""

    def setUp(self):
        self.broker = BrokerProcess(EXECUTABLE)
        self.addCleanup(self.broker.remove)
        self.broker.start()
        self.clients = []
        self.client = self.connect()

    def connect(self, **options):
        client = Client(self.broker.endpoint, **options)
        self.addCleanup(client.close)
        return client

    def assert_refused(self, code, call, *arguments, **options):
        with self.assertRaises(RemudaError) as caught:
            call(*arguments, **options)
        self.assertEqual(caught.exception.code, code)
        self.assertTrue(caught.exception.definite)


class VisibilityTimeline(BrokerStory):
    def test_consumer_fast_enough(self):
        """P17: Stored -> In flight -> Deleted; C2 receives nothing while C1 has it."""
        producer, c1, c2 = self.client, self.connect(), self.connect()
        producer.declare_queue("rides", visibility_timeout_ms=30_000)
        producer.send("rides", [message("A")])
        self.assertEqual(producer.queue_info("rides")["visible"], 1)
        first = c1.receive("rides")
        self.assertEqual(ids(first), ["A"])
        self.assertEqual(first[0].receive_count, 1)
        self.assertEqual(c2.receive("rides"), [])
        self.assertEqual(producer.queue_info("rides")["in_flight"], 1)
        self.assertIsNone(c1.delete("rides", [first[0].handle]))
        info = producer.queue_info("rides")
        self.assertEqual((info["visible"], info["in_flight"], info["deleted"]), (0, 0, 1))

    def test_consumer_too_slow(self):
        """P18: Stored -> In flight -> Stored -> In flight; the late delete of C1 does not touch C2's copy."""
        producer, c1, c2 = self.client, self.connect(), self.connect()
        producer.declare_queue("rides", visibility_timeout_ms=300)
        producer.send("rides", [message("A")])
        began = time.monotonic()
        first = c1.receive("rides")
        self.assertEqual(c2.receive("rides"), [])
        second = c2.receive("rides", wait_ms=5_000, visibility_timeout_ms=30_000)  # answered the moment it is visible
        self.assertGreaterEqual(time.monotonic() - began, 0.299)
        self.assertEqual(ids(second), ["A"])
        self.assertEqual(second[0].receive_count, 2)
        self.assertEqual(second[0].first_received_ms, first[0].first_received_ms)
        self.assertNotEqual(second[0].handle, first[0].handle)
        self.assertEqual(c1.delete("rides", [first[0].handle]), ["stale_handle"])
        self.assertEqual(producer.queue_info("rides")["in_flight"], 1)
        self.assertIsNone(c2.delete("rides", [second[0].handle]))
        self.assertIsNone(c2.delete("rides", [second[0].handle]), "the same delete again is done as well")

    def test_change_visibility_returns_or_extends(self):
        self.client.declare_queue("rides", visibility_timeout_ms=30_000)
        self.client.send("rides", [message("A")])
        first = self.client.receive("rides")[0]
        self.assertIsNone(self.client.change_visibility("rides", [first.handle], 0))
        second = self.client.receive("rides", visibility_timeout_ms=100)[0]
        self.assertEqual(second.receive_count, 2)
        self.assertIsNone(self.client.change_visibility("rides", [second.handle], 60_000))
        self.assertEqual(self.client.receive("rides", wait_ms=300), [])
        self.assertEqual(self.client.change_visibility("rides", [first.handle], 0), ["stale_handle"])

    def test_release_does_not_count_the_receive(self):
        self.client.declare_queue("rides")
        self.client.send("rides", [message("A"), message("B")])
        received = self.client.receive("rides")
        self.client.release("rides", [received[1].handle])
        again = self.client.receive("rides")
        self.assertEqual(ids(again), ["B"])
        self.assertEqual(again[0].receive_count, 1)


class Waiting(BrokerStory):
    def test_a_waiting_receive_is_answered_the_moment_something_is_visible(self):
        self.client.declare_queue("rides")
        waiting = self.client.start("receive", "rides", 10, 20_000)
        began = time.monotonic()
        self.connect().send("rides", [message("A")])
        self.assertEqual(len(self.client.wait_for(waiting)), 1)
        self.assertLess(time.monotonic() - began, 5)

    def test_waiting_receives_are_served_in_turn(self):
        consumers = [self.connect() for _ in range(3)]
        self.client.declare_queue("rides")
        numbers = []
        for consumer in consumers:
            numbers.append(consumer.start("receive", "rides", 1, 20_000))
            consumer.ping()  # the broker has the receive
        for turn in range(3):
            self.client.send("rides", [message(f"ride-{turn}")])
            received = consumers[turn].wait_for(numbers[turn])
            self.assertEqual(unpack(received[0][4])[0]["id"], f"ride-{turn}")

    def test_cancelled_receives_are_answered_empty(self):
        self.client.declare_queue("rides")
        waiting = self.client.start("receive", "rides", 10, 20_000)
        self.client.ask("cancel_receives")
        self.assertEqual(self.client.wait_for(waiting), [])

    def test_a_wait_that_ends_is_answered_empty(self):
        self.client.declare_queue("rides")
        began = time.monotonic()
        self.assertEqual(self.client.receive("rides", wait_ms=200), [])
        self.assertGreaterEqual(time.monotonic() - began, 0.199)

    def test_messages_for_a_consumer_that_is_gone_go_to_another(self):
        """Given back at once when the broker has noticed, at the latest at the visibility timeout."""
        self.client.declare_queue("rides", visibility_timeout_ms=500)
        lost = Client(self.broker.endpoint)
        lost.start("receive", "rides", 10, 30_000)
        lost.ping()
        lost.close()
        self.client.send("rides", [message("A")])
        self.assertEqual(ids(self.client.receive("rides", wait_ms=10_000)), ["A"])


class DeadLetters(BrokerStory):
    def setUp(self):
        super().setUp()
        self.client.declare_queue("rides-dlq")
        self.client.declare_queue("rides", visibility_timeout_ms=30_000, dead_letter_queue="rides-dlq", max_receives=3)

    def test_a_poison_message_is_dead_lettered_after_exactly_n_receives(self):
        self.client.send("rides", [message("poison"), message("good")])
        for attempt in range(1, 4):
            poison = self.client.receive("rides", max=1)[0]
            self.assertEqual((ids([poison]), poison.receive_count), (["poison"], attempt))
            self.assertIsNone(self.client.retry_later("rides", poison.handle, f"cannot {attempt}", 0))
        self.assertEqual(ids(self.client.receive("rides")), ["good"])
        self.assertEqual(self.client.queue_info("rides")["dead_lettered"], 1)
        dead = self.client.peek("rides-dlq")
        self.assertEqual(len(dead), 1)
        self.assertEqual(dead[0]["origin_queue"], "rides")
        self.assertEqual([(a[0], a[3]) for a in dead[0]["attempts"]], [("conformance", f"cannot {n}") for n in (1, 2, 3)])
        self.assertEqual(dead, self.client.peek("rides-dlq"), "looking changes nothing")

    def test_reject_dead_letters_at_once_with_its_reason(self):
        self.client.send("rides", [message("A")])
        self.client.reject("rides", self.client.receive("rides")[0].handle, "fare is negative")
        dead = self.client.peek("rides-dlq")[0]
        self.assertIn("fare is negative", dead["reason"])

    def test_redrive_brings_dead_letters_back(self):
        self.client.send("rides", [message("A", {"fare": 10}), message("B", {"fare": 90})])
        for ride in self.client.receive("rides"):
            self.client.reject("rides", ride.handle, "no")
        policy = '{"fare": [{"numeric": [">=", 50]}]}'
        self.assertEqual(self.client.redrive("rides-dlq", filter_policy=policy, dry_run=True), 1)
        self.assertEqual(self.client.queue_info("rides-dlq")["visible"], 2)
        self.assertEqual(self.client.redrive("rides-dlq", filter_policy=policy), 1)
        again = self.client.receive("rides")
        self.assertEqual((ids(again), again[0].receive_count), (["B"], 1))
        self.assertEqual(self.client.purge("rides-dlq"), 1)

    def test_a_stale_handle_settles_nothing(self):
        self.client.send("rides", [message("A")])
        first = self.client.receive("rides")[0]
        self.client.change_visibility("rides", [first.handle], 0)
        self.assert_refused("stale_handle", self.client.retry_later, "rides", first.handle, "late")
        self.assert_refused("stale_handle", self.client.reject, "rides", first.handle, "late")


class Topics(BrokerStory):
    def setUp(self):
        super().setUp()
        self.client.declare_topic("ride-completion")
        self.client.declare_queue("accounting", from_topic="ride-completion")
        policy = '{"fare": [{"numeric": [">=", 50]}], "distance": [{"numeric": [">=", 20]}]}'
        self.client.declare_queue("extraordinary", from_topic="ride-completion", filter_policy=policy)

    def test_a_publish_reaches_every_queue_whose_filter_matches(self):
        rides = [("A", 50, 20), ("B", 49.99, 20), ("C", 50, 19.999), ("D", 80, 30)]
        stored = self.client.publish("ride-completion", [message(i, {"fare": f, "distance": d}) for i, f, d in rides])
        self.assertEqual(stored, 6)
        self.assertEqual(ids(self.client.receive("accounting")), ["A", "B", "C", "D"])
        self.assertEqual(ids(self.client.receive("extraordinary")), ["A", "D"])

    def test_chains_survive_a_crash(self):
        self.broker.restart_after_kill()
        self.client.connect()
        self.assertEqual(self.client.publish("ride-completion", [message("A", {"fare": 1, "distance": 1})]), 1)
        chained = {queue[0] for topic in self.client.list_topics() for queue in topic["queues"]}
        self.assertEqual(chained, {"accounting", "extraordinary"})

    def test_live_subscribers_get_every_event_in_order(self):
        subscriber = self.connect()
        number = subscriber.subscribe("ride-completion")
        for n in range(3):
            self.client.publish("ride-completion", [message(f"ride-{n}", {})])
        seen = []
        while len(seen) < 3:
            subscription, sequence, messages = subscriber.next_event()
            self.assertEqual((subscription, sequence), (number, len(seen) + 1))
            seen += [unpack(one)[0]["id"] for one in messages]
        self.assertEqual(seen, ["ride-0", "ride-1", "ride-2"])

    def test_a_subscriber_that_credits_nothing_sees_a_gap_and_holds_nobody_up(self):
        slow = self.connect()
        slow.subscribe("ride-completion", window=1_024)
        batch = [message("x", {})] * 256
        for _ in range(6):
            self.client.publish("ride-completion", batch)
        taken = 0
        for _ in range(4):
            _, sequence, messages = slow.next_event()
            taken = sequence + len(messages) - 1
        self.assertEqual(taken, 1_024)
        slow.credit(1, taken)
        slow.ping()
        self.client.publish("ride-completion", [message("late", {})])
        self.assertEqual(slow.next_event()[1], 6 * 256 + 1)

    def test_a_bad_filter_policy_is_refused(self):
        self.assert_refused("invalid_filter_policy", self.client.declare_queue, "q", from_topic="ride-completion", filter_policy='{"fare": 5}')
        self.assert_refused("no_such_queue", self.client.queue_info, "q")
        self.assert_refused("no_such_topic", self.client.publish, "nowhere", [message("A")])


class Transactions(BrokerStory):
    def setUp(self):
        super().setUp()
        for queue in ("in", "out"):
            self.client.declare_queue(queue, visibility_timeout_ms=30_000)

    def test_consume_and_produce_is_one_step(self):
        self.client.send("in", [message("A")])
        handle = self.client.receive("in")[0].handle
        self.client.transact([["delete", "in", [handle]], ["send", "out", [message("B")]]])
        self.assertEqual(self.client.queue_info("in")["deleted"], 1)
        self.assertEqual(ids(self.client.receive("out")), ["B"])

    def test_a_stale_handle_refuses_all_of_it(self):
        self.client.send("in", [message("A")])
        handle = self.client.receive("in")[0].handle
        self.client.change_visibility("in", [handle], 0)
        self.client.receive("in")
        self.assert_refused("stale_handle", self.client.transact, [["send", "out", [message("B")]], ["delete", "in", [handle]]])
        self.assertEqual(self.client.receive("out"), [])


class Crashes(BrokerStory):
    def test_kill_9_loses_nothing_confirmed(self):
        self.client.declare_queue("rides", visibility_timeout_ms=60_000)
        confirmed = []
        for round_number in range(3):
            for n in range(20):
                name = f"{round_number}-{n}"
                self.client.send("rides", [message(name)])
                confirmed.append(name)
            self.broker.restart_after_kill()
            self.client.connect()
        received = self.client.receive("rides", max=1_000)
        self.assertEqual(ids(received), confirmed)
        self.assertIsNone(self.client.delete("rides", [one.handle for one in received]))
        self.broker.restart_after_kill()
        self.client.connect()
        self.assertEqual(self.client.receive("rides", max=1_000), [], "nothing comes back after its delete was confirmed")

    def test_a_resent_request_is_answered_once_more_and_not_applied_again(self):
        self.client.declare_queue("rides")
        number = self.client.number + 1
        frame = msgpack.packb(["send", number, number, "rides", [message("A")]])
        self.client.number = number
        self.client.resend(number, frame)
        self.client.wait_for(number)
        self.client.resend(number, frame)
        self.client.wait_for(number)
        self.broker.restart_after_kill()
        self.client.connect()
        self.client.resend(number, frame)
        self.client.wait_for(number)
        self.assertEqual(ids(self.client.receive("rides")), ["A"])

    def test_a_restarted_broker_asks_for_hello(self):
        raw = self.connect()
        raw.socket.send(msgpack.packb(["hello", 0, 1, {"protocol": 1, "session": os.urandom(16), "node": "n", "host": "h"}]))
        raw.wait_for(0)
        stranger = zmq.Context.instance().socket(zmq.DEALER)
        self.addCleanup(stranger.close, 0)
        stranger.connect(self.broker.endpoint)
        stranger.send(msgpack.packb(["ping", 1, 1]))
        self.assertTrue(stranger.poll(10_000))
        self.assertEqual(msgpack.unpackb(stranger.recv())[:3], ["error", 1, "hello_first"])

    def test_handles_stay_valid_over_a_restart(self):
        self.client.declare_queue("rides", visibility_timeout_ms=60_000)
        self.client.send("rides", [message("A")])
        handle = self.client.receive("rides")[0].handle
        self.client.ping()
        self.broker.restart_after_kill()
        self.client.connect()
        self.assertEqual(self.client.receive("rides"), [], "still in flight")
        self.assertIsNone(self.client.delete("rides", [handle]))

    def test_sigterm_drains(self):
        self.client.declare_queue("rides")
        waiting = self.client.start("receive", "rides", 10, 20_000)
        self.client.ping()
        self.assertEqual(self.broker.stop(), 0)
        self.assertEqual(self.client.wait_for(waiting), [])
        self.broker.start()


class Hostile(BrokerStory):
    BOMBS = {
        "map of 4 G pairs": b"\xdf\xff\x00\x00\x00",
        "array of 4 G": b"\xdd\xff\xff\xff\xff",
        "deep arrays": b"\x91" * 60_000,
        "string longer than the frame": b"\xdb\xff\xff\xff\xff",
        "nothing": b"",
        "never used": b"\xc1",
        "an extension": b"\xc7\x01\x01\x00",
    }

    def test_bombs_are_refused_with_a_typed_error_while_others_go_on(self):
        self.client.declare_queue("rides")
        for name, bomb in self.BOMBS.items():
            for frame in (bomb, b"\x94\xa4send\x01\x01" + bomb, msgpack.packb(["send", 7, 1, "rides"])[:-6] + bomb):
                hostile = self.connect()
                hostile.socket.send(frame)
                hostile.socket.poll(10_000)
                reply = msgpack.unpackb(hostile.socket.recv())
                self.assertEqual((reply[0], reply[2] in ("malformed_request", "unknown_operation")), ("error", True), name)
                self.assertTrue(reply[4])
        for bomb in self.BOMBS.values():
            self.assert_refused("malformed_message", self.connect().send, "rides", [bomb])
        self.assertEqual(self.client.queue_info("rides")["sent"], 0)

    def test_limits_and_unknown_names_are_typed_errors(self):
        self.client.declare_queue("rides", max_message_size_bytes=1_024)
        self.assert_refused("no_such_queue", self.client.send, "nowhere", [message("A")])
        self.assert_refused("unknown_operation", self.client.ask, "destroy", "rides")
        self.assert_refused("message_too_large", self.client.send, "rides", [message("A", "x" * 2_000)])
        self.assert_refused("malformed_request", self.client.ask, "send", "rides", [message("A")], {"colour": 1})
        self.assert_refused("over_limit", self.client.receive, "rides", max=100_000)
        self.assert_refused("invalid_visibility_timeout", self.client.receive, "rides", visibility_timeout_ms=12 * 3_600_000 + 1)
        self.assertEqual(self.client.delete("rides", [b"never a handle", struct.pack("<IIQ", 1, 1, 99)]), ["stale_handle"] * 2)

    def test_a_full_queue_refuses_until_a_consumer_makes_room(self):
        self.client.declare_queue("rides", max_messages=2, max_bytes=10_000)
        self.client.declare_queue("lake", from_topic="ride-completed")
        self.client.declare_queue("rides", max_messages=2, max_bytes=10_000, from_topic="ride-completed")
        self.client.publish("ride-completed", [message("A"), message("B")])
        self.assert_refused("queue_full", self.client.send, "rides", [message("C")])
        self.assert_refused("queue_full", self.client.publish, "ride-completed", [message("C")])
        info = self.client.queue_info("rides")
        self.assertEqual((info["max_messages"], info["max_bytes"], info["visible"]), (2, 10_000, 2))
        self.assertEqual(info["bytes"], len(message("A")) + len(message("B")))
        self.assertEqual(self.client.queue_info("lake")["visible"], 2)
        self.client.delete("rides", [self.client.receive("rides", 1)[0].handle])
        self.assertEqual(self.client.publish("ride-completed", [message("C")]), 2)
        self.assert_refused("over_limit", self.client.send, "rides", [message("D", "x" * 20_000)])
        self.broker.restart_after_kill()
        self.client.connect()
        self.assert_refused("queue_full", self.client.send, "rides", [message("D")])

    def test_a_client_that_goes_on_sending_nonsense_is_ignored(self):
        hostile = self.connect()
        for _ in range(10):
            hostile.socket.send(b"\xc1")
            hostile.socket.recv()
        hostile.socket.send(msgpack.packb(["ping", 1, 1]))
        self.client.ping()
        self.assertFalse(hostile.socket.poll(100))
        self.connect().ping()

    def test_a_request_of_two_frames_is_refused(self):
        self.client.socket.send_multipart([b"one", b"two"])
        self.assertEqual(msgpack.unpackb(self.client.socket.recv())[2], "malformed_request")
        self.client.ping()

    def test_a_frame_over_the_limit_ends_that_connection_only(self):
        huge = self.connect(timeout_s=0.3)
        limit = huge.welcome["max_frame_size_bytes"]
        huge.socket.send(msgpack.packb(["send", 1, 1, "rides", [b"x" * limit]]))
        with self.assertRaises(TimedOut):
            huge.wait_for(1)
        self.client.ping()


@unittest.skipUnless(shutil.which("fiu-run"), "needs fiu-run (package fiu-utils)")
class FailingDisk(unittest.TestCase):
    def setUp(self):
        with open(EXECUTABLE, "rb") as file:
            program = file.read()
        if b"__asan_init" in program or b"__tsan_init" in program:
            self.skipTest("libfiu and a sanitizer both replace the C library's calls")

    def test_after_a_failed_sync_nothing_is_confirmed_and_the_exit_code_says_so(self):
        broker = BrokerProcess(EXECUTABLE, wrapper=["fiu-run", "-x"])
        self.addCleanup(broker.remove)
        broker.start()
        client = Client(broker.endpoint)
        self.addCleanup(client.close)
        client.declare_queue("rides")
        client.send("rides", [message("confirmed")])
        subprocess.run(["fiu-ctrl", "-c", "enable name=posix/io/sync/fdatasync,failinfo=5", str(broker.pid)], check=True)
        unknown = client.start("send", "rides", [message("unknown")], remembered=True)
        self.assertEqual(broker.wait(), 70)
        with self.assertRaises(TimedOut):
            client.wait_for(unknown, timeout_s=0.2)
        healthy = BrokerProcess(EXECUTABLE)
        self.addCleanup(healthy.remove)
        shutil.copytree(os.path.join(broker.folder, "data"), os.path.join(healthy.folder, "data"))
        healthy.start()
        again = Client(healthy.endpoint)
        self.addCleanup(again.close)
        self.assertIn("confirmed", ids(again.receive("rides")))

    def test_what_could_not_be_written_is_not_answered(self):
        broker = BrokerProcess(EXECUTABLE, wrapper=["fiu-run", "-x"])
        self.addCleanup(broker.remove)
        broker.start()
        client = Client(broker.endpoint)
        self.addCleanup(client.close)
        client.declare_queue("rides")
        client.send("rides", [message("stored")])
        subprocess.run(["fiu-ctrl", "-c", "enable name=posix/io/rw/pwrite,failinfo=5", str(broker.pid)], check=True)
        uncounted = client.start("receive", "rides", 1, 0, {})  # needs no sync, but a crash must not forget that it happened
        with self.assertRaises(TimedOut):
            client.wait_for(uncounted, timeout_s=0.3)
        self.assertEqual(broker.wait(), 70)


class DamagedDisk(BrokerStory):
    def test_a_message_that_the_disk_changed_is_handed_to_nobody(self):
        self.client.declare_queue("rides")
        self.client.send("rides", [message("ride-1", "fare: 4711")])
        for segment in pathlib.Path(self.broker.folder, "data").glob("segment-*.log"):
            segment.write_bytes(segment.read_bytes().replace(b"fare: 4711", b"fare: 4712"))
        received = self.client.start("receive", "rides", 1, 0, {})
        with self.assertRaises(TimedOut):
            self.client.wait_for(received, timeout_s=0.3)
        self.assertEqual(self.broker.wait(), 70)


class Definitions(unittest.TestCase):
    TEXT = """
[topics.ride-completion]

[queues.extraordinary]
from = "ride-completion"
filter_policy = '{"fare": [{"numeric": [">=", 50]}]}'
visibility_timeout = "45s"
max_message_size = "64KiB"
"""

    def test_a_broker_holds_what_its_definitions_file_says(self):
        broker = BrokerProcess(EXECUTABLE, definitions=self.TEXT)
        self.addCleanup(broker.remove)
        broker.start()
        client = Client(broker.endpoint)
        self.addCleanup(client.close)
        info = client.queue_info("extraordinary")
        self.assertEqual((info["from_topic"], info["visibility_timeout_ms"]), ("ride-completion", 45_000))
        stored = client.publish("ride-completion", [message("A", {"fare": 50}), message("B", {"fare": 49})])
        self.assertEqual(stored, 1)
        with self.assertRaisesRegex(RemudaError, "message_too_large"):
            client.send("extraordinary", [message("large", "x" * 65_536)])


class SecondInstance(BrokerStory):
    def test_two_brokers_never_share_a_folder(self):
        second = BrokerProcess(EXECUTABLE)
        self.addCleanup(second.remove)
        first_folder, own_folder = self.broker.folder, second.folder
        second.folder = first_folder
        second.endpoint = f"ipc://{own_folder}/broker"
        with self.assertRaisesRegex(RuntimeError, "is in use by process"):
            second.start()
        second.folder = own_folder
        second.process.wait()
        second.process.stderr.close()
        self.client.ping()


if __name__ == "__main__":
    EXECUTABLE = sys.argv.pop(1)
    unittest.main()
