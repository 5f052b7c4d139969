#!/usr/bin/env python3
"""Thousands of clients on one queue node: all served, little memory each, and all back soon after kill -9.  many_clients.py PATH/TO/remuda-broker

Every client is a TCP connection that speaks ZMTP and says hello; they wait together in one epoll, so that the figures are the broker's. Each is
asked something before and after, and the broker is killed while all of them are connected: the storm of their return has to be over within 10 s.

REMUDA_CLIENTS says how many (default 1000; 10000 by hand). Skipped where the system does not allow as many open files."""
import os
import pathlib
import resource
import selectors
import signal
import socket
import sys
import time

import msgpack

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, message  # noqa: E402

CLIENTS = int(os.environ.get("REMUDA_CLIENTS", "1000"))
STORM_MAX_S = 10.0
RSS_PER_CLIENT_MAX = 64 * 1024
PATIENCE_S = 60
SKIPPED = 77

GREETING = b"\xff" + (1).to_bytes(8, "big") + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + b"\0" * 31
READY_BODY = b"\x05READY" + b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER"
OPENING = GREETING + b"\x04" + bytes([len(READY_BODY)]) + READY_BODY


class Failed(Exception):
    pass


def framed(request):
    packed = msgpack.packb(request)
    return (b"\x00" + bytes([len(packed)]) if len(packed) < 256 else b"\x02" + len(packed).to_bytes(8, "big")) + packed


class Crowd:
    """Clients in one epoll. A client is a socket, and how many answers it has had."""

    def __init__(self, address):
        self.address = address
        self.selector = selectors.EpollSelector()
        self.clients = []
        self.answers = {}  # socket -> how many, greeting and READY included as one

    def connect_all(self, count):
        self.clients = [self.connect(number) for number in range(count)]

    def connect(self, number):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(self.address)
        hello = ["hello", 0, 1, {"protocol": 1, "session": number.to_bytes(16, "big"), "node": f"client-{number}", "host": "crowd"}]
        self.selector.register(client, selectors.EVENT_WRITE, [number, OPENING + framed(hello)])
        self.answers[client] = b""
        return client

    def step(self, timeout_s=1.0):
        """What is ready, once. A connection that broke is made again."""
        for key, events in self.selector.select(timeout_s):
            client, (number, to_send) = key.fileobj, key.data
            if events & selectors.EVENT_WRITE and to_send:
                try:
                    client.send(to_send)
                    self.selector.modify(client, selectors.EVENT_READ, [number, b""])
                except OSError:
                    self.again(client, number)
            elif events & selectors.EVENT_READ:
                try:
                    received = client.recv(65536)
                except OSError:
                    received = b""
                if received:
                    self.answers[client] += received
                else:
                    self.again(client, number)

    def again(self, client, number):
        self.selector.unregister(client)
        client.close()
        del self.answers[client]
        self.clients[number] = self.connect(number)

    def wait_for(self, word, what):
        """Until every client has been told this; seconds it took."""
        begin = time.monotonic()
        while missing := sum(word not in self.answers[client] for client in self.clients):
            self.step()
            if time.monotonic() > begin + PATIENCE_S:
                raise Failed(f"{missing} of {len(self.clients)} clients were not {what} within {PATIENCE_S} s")
        return time.monotonic() - begin

    def ask_all(self, request):
        for client in self.clients:
            self.answers[client] = b""
            client.send(framed(request))

    def close(self):
        for client in self.clients:
            client.close()
        self.selector.close()


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))
    except (ValueError, OSError):
        print(f"skipped: {count} open files are needed and the system allows {hard} (ulimit -Hn)")
        sys.exit(SKIPPED)


def round_trips(endpoint, count):
    """Seconds that an ordinary client waits for send, receive and delete, sorted."""
    client = Client(endpoint, "ordinary")
    waits = []
    for number in range(count):
        begin = time.monotonic()
        client.send("rides", [message(f"ride-{number}")])
        client.delete("rides", [client.receive("rides", 1, wait_ms=5_000)[0].handle])
        waits.append(time.monotonic() - begin)
    client.close()
    return sorted(waits)


def ms(seconds):
    return f"{1000 * seconds:.1f} ms"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(broker, port):
    crowd = Crowd(("127.0.0.1", port))
    try:
        ordinary = Client(broker.endpoint, "ordinary")
        ordinary.declare_queue("rides")
        alone = round_trips(broker.endpoint, 200)
        before = rss_bytes(broker.pid)
        crowd.connect_all(CLIENTS)
        took = crowd.wait_for(b"max_frame_size_bytes", "welcomed")
        print(f"{CLIENTS} clients connected in {took:.2f} s", flush=True)
        crowd.ask_all(["ping", 1, 1])
        print(f"all of them answered in {crowd.wait_for(b'ok', 'answered'):.2f} s", flush=True)
        each = (rss_bytes(broker.pid) - before) / CLIENTS
        print(f"{each / 1024:.1f} KiB of the broker's memory for each client", flush=True)
        if each > RSS_PER_CLIENT_MAX:
            raise Failed("that is more than 64 KiB")
        among = round_trips(broker.endpoint, 200)
        print(f"send, receive and delete take {ms(alone[100])} alone (p99 {ms(alone[197])}), {ms(among[100])} among them (p99 {ms(among[197])})")

        broker.kill()
        for client in crowd.clients:
            crowd.answers[client] = b""
        killed = time.monotonic()
        broker.start()
        crowd.wait_for(b"max_frame_size_bytes", "welcomed again")
        storm = time.monotonic() - killed
        print(f"all back {storm:.2f} s after kill -9 of the broker", flush=True)
        if storm > STORM_MAX_S:
            raise Failed(f"that is more than {STORM_MAX_S:.0f} s")
        crowd.ask_all(["ping", 2, 1])
        crowd.wait_for(b"ok", "answered after the storm")
        round_trips(broker.endpoint, 10)
    finally:
        crowd.close()


def main():
    allow_files(CLIENTS + 200)
    port = free_port()
    broker = BrokerProcess(sys.argv[1], options=["--listen", f"tcp://127.0.0.1:{port}", "--max-connections", str(CLIENTS + 10)])
    try:
        broker.start()
        run(broker, port)
        if broker.stop() != 0:
            raise Failed("the broker did not drain")
    finally:
        broker.remove()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        main()
    except Failed as problem:
        sys.exit(f"FAILED: {problem}")
