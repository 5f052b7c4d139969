#!/usr/bin/env python3
"""kill -9 of the queue node under load, again and again on the same data folder; now and then SIGTERM.  broker_kills.py PATH/TO/remuda-broker

Producers send and publish, consumers receive and settle in every way, with segments so small that they roll over, are recycled and copied
forward all the time. Every client writes down what it asked and was told; afterwards a checker reads that history (names as in broker/QUEUE.md):

  nothing confirmed is lost, and nothing is there twice            every send is resent under its number until it is confirmed
  nothing is invented                                              each message is byte for byte what was sent under its id
  nothing deleted comes back                                       no receive that begins after a confirmed delete returns the message
  one holder at a time                                             no second delivery before the first was settled or its timeout ended
  receives are counted                                             and never above max_receives
  the accounts balance                                             in the numbers that the broker publishes, after every start

REMUDA_CHAOS_ROUNDS sets how many ends of the broker (default 20), REMUDA_SEED the order; a failure prints the seed."""
import hashlib
import os
import pathlib
import random
import signal
import sys
import threading
import time
from collections import defaultdict, namedtuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, RemudaError, TimedOut, message, unpack  # noqa: E402

ROUNDS = int(os.environ.get("REMUDA_CHAOS_ROUNDS", "20"))
SEED = int(os.environ.get("REMUDA_SEED", str(random.SystemRandom().randrange(1_000_000))))
PRODUCERS, CONSUMERS = 3, 3
MAX_RECEIVES = 4
VISIBILITY_S = 1.0
PATIENCE_S = 60  # with a broker that is being killed; running out of it is a failure
DEFINITIONS = f"""
[topics.ride-completed]
[queues.rides]
from = "ride-completed"
visibility_timeout = "1s"
dead_letter = {{ queue = "rides-dead", max_receives = {MAX_RECEIVES} }}
[queues.lake]
from = "ride-completed"
visibility_timeout = "1s"
dead_letter = {{ queue = "rides-dead", max_receives = {MAX_RECEIVES} }}
[queues.rides-dead]
visibility_timeout = "1s"
"""
QUEUES = ("rides", "lake")

Delivery = namedtuple("Delivery", "asked_at got_at receive_count")
Settlement = namedtuple("Settlement", "asked_at confirmed_at kind")


class Failed(Exception):
    pass


