#!/usr/bin/env python3
"""A real broker on a disk that is really full: a tmpfs of a few MiB, filled up by its own messages and by a foreign file.
disk_full.py PATH/TO/remuda-broker. Needs root, for the mount; says so and is skipped otherwise.

Sends are refused by name and at once, never by a timeout; receiving and deleting go on; sends are taken again by themselves when space comes
free; what was confirmed survives kill -9 on the full disk. Delays are medians over several tries, so that a busy machine fails nothing."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, RemudaError, message, unpack  # noqa: E402

EXECUTABLE = None
SKIP_CODE = 77  # what ctest reports as skipped
SEGMENT = 1 << 20
DISK = 24 * SEGMENT  # room for three cycles: each leaves two or three segments of messages behind
BODY = b"x" * 30_000
DEFINITIONS = """
[queues.rides]
visibility_timeout = "10m"
"""


def may_mount():
    with tempfile.TemporaryDirectory(prefix="remuda-mount-") as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "small-disk", folder], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


class SmallDisk(unittest.TestCase):
    def setUp(self):
        self.broker = BrokerProcess(EXECUTABLE, DEFINITIONS, ["--segment-size", "1MiB"])
        self.addCleanup(self.broker.remove)
        self.data = os.path.join(self.broker.folder, "data")
        os.mkdir(self.data, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "small-disk", self.data], check=True)
        self.addCleanup(self.unmount)
        self.ballast = os.path.join(self.data, "ballast")
        self.confirmed = []
        self.deleted = set()
        self.number = 0
        self.broker.start()
        self.client = Client(self.broker.endpoint)
        self.addCleanup(lambda: self.client.close())

    def unmount(self):
        if self.broker.process.poll() is None:
            self.broker.kill()
        subprocess.run(["umount", self.data], check=True)

    # -- verbs --

    def send(self):
        """The code of its refusal, or nothing when it was confirmed; and how long the answer took."""
        self.number += 1
        name = f"ride-{self.number}"
        begin = time.monotonic()
        try:
            self.client.send("rides", [message(name, BODY)])
        except RemudaError as refused:
            self.assertTrue(refused.definite)
            return refused.code, time.monotonic() - begin
        self.confirmed.append(name)
        return None, time.monotonic() - begin

    def fill(self):
        """Sends until the disk is full, then some more; every refusal is typed and quick."""
        while (refusal := self.send()[0]) is None:
            self.assertLess(len(self.confirmed) * len(BODY), 2 * DISK, "a small disk takes more than fits on it")
        self.assertEqual(refusal, "storage_full")
        answers = [self.send() for _ in range(20)]
        self.assertEqual({code for code, _ in answers}, {"storage_full"})
        self.assertLess(statistics.median(took for _, took in answers), 0.1)

    def receive_and_delete(self, count):
        """From a full disk too: each delete is confirmed."""
        for received in self.client.receive("rides", max=count):
            name = unpack(received.message)[0]["id"]
            self.assertEqual(unpack(received.message)[1], BODY)
            self.assertNotIn(name, self.deleted)
            self.assertIsNone(self.client.delete("rides", [received.handle]))
            self.deleted.add(name)

    def put_ballast(self):
        """Somebody else fills the disk, to the last byte."""
        with open(self.ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 65_536)
            except OSError:
                pass

    def seconds_until_sends_are_taken(self):
        begin = time.monotonic()
        while self.send()[0] is not None:
            self.assertLess(time.monotonic() - begin, 30, "sends are still refused")
        return time.monotonic() - begin

    def remaining(self):
        """Receives and deletes all that is left: the names."""
        names = []
        while received := self.client.receive("rides", max=100, wait_ms=100):
            names += [unpack(one.message)[0]["id"] for one in received]
            self.client.delete("rides", [one.handle for one in received])
        return names

    # -- stories --

    def test_filled_by_somebody_else_and_freed_again(self):
        pauses = []
        for _ in range(3):
            self.put_ballast()
            self.fill()
            self.receive_and_delete(10)
            os.remove(self.ballast)
            pauses.append(self.seconds_until_sends_are_taken())
        self.assertLess(statistics.median(pauses), 2.0)
        self.assertEqual(sorted(self.remaining()), sorted(set(self.confirmed) - self.deleted))
        self.assertEqual(self.broker.stop(), 0)

    def test_killed_on_the_full_disk_and_started_there_again(self):
        self.fill()
        self.put_ballast()
        self.receive_and_delete(10)
        for _ in range(3):
            self.broker.restart_after_kill()
            self.client.connect()
            self.assertEqual(self.send()[0], "storage_full")
            self.receive_and_delete(5)
        self.assertEqual(sorted(self.remaining()), sorted(set(self.confirmed) - self.deleted))
        # Everything is deleted, so its own segments make the room that the foreign file left none of.
        self.seconds_until_sends_are_taken()
        self.assertEqual(len(self.remaining()), 1)

    def test_deletes_go_on_long_after_the_disk_is_full(self):
        """Far more than one record, and transactions too: a send among them is refused and with it all the rest."""
        self.fill()
        waiting = []
        while received := self.client.receive("rides", max=100):
            waiting += received
        self.assertEqual(len(waiting), len(self.confirmed))
        with self.assertRaises(RemudaError) as refused:
            self.client.transact([["send", "rides", [message("more", BODY)], {}], ["delete", "rides", [waiting[0].handle]]])
        self.assertEqual(refused.exception.code, "storage_full")
        self.assertEqual(self.client.queue_info("rides")["in_flight"], len(waiting))
        for received in waiting:
            self.client.change_visibility("rides", [received.handle], 60_000)
            self.assertIsNone(self.client.delete("rides", [received.handle]))
        self.seconds_until_sends_are_taken()


if __name__ == "__main__":
    EXECUTABLE = sys.argv.pop(1)
    if not may_mount():
        print("skipped: only root may mount a small disk, and not in every container")
        sys.exit(SKIP_CODE)
    unittest.main()
