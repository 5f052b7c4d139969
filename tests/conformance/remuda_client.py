"""A client of a Remuda broker, written from common/PROTOCOL.md alone. Needs python3-zmq and python3-msgpack.

    client = Client("tcp://127.0.0.1:5550")
    client.send("rides", [message("ride-1", {"fare": 55})])
    for ride in client.receive("rides", wait_ms=1000):
        client.delete("rides", [ride.handle])
"""

import os
import time
from collections import namedtuple

import msgpack
import zmq

Received = namedtuple("Received", "handle receive_count sent_ms first_received_ms message")


class RemudaError(Exception):
    """A request that the broker refused. `definite`: certainly nothing was done."""

    def __init__(self, code, text, definite):
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.definite = code, text, definite


class TimedOut(Exception):
    """No answer in time: nobody knows whether the request was done."""


def message(message_id, body=None, **headers):
    """A packed message; the body is one msgpack value, the headers go next to the id."""
    return msgpack.packb([{"id": message_id, **headers}, msgpack.packb(body if body is not None else {})])


def unpack(packed):
    """(headers, body) of a packed message."""
    headers, body = msgpack.unpackb(packed)
    return headers, msgpack.unpackb(body)


class Client:
    def __init__(self, endpoint, node="conformance", host="localhost", timeout_s=10.0, session=None, keys=None):
        """`keys`: a folder that `remuda keys` made; without one no key is shown."""
        self.endpoint, self.node, self.host, self.timeout_s = endpoint, node, host, timeout_s
        self.session = session or os.urandom(16)
        self.keys = keys
        self.number = 0
        self.unanswered = {}  # number -> frame, of remembered requests
        self.replies = {}  # number -> reply that came while another was waited for
        self.events = []  # (subscription, sequence, [message])
        self.socket = None
        self.connect()

    # -- the connection --

    def connect(self):
        """A new connection: hello first, then whatever has no answer yet, with its number."""
        if self.socket is not None:
            self.socket.close()
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        if self.keys is not None:
            self.show_keys()
        self.socket.connect(self.endpoint)
        self.welcome = self.hello()
        for number in sorted(self.unanswered):
            self.socket.send(self.unanswered[number])

    def show_keys(self):
        def words(file):
            with open(os.path.join(self.keys, file), "rb") as text:
                return text.read().split()

        _, self.socket.curve_publickey, _, self.socket.curve_secretkey = words("client.key")
        self.socket.curve_serverkey, = words("server.pub")

    def hello(self):
        who = {"protocol": 1, "session": self.session, "node": self.node, "host": self.host}
        self.socket.send(msgpack.packb(["hello", 0, self.settled(), who]))
        return self.wait_for(0)

    def close(self):
        self.socket.close()

    def settled(self):
        return min(self.unanswered, default=self.number + 1)

    # -- asking --

    def start(self, op, *arguments, remembered=False):
        """Sends a request and returns its number; wait_for() brings the answer."""
        self.number += 1
        frame = msgpack.packb([op, self.number, self.settled(), *arguments])
        if remembered:
            self.unanswered[self.number] = frame
        self.socket.send(frame)
        return self.number

    def resend(self, number, frame):
        """Sends a remembered request again, as after a lost reply."""
        self.unanswered[number] = frame
        self.socket.send(frame)

    def wait_for(self, number, timeout_s=None):
        end = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while number not in self.replies:
            left_ms = int((end - time.monotonic()) * 1000)
            if left_ms <= 0 or not self.socket.poll(left_ms):
                raise TimedOut(f"request {number}")
            self.take(msgpack.unpackb(self.socket.recv()))
        return self.result_of(self.replies.pop(number))

    def take(self, reply):
        if reply[0] == "event":
            self.events.append((reply[1], reply[2], reply[3:]))
        elif reply[0] == "error" and reply[2] == "hello_first":
            self.connect()
        else:
            self.unanswered.pop(reply[1], None)
            self.replies[reply[1]] = reply

    @staticmethod
    def result_of(reply):
        if reply[0] == "ok":
            return reply[2]
        raise RemudaError(*reply[2:5])

    def ask(self, op, *arguments, remembered=False, timeout_s=None):
        return self.wait_for(self.start(op, *arguments, remembered=remembered), timeout_s)

    # -- operations, under their names on the wire --

    def ping(self):
        return self.ask("ping")

    def send(self, queue, messages, **options):
        return self.ask("send", queue, messages, options, remembered=True)

    def publish(self, topic, messages):
        return self.ask("publish", topic, messages, remembered=True)

    def receive(self, queue, max=10, wait_ms=0, **options):
        result = self.ask("receive", queue, max, wait_ms, options, timeout_s=self.timeout_s + wait_ms / 1000)
        return [Received(*fields) for fields in result]

    def delete(self, queue, handles):
        return self.ask("delete", queue, handles, remembered=True)

    def change_visibility(self, queue, handles, timeout_ms):
        return self.ask("change_visibility", queue, handles, timeout_ms, remembered=True)

    def release(self, queue, handles):
        return self.ask("release", queue, handles, remembered=True)

    def retry_later(self, queue, handle, error, delay_ms=None):
        return self.ask("retry_later", queue, handle, error, delay_ms, remembered=True)

    def reject(self, queue, handle, reason):
        return self.ask("reject", queue, handle, reason, remembered=True)

    def transact(self, steps):
        return self.ask("transact", steps, remembered=True)

    def peek(self, queue, **options):
        return self.ask("peek", queue, options)

    def purge(self, queue, **options):
        return self.ask("purge", queue, options, remembered=True)

    def redrive(self, queue, **options):
        return self.ask("redrive", queue, options, remembered=True)

    def queue_info(self, queue):
        return self.ask("queue_info", queue)

    def list_queues(self):
        return self.ask("list_queues")

    def list_topics(self):
        return self.ask("list_topics")

    def declare_queue(self, queue, **attributes):
        return self.ask("declare_queue", queue, attributes, remembered=True)

    def declare_topic(self, topic, **attributes):
        return self.ask("declare_topic", topic, attributes, remembered=True)

    def change(self, op, *arguments, **options):
        """Any other remembered request: delete_queue, delete_topic, start_move, cancel_move."""
        return self.ask(op, *arguments, *([options] if options else []), remembered=True)

    def list_moves(self):
        return self.ask("list_moves")

    def subscribe(self, topic, **options):
        return self.ask("subscribe", topic, options)

    def credit(self, subscription, sequence):
        self.start("credit", subscription, sequence)

    def next_event(self, timeout_s=None):
        end = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while not self.events:
            left_ms = int((end - time.monotonic()) * 1000)
            if left_ms <= 0 or not self.socket.poll(left_ms):
                raise TimedOut("event")
            self.take(msgpack.unpackb(self.socket.recv()))
        return self.events.pop(0)
