"""What a broker makes of a disk that gives back something else than was stored, as its user sees it.

Usage: broker_damage_test.py FOLDER_OF_BINARIES [test...]
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, message, unpack  # noqa: E402

BINARIES = pathlib.Path(sys.argv[1]).resolve()
POISONED = 70
DEFINITIONS = """
[queues.rides]
visibility_timeout = "10m"
dead_letter = { queue = "rides-dead", max_receives = 5 }
[queues.rides-dead]
[queues.other]
"""


def body_of(name):
    return (name + " ").encode() * 20


class Damage(unittest.TestCase):
    def setUp(self):
        self.broker = None

    def begin(self, *options, segment="64KiB"):
        self.broker = BrokerProcess(BINARIES / "remuda-broker", DEFINITIONS, ["--segment-size", segment, *options])
        self.addCleanup(self.broker.remove)
        self.data = pathlib.Path(self.broker.folder, "data")
        self.connect()

    def connect(self):
        self.broker.start()
        self.client = Client(self.broker.endpoint)
        self.addCleanup(self.client.close)

    def send(self, queue, count, prefix="ride"):
        for begin in range(0, count, 50):
            self.client.send(queue, [message(f"{prefix}-{n}", body_of(f"{prefix}-{n}")) for n in range(begin, min(count, begin + 50))])

    def drain(self, queue):
        names = []
        while batch := self.client.receive(queue, 100):
            for one in batch:
                headers, body = unpack(one.message)
                self.assertEqual(body, body_of(headers["id"]))
                names.append(headers["id"])
            self.client.delete(queue, [one.handle for one in batch])
        return names

    def flip(self, segment, offset):
        path = self.data / f"segment-{segment:010}.log"
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x10]))
        return path

    def place_of(self, name):
        """Where the body of a message stands: (segment, offset)."""
        for path in sorted(self.data.glob("segment-*.log")):
            at = path.read_bytes().find(body_of(name))
            if at >= 0:
                return int(path.name[8:18]), at
        raise AssertionError(f"{name} is nowhere")

    def start_refused(self, *options):
        command = [BINARIES / "remuda-broker", "--listen", self.broker.endpoint, "--data", self.data, "--log-format", "json",
                   "--segment-size", "64KiB", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stderr

    def start_with(self, option):
        self.broker.options.append(option)
        self.connect()
        self.broker.options.remove(option)

    def wait_until_indexed(self):
        """The first segment is sealed, and the helper thread has read it for its index: from now on only a scrub or a receive will."""
        def last_flags():
            index = self.data / "segment-0000000001.index"
            return index.read_bytes()[-4] if index.exists() else 0
        deadline = time.monotonic() + 30
        while last_flags() != 2:  # a seal
            self.assertLess(time.monotonic(), deadline)
            self.send("other", 1, "later")

    def logged(self, event):
        """The next event of that name in the broker's log."""
        for line in self.broker.process.stderr:
            if (entry := json.loads(line))["event"] == event:
                return entry
        raise AssertionError(f"the broker ended without {event}")

    # -- stories --

    def test_an_unfinished_write_at_the_end_is_cut_and_said(self):
        self.begin()
        self.send("rides", 20)
        self.broker.kill()
        path = self.data / "segment-0000000001.log"
        content = path.read_bytes()
        end = content.rfind(b"ride-19 ") + 8
        path.write_bytes(content[:end - 30] + b"\0" * (len(content) - end + 30))
        code, log = 0, ""
        self.connect()
        self.assertEqual(self.drain("rides"), [])  # the batch was one record
        self.assertEqual((code, log), (0, ""))

    def test_damage_in_the_middle_is_refused_with_file_offset_and_remedy(self):
        self.begin()
        self.send("rides", 300)
        self.assertEqual(self.broker.stop(), 0)
        segment, offset = self.place_of("ride-17")
        path = self.flip(segment, offset)
        for index in self.data.glob("*.index"):
            index.unlink()
        for _ in range(2):
            code, log = self.start_refused()
            self.assertEqual(code, 1)
            found = re.search(re.escape(str(path)) + r": offset (\d+)", log)
            self.assertTrue(found, log)
            self.assertLessEqual(int(found.group(1)), offset)
            self.assertIn("--salvage", log)
            self.assertIn("backup", log)

    def test_salvage_gives_up_what_is_unreadable_and_keeps_the_rest(self):
        self.begin()
        self.send("rides", 600)
        self.assertEqual(self.broker.stop(), 0)
        segment, offset = self.place_of("ride-117")
        self.flip(segment, offset)
        for index in self.data.glob("*.index"):
            index.unlink()
        self.assertEqual(self.start_refused()[0], 1)
        self.start_with("--salvage")
        names = self.drain("rides")
        lost = {f"ride-{n}" for n in range(600)} - set(names)
        self.assertEqual(lost, {f"ride-{n}" for n in range(100, 150)})  # one record of fifty messages
        self.send("rides", 50, "new")
        self.assertEqual(self.broker.stop(), 0)
        self.connect()  # and from then on without it
        self.assertEqual(len(self.drain("rides")), 50)

    def test_salvage_also_goes_on_after_what_the_lost_records_had_begun(self):
        """The record that declared the queues, or stored what later ones receive and delete."""
        for lost in ("a send that was received", "queues that were declared"):
            with self.subTest(lost):
                self.begin()
                self.send("rides", 300)
                kept = self.client.receive("rides", 5)
                self.client.delete("rides", [one.handle for one in kept[:2]])
                self.client.retry_later("rides", kept[2].handle, "tired", 0)
                self.send("other", 300, "other")
                self.assertEqual(self.broker.stop(), 0)
                for index in self.data.glob("*.index"):
                    index.unlink()
                self.flip(*(self.place_of("ride-3") if lost == "a send that was received" else (1, 48 + 33)))
                self.assertEqual(self.start_refused()[0], 1)
                self.start_with("--salvage")
                self.assertGreater(len(self.drain("rides") + self.drain("other")), 400)
                self.assertEqual(self.broker.stop(), 0)
                self.connect()
                self.send("rides", 10, "after")
                self.assertEqual(len(self.drain("rides")), 10)

    def test_the_only_checkpoint_is_there_twice(self):
        """All that a segment holds rests on its first record; of the oldest segment nothing else would bring it back."""
        self.begin()
        self.send("rides", 600)
        while True:  # until what is there stands in one segment, which begins with a checkpoint that knows the queues
            self.drain("rides")
            self.send("rides", 100, "new")
            self.assertEqual(self.broker.stop(), 0)
            if len(list(self.data.glob("segment-*.log"))) == 1:
                break
            self.connect()
        [segment] = self.data.glob("segment-*.log")
        self.flip(int(segment.name[8:18]), 48 + 40)
        self.assertEqual(self.start_refused()[0], 1)
        self.start_with("--salvage")
        self.assertEqual(self.drain("rides"), [f"new-{n}" for n in range(100)])

    def test_the_end_of_a_store_that_was_stopped_cleanly_cannot_vanish_unnoticed(self):
        self.begin()
        self.send("rides", 20)
        self.assertEqual(self.broker.stop(), 0)
        path = self.data / "segment-0000000001.log"
        content = path.read_bytes()
        begin = content.find(body_of("ride-5"))
        path.write_bytes(content[:begin] + b"\0" * (len(content) - begin))
        code, log = self.start_refused()
        self.assertEqual(code, 1)
        self.assertRegex(log, re.escape(str(path)) + r": offset \d+: record \d+ is unreadable, though it was durable once")

    def test_the_scrub_finds_a_damaged_message_that_nobody_asked_for(self):
        self.begin("--scrub-rate", "64MiB", "--scrub-period", "10ms")
        self.send("rides", 600)
        self.wait_until_indexed()
        self.flip(*self.place_of("ride-42"))
        event = self.logged("the disk gives back something else than was stored")
        self.assertRegex(event["messages"], r"^50 of queue rides from number \d+ on$")  # the record holds a batch
        self.assertTrue(event["file"].endswith("/segment-0000000001.log"))
        info = subprocess.run([BINARIES / "remuda", "queue", "info", "--broker", self.broker.endpoint, "rides", "--json"],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(json.loads(info.stdout)["damaged"], 50, info.stderr)
        # Others are served, and the broker stops as ever.
        self.send("other", 5, "other")
        self.assertGreaterEqual(len(self.drain("other")), 5)
        self.client.purge("rides")
        self.assertEqual(self.broker.stop(), 0)

    def test_damage_to_what_is_deleted_long_ago_is_told_and_nothing_else(self):
        self.begin("--scrub-rate", "64MiB", "--scrub-period", "10ms")
        self.send("rides", 50)
        self.send("other", 600, "pin")  # keeps the first segment, which is sealed by now
        place = self.place_of("ride-42")
        self.wait_until_indexed()
        self.drain("rides")
        self.flip(*place)
        event = self.logged("the disk gives back something else than was stored")
        self.assertEqual(event["messages"], "none that lives")
        self.assertGreaterEqual(len(self.drain("other")), 600)

    def test_a_damaged_message_is_never_delivered(self):
        self.begin("--scrub-rate", "0B")
        self.send("rides", 600)
        self.wait_until_indexed()
        self.flip(*self.place_of("ride-42"))
        self.expect_poisoned_by_a_receive()

    def test_a_segment_that_is_cut_short_under_the_broker_is_no_signal(self):
        self.begin("--scrub-rate", "0B")
        self.send("rides", 900)
        self.wait_until_indexed()
        self.client.receive("rides", 10)  # its first segment is mapped now
        path = self.data / "segment-0000000001.log"
        os.truncate(path, 8192)
        self.expect_poisoned_by_a_receive()
        code, log = self.start_refused()
        self.assertEqual(code, 1)
        self.assertIn(f"{path}: offset 8192: the file ends here", log)

    def expect_poisoned_by_a_receive(self):
        self.client.timeout_s = 5
        with self.assertRaises(Exception):
            self.client.receive("rides", 100)
        log = self.broker.process.stderr.read()
        self.assertEqual(self.broker.process.wait(timeout=30), POISONED)
        self.assertIn("a stored message is damaged", log)

    def test_a_backlog_larger_than_the_body_cache_costs_no_more_memory(self):
        count, size = 6_000, 50_000  # 286 MiB
        self.begin("--body-cache", "16MiB", segment="16MiB")
        big = b"z" * size
        for _ in range(0, count, 50):
            self.client.send("rides", [message("big", big) for _ in range(50)])
        began = time.monotonic()
        left = count
        while left:
            batch = self.client.receive("rides", 50, wait_ms=1_000)
            self.assertTrue(batch)
            self.client.delete("rides", [one.handle for one in batch])
            left -= len(batch)
        took = time.monotonic() - began
        status = pathlib.Path(f"/proc/{self.broker.pid}/status").read_text(encoding="ascii")
        peak_mib = int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024
        print(f"\n{count * size >> 20} MiB sent and drained with --body-cache 16MiB, {count * size / took / 1e6:.0f} MB/s; "
              f"peak memory {peak_mib:.0f} MiB")
        self.assertLess(peak_mib, 16 + 64)  # and the rest of the process: frames under way, batches, the program


if __name__ == "__main__":
    sys.argv.pop(1)
    unittest.main(warnings="ignore")
