#!/usr/bin/env python3
"""A real broker on a disk that is really full: a tmpfs and an ext4 of a few MiB, filled up by its own messages and by a foreign file, or out of
inodes. disk_full.py PATH/TO/remuda-broker. Needs root, for the mounts; says so and is skipped otherwise.

Sends are refused by name and at once, never by a timeout; receiving and deleting go on; sends are taken again by themselves when space comes
free; what was confirmed survives kill -9 on the full disk. Delays are medians over several tries, so that a busy machine fails nothing; all of them
are printed at the end.

  REMUDA_DISK_FULL_CYCLES=n    how often each disk is filled by somebody else and freed again (3; 100 and more by night)"""
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
CYCLES = int(os.environ.get("REMUDA_DISK_FULL_CYCLES", "3"))
SEGMENT = 1 << 20
DISK = 24 * SEGMENT  # room for three cycles: each leaves two or three segments of messages behind
BODY = b"x" * 30_000
DEFINITIONS = """
[queues.rides]
visibility_timeout = "10m"
"""


FIGURES = {"refusals": [], "pauses": []}  # seconds


def may_mount():
    with tempfile.TemporaryDirectory(prefix="remuda-mount-") as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "small-disk", folder], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


class SmallDisk(unittest.TestCase):
    def mount(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "small-disk", self.data], check=True)

    def setUp(self):
        self.broker = BrokerProcess(EXECUTABLE, DEFINITIONS, ["--segment-size", "1MiB"])
        self.addCleanup(self.broker.remove)
        self.data = os.path.join(self.broker.folder, "data")
        os.mkdir(self.data, 0o700)
        self.mount()
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
            FIGURES["refusals"].append(time.monotonic() - begin)
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
        FIGURES["pauses"].append(time.monotonic() - begin)
        return FIGURES["pauses"][-1]

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
        for _ in range(CYCLES):
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


    def test_stragglers_in_every_segment_make_room_too(self):
        """Nearly everything is deleted, but no whole segment: what is left is copied together, on the full disk."""
        self.put_ballast()
        os.truncate(self.ballast, max(0, os.path.getsize(self.ballast) - DISK // 2))
        self.fill()
        waiting = []
        while received := self.client.receive("rides", max=100):
            waiting += received
        for number, received in enumerate(waiting):
            if number % 40 != 0:
                self.assertIsNone(self.client.delete("rides", [received.handle]))
                self.deleted.add(unpack(received.message)[0]["id"])
        self.assertLess(self.seconds_until_sends_are_taken(), 5)
        self.broker.restart_after_kill()
        self.client.connect()
        self.client.change_visibility("rides", [received.handle for number, received in enumerate(waiting) if number % 40 == 0], 0)
        self.assertEqual(sorted(self.remaining()), sorted(set(self.confirmed) - self.deleted))

    def test_full_at_any_moment_of_a_rollover(self):
        """The last bytes of the disk go at another place of the preparation of a segment each time."""
        for free in range(0, 2 * SEGMENT, 2 * SEGMENT // 5 + 4096):
            self.put_ballast()
            os.truncate(self.ballast, max(0, os.path.getsize(self.ballast) - free))
            self.fill()
            os.remove(self.ballast)
            self.assertLess(self.seconds_until_sends_are_taken(), 5)
            self.receive_and_delete(100)
        self.broker.restart_after_kill()
        self.client.connect()
        self.assertEqual(self.client.queue_info("rides")["sent"], len(self.confirmed))
        self.assertEqual(len(self.remaining()), len(self.confirmed) - len(self.deleted))


class SmallFileSystem(SmallDisk):
    """The same on ext4, which notices later than a tmpfs that it is full."""

    def mount(self):
        image = os.path.join(self.broker.folder, "image")
        with open(image, "wb") as file:
            file.truncate(DISK + 2 * SEGMENT)  # its own tables need some
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, self.data], check=True)
        os.chmod(self.data, 0o700)


class FewInodes(SmallDisk):
    """Room for bytes, but not for one more file."""

    def mount(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1G,nr_inodes=12,mode=0700", "few-inodes", self.data], check=True)

    def put_ballast(self):
        self.skipTest("no room for a file is no room for ballast")

    def test_killed_on_the_full_disk_and_started_there_again(self):
        self.fill()
        for _ in range(3):
            self.broker.restart_after_kill()
            self.client.connect()
            self.assertEqual(self.send()[0], "storage_full")
            self.receive_and_delete(5)
        subprocess.run(["mount", "-o", "remount,nr_inodes=1000", self.data], check=True)
        self.assertLess(self.seconds_until_sends_are_taken(), 5)
        self.assertEqual(sorted(self.remaining()), sorted(set(self.confirmed) - self.deleted))


if __name__ == "__main__":
    EXECUTABLE = sys.argv.pop(1)
    if not may_mount():
        print("skipped: only root may mount a small disk, and not in every container")
        sys.exit(SKIP_CODE)
    result = unittest.main(exit=False).result
    for what, seconds in (("refusals of sends on a full disk", FIGURES["refusals"]), ("pauses until sends are taken again", FIGURES["pauses"])):
        if seconds:
            print(f"{len(seconds)} {what}: median {statistics.median(seconds) * 1000:.1f} ms, longest {max(seconds) * 1000:.1f} ms")
    sys.exit(not result.wasSuccessful())
