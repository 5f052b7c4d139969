"""What a broker takes and what it refuses, and that a refusal is an answer: limits of sizes, receives and connections, told by an independent
client. Usage: limits_conformance.py PATH/TO/remuda-broker"""

import os
import pathlib
import socket
import sys
import unittest

import msgpack

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, RemudaError, message  # noqa: E402

EXECUTABLE = None
MIB = 1 << 20


def message_of(size, message_id="ride"):
    """A packed message of exactly this many bytes, or the smallest one there is when that is larger."""
    packed = msgpack.packb([{"id": message_id}, b""])
    for _ in range(3):  # the length of the length changes with the length
        packed = msgpack.packb([{"id": message_id}, os.urandom(max(0, size - len(packed) + len(msgpack.unpackb(packed)[1])))])
    return packed


class LimitsStory(unittest.TestCase):
    OPTIONS = ()

    def setUp(self):
        self.broker = BrokerProcess(EXECUTABLE, options=self.OPTIONS)
        self.addCleanup(self.broker.remove)
        self.broker.start()
        self.client = self.connect()

    def connect(self, **options):
        client = Client(self.broker.endpoint, **options)
        self.addCleanup(client.close)
        return client

    def assert_refused(self, code, call, *arguments, **options):
        with self.assertRaises(RemudaError) as caught:
            call(*arguments, **options)
        self.assertEqual((caught.exception.code, caught.exception.definite), (code, True))


class Sizes(LimitsStory):
    def test_every_size_up_to_the_maximum_comes_out_as_it_went_in(self):
        self.client.declare_queue("rides")
        bodies = [msgpack.packb([{"id": "empty"}, b""]), msgpack.packb([{"id": "one"}, b"x"])]
        for packed in bodies + [message_of(256 << 10), message_of(MIB)]:
            self.client.send("rides", [packed])
            received = self.client.receive("rides", 1)[0]
            self.assertTrue(received.message == packed, len(packed))
            self.client.delete("rides", [received.handle])

    def test_one_byte_more_is_refused_and_the_connection_stays(self):
        self.client.declare_queue("rides")
        self.assertEqual(len(message_of(MIB)), MIB)
        self.assert_refused("message_too_large", self.client.send, "rides", [message_of(MIB + 1)])
        self.client.declare_queue("small", max_message_size_bytes=2_000)
        self.client.send("small", [message_of(2_000)])
        self.assert_refused("message_too_large", self.client.send, "small", [message_of(2_000, "good"), message_of(2_001, "bad")])
        self.assertEqual(self.client.queue_info("small")["visible"], 1)

    def test_a_large_queue_takes_messages_up_to_the_frame_and_small_ones_pass_beside_them(self):
        self.client.declare_queue("large", max_message_size_bytes=4 * MIB)
        self.client.declare_queue("rides")
        largest = message_of(self.client.welcome["max_frame_size_bytes"] - 1_024)
        numbers = [self.client.start("send", "large", [largest], {}, remembered=True) for _ in range(4)]
        beside = self.connect()
        beside.send("rides", [message("small")])
        self.assertEqual(len(beside.receive("rides", 1)), 1)
        for number in numbers:
            self.client.wait_for(number)
        received = self.client.receive("large", 4)  # as many as one frame holds
        self.assertTrue(received and all(one.message == largest for one in received))


class Receives(LimitsStory):
    OPTIONS = ("--max-waiting-receives", "3")

    def test_more_receives_than_may_wait_are_refused_and_the_others_go_on(self):
        self.client.declare_queue("rides")
        waiting = [self.client.start("receive", "rides", 1, 20_000, {}) for _ in range(3)]
        self.assert_refused("over_limit", self.client.receive, "rides", 1, 20_000)
        self.connect().send("rides", [message("A")])
        self.assertEqual(len(self.client.wait_for(waiting[0])), 1)
        waiting.append(self.client.start("receive", "rides", 1, 20_000, {}))
        self.assertEqual(len(self.connect().receive("rides", 1)), 0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Connections(unittest.TestCase):
    def start(self, *options):
        self.port = free_port()
        broker = BrokerProcess(EXECUTABLE, options=("--listen", f"tcp://127.0.0.1:{self.port}", *options))
        self.addCleanup(broker.remove)
        return broker.start()

    def said_to(self, source="127.0.0.1"):
        """What a new connection is told: ZMTP's greeting, and then READY or why not."""
        peer = socket.socket()
        self.addCleanup(peer.close)
        peer.bind((source, 0))
        peer.settimeout(10)
        peer.connect(("127.0.0.1", self.port))
        said = b""
        while b"READY" not in said and b"over_limit" not in said:
            said += peer.recv(4096)
        return said, peer

    def test_connections_above_the_limit_are_told_so_and_those_below_are_served(self):
        broker = self.start("--max-connections", "3")
        first = Client(broker.endpoint)
        self.addCleanup(first.close)
        _, second = self.said_to()
        self.said_to()
        said, refused = self.said_to()
        self.assertIn(b"over_limit: this broker serves 3 connections already", said)
        while refused.recv(4096):
            pass  # and then it is over
        first.ping()
        second.close()
        for _ in range(100):  # the broker learns of the end when it looks
            first.ping()
            said, peer = self.said_to()
            peer.close()
            if b"READY" in said:
                return
        self.fail("the place that became free was not given to anybody")

    def test_each_address_has_a_limit_of_its_own(self):
        self.start("--max-connections-per-address", "2")
        for _ in range(2):
            self.assertIn(b"READY", self.said_to()[0])
        self.assertIn(b"over_limit: this broker serves 2 connections from 127.0.0.1 already", self.said_to()[0])
        self.assertIn(b"READY", self.said_to("127.0.0.2")[0])

    def test_a_broker_that_cannot_have_the_descriptors_it_was_promised_does_not_start(self):
        broker = BrokerProcess(EXECUTABLE, options=("--max-connections", "500"), wrapper=("prlimit", "--nofile=300:300"))
        self.addCleanup(broker.remove)
        with self.assertRaisesRegex(RuntimeError, "500 connections need 628 open files and the limit is 300"):
            broker.start()
        broker.wait()
        modest = BrokerProcess(EXECUTABLE, options=("--max-connections", "100"), wrapper=("prlimit", "--nofile=300:300"))
        self.addCleanup(modest.remove)
        modest.start()
        self.assertEqual(modest.stop(), 0)


if __name__ == "__main__":
    EXECUTABLE = sys.argv.pop(1)
    unittest.main()