def packed(name):
    """The one message that belongs to this id: 0 to 3 KiB that no other message has."""
    digest = hashlib.sha256(name.encode()).digest()
    return message(name, digest * (digest[0] * 96 // 255), type="ride.completed")


class History:
    """What the clients saw, per queue and message id. Appending to a list is all that the threads share."""

    def __init__(self):
        self.confirmed = defaultdict(list)  # queue -> ids whose send was confirmed
        self.deliveries = defaultdict(list)  # (queue, id) -> [Delivery]
        self.settlements = defaultdict(list)  # (queue, id) -> [Settlement]
        self.problems = []

    def received(self, queue, received, asked_at):
        name = unpack(received.message)[0]["id"]
        if received.message != packed(name):
            self.problems.append(f"{name} in {queue} is not what was sent")
        self.deliveries[queue, name].append(Delivery(asked_at, time.monotonic(), received.receive_count))
        return name


class PatientClient(Client):
    """Asks until it is answered, over as many connections as that takes; a resent request keeps its number."""

    def __init__(self, endpoint, node):
        super().__init__(endpoint, node, timeout_s=0.3)

    def insist(self, op, *arguments):
        number = self.start(op, *arguments, remembered=True)
        return self.until_answered(lambda: self.wait_for(number))

    def try_receive(self, queue, count, wait_ms):
        return self.until_answered(lambda: self.receive(queue, count, wait_ms=wait_ms))

    def until_answered(self, attempt):
        end = time.monotonic() + PATIENCE_S
        connected = True
        while time.monotonic() < end:
            try:
                if not connected:
                    self.connect()
                connected = True
                return attempt()
            except TimedOut:
                connected = False
        raise Failed(f"no answer for {PATIENCE_S} s")


class Load:
    def __init__(self, endpoint, history):
        self.endpoint, self.history = endpoint, history
        self.stopping = threading.Event()
        self.producers = [threading.Thread(target=self.guarded, args=(self.produce, n)) for n in range(PRODUCERS)]
        self.consumers = [threading.Thread(target=self.guarded, args=(self.consume, n)) for n in range(CONSUMERS)]

    def guarded(self, work, number):
        try:
            client = PatientClient.__new__(PatientClient)
            end = time.monotonic() + PATIENCE_S
            while True:
                try:
                    client.__init__(self.endpoint, f"{work.__name__}-{number}")
                    break
                except TimedOut:
                    if time.monotonic() > end:
                        raise
            work(client, number, random.Random(f"{SEED}/{work.__name__}/{number}"))
            client.close()
        except Exception as problem:  # pylint: disable=broad-except  # a thread's failure is the test's
            self.history.problems.append(f"{work.__name__} {number}: {problem!r}")

    def produce(self, client, number, chance):
        count = 0
        while not self.stopping.is_set():
            names = [f"{number}-{count + i}" for i in range(chance.randint(1, 4))]
            count += len(names)
            messages = [packed(name) for name in names]
            if chance.random() < 0.3:
                client.insist("publish", "ride-completed", messages)
                targets = QUEUES
            else:
                targets = [chance.choice(QUEUES)]
                client.insist("send", targets[0], messages, {})
            for queue in targets:
                self.history.confirmed[queue] += names

    def consume(self, client, number, chance):
        while not self.stopping.is_set():
            queue = chance.choice(QUEUES)
            asked_at = time.monotonic()
            deletes = []
            for received in client.try_receive(queue, chance.randint(1, 16), 50):
                name = self.history.received(queue, received, asked_at)
                kind = chance.choices(("delete", "release", "retry_later", "reject", "keep"), (88, 4, 4, 1, 3))[0]
                if kind == "delete":
                    deletes.append((name, received.handle))
                elif kind != "keep":
                    self.settle(client, queue, name, received.handle, kind)
            if deletes:
                self.delete(client, queue, deletes)

    def settle(self, client, queue, name, handle, kind):
        arguments = {"release": [[handle]], "retry_later": [handle, "no such customer", 0], "reject": [handle, "no such ride"]}[kind]
        asked_at = time.monotonic()
        self.history.settlements[queue, name].append(Settlement(asked_at, None, kind))
        try:
            client.insist(kind, queue, *arguments)
        except RemudaError as refused:
            if refused.code != "stale_handle":
                raise

    def delete(self, client, queue, deletes):
        asked_at = time.monotonic()
        for name, _ in deletes:
            self.history.settlements[queue, name].append(Settlement(asked_at, None, "delete"))
        refusals = client.insist("delete", queue, [handle for _, handle in deletes])
        confirmed_at = time.monotonic()
        for i, (name, _) in enumerate(deletes):
            if refusals is None or refusals[i] is None:
                self.history.settlements[queue, name].append(Settlement(asked_at, confirmed_at, "delete"))

    def start(self):
        for thread in self.producers + self.consumers:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.producers + self.consumers:
            thread.join()


# ---- the checker ----


def check_accounts(client):
    for info in client.list_queues():
        left = sum(info[state] for state in ("visible", "in_flight", "delayed"))
        gone = sum(info[end] for end in ("deleted", "purged", "dead_lettered", "redriven", "expired"))
        if info["sent"] != left + gone:
            raise Failed(f"the accounts of {info['queue']} do not balance: {info}")


def check_deliveries(history):
    for (queue, name), deliveries in history.deliveries.items():
        settlements = history.settlements[queue, name]
        deleted_at = min((s.confirmed_at for s in settlements if s.confirmed_at is not None), default=None)
        if deleted_at is not None and any(d.asked_at > deleted_at for d in deliveries):
            raise Failed(f"{name} was received from {queue} after its confirmed delete")
        deliveries.sort(key=lambda d: d.got_at)
        for before, after in zip(deliveries, deliveries[1:]):
            settled = any(s.asked_at < after.got_at for s in settlements)
            if not settled and after.got_at < before.asked_at + VISIBILITY_S:
                raise Failed(f"{name} of {queue} had two holders: {before}, {after}")
        if max(d.receive_count for d in deliveries) > MAX_RECEIVES:
            raise Failed(f"{name} was received from {queue} more than {MAX_RECEIVES} times")
        if not any(s.kind == "release" for s in settlements):
            counts = [d.receive_count for d in deliveries]
            if sorted(set(counts)) != counts:
                raise Failed(f"the receives of {name} in {queue} were counted as {counts}")


def check_nothing_lost(history, left, dead):
    """`left`: queue -> ids that were still there at the end; `dead`: (origin queue, id) of the dead letters."""
    for queue in QUEUES:
        confirmed = history.confirmed[queue]
        if len(confirmed) != len(set(confirmed)):
            raise Failed("the test itself used an id twice")
        deleted = [name for name in set(confirmed) if any(s.confirmed_at is not None for s in history.settlements[queue, name])]
        ends = sorted(deleted + left[queue] + [name for origin, name in dead if origin == queue])
        if ends != sorted(confirmed):
            lost = sorted(set(confirmed) - set(ends))
            twice = sorted({one for one, next_one in zip(ends, ends[1:]) if one == next_one})
            story = [(history.deliveries[queue, name], history.settlements[queue, name]) for name in (lost + twice)[:1]]
            raise Failed(f"{queue}: {len(lost)} confirmed messages lost {lost[:5]}, {len(set(ends) - set(confirmed))} never confirmed, "
                         f"in two places {twice[:5]}; the first of them: {story}")


# ---- the story ----


def end_once(broker, chance):
    """kill -9 or a drain at a moment that is never the same; then a new start."""
    broker_ended = threading.Event()
    broker_ended.wait(chance.uniform(0.0, 0.4))  # the load runs meanwhile; nothing is waited for
    if broker.process.poll() is not None:
        raise Failed(f"the broker ended by itself with exit code {broker.process.returncode}:\n{broker.process.stderr.read()}")
    if chance.random() < 0.75:
        broker.kill()
    elif (code := broker.stop()) != 0:
        raise Failed(f"a drain ended with exit code {code}")
    broker.start()


def drain(client, history):
    """Everything that is left, deleted: its ids per queue, and the dead letters with their origin."""
    dead = []
    while batch := client.peek("rides-dead", max=500, **{"from": dead[-1][0] + 1 if dead else 0}):
        dead += [(one["sequence"], one["origin_queue"], unpack(one["message"])[0]["id"]) for one in batch]
        for one in batch:
            if one["message"] != packed(unpack(one["message"])[0]["id"]):
                raise Failed(f"a dead letter is not what was sent: {one['sequence']}")
    left = {}
    for queue in QUEUES:
        left[queue] = []
        while (info := client.queue_info(queue))["visible"] + info["in_flight"] > 0:
            asked_at = time.monotonic()
            batch = client.receive(queue, 500, wait_ms=2_000)
            left[queue] += [history.received(queue, one, asked_at) for one in batch]
            if batch and client.delete(queue, [one.handle for one in batch]) is not None:
                raise Failed("a handle just received is stale")
    return left, dead


def run(broker):
    chance = random.Random(SEED)
    history = History()
    load = Load(broker.endpoint, history)
    load.start()
    try:
        for _ in range(ROUNDS):
            end_once(broker, chance)
            client = Client(broker.endpoint, "checker")
            check_accounts(client)
            client.close()
    finally:
        load.stop()
    if history.problems:
        raise Failed("; ".join(history.problems[:5]))
    client = Client(broker.endpoint, "checker")
    sent = {queue: info["sent"] - info["moved_in"] for queue in QUEUES for info in [client.queue_info(queue)]}
    if sent != {queue: len(history.confirmed[queue]) for queue in QUEUES}:
        raise Failed(f"confirmed {[len(history.confirmed[q]) for q in QUEUES]}, but the broker counts {sent}")
    left, dead = drain(client, history)
    # What used its receives up during the drain is a dead letter now.
    dead = {(origin, name) for _, origin, name in dead} | {(origin, name) for _, origin, name in drain(client, history)[1]}
    check_nothing_lost(history, left, sorted(dead))
    check_deliveries(history)
    check_accounts(client)
    client.close()
    if broker.stop() != 0:
        raise Failed("the last drain failed")
    return history, len(dead)


def main():
    chance = random.Random(f"{SEED}/segments")
    segment = chance.choice(["32KiB", "64KiB", "256KiB", "8MiB"])
    print(f"seed {SEED}, {ROUNDS} ends, segments of {segment}", flush=True)
    broker = BrokerProcess(sys.argv[1], DEFINITIONS, ["--segment-size", segment])
    try:
        broker.start()
        history, dead = run(broker)
    finally:
        broker.remove()
    print(f"{sum(map(len, history.confirmed.values()))} confirmed messages, {sum(map(len, history.deliveries.values()))} deliveries, {dead} dead letters: "
          "nothing lost, nothing twice, nothing after its delete")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        main()
    except Failed as problem:
        sys.exit(f"FAILED (REMUDA_SEED={SEED}): {problem}")
