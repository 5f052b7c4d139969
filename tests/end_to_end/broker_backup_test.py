"""A backup of a broker that is serving, from the command line to the restored messages.

Usage: broker_backup_test.py FOLDER_OF_BINARIES [test...]
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, message, unpack  # noqa: E402

BINARIES = pathlib.Path(sys.argv[1]).resolve()
DEFINITIONS = """
[topics.completed]
[queues.rides]
visibility_timeout = "10m"
[queues.ledger]
from = "completed"
"""
OPTIONS = ["--segment-size", "256KiB"]
BODY = b"b" * 300


def remuda(*arguments):
    done = subprocess.run([BINARIES / "remuda", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Sender:
    """Sends in the background, and knows what was confirmed and how long each confirmation took."""

    def __init__(self, endpoint):
        self.client = Client(endpoint, timeout_s=60)
        self.confirmed, self.delays = [], []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            ids = [f"ride-{number}-{i}" for i in range(10)]
            began = time.monotonic()
            self.client.send("rides", [message(one, BODY) for one in ids])
            self.delays.append(time.monotonic() - began)
            self.confirmed += ids
            if number % 5 == 0:
                self.client.delete("rides", [one.handle for one in self.client.receive("rides", 3)])

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.client.close()


class Backup(unittest.TestCase):
    def setUp(self):
        self.broker = BrokerProcess(BINARIES / "remuda-broker", DEFINITIONS, OPTIONS)
        self.addCleanup(self.broker.remove)
        self.broker.start()
        self.client = Client(self.broker.endpoint)
        self.addCleanup(lambda: self.client.close())
        self.copy = os.path.join(self.broker.folder, "copy")

    def fill(self, count, prefix="old"):
        ids = [f"{prefix}-{number}" for number in range(count)]
        for begin in range(0, count, 100):
            self.client.send("rides", [message(one, BODY) for one in ids[begin:begin + 100]])
        return ids

    def back_up(self):
        code, out, err = remuda("broker", "backup", self.copy, "--broker", self.broker.endpoint)
        self.assertEqual((code, err), (0, ""))
        return out

    def restored(self):
        """A broker on what `restore` makes of the backup."""
        other = BrokerProcess(BINARIES / "remuda-broker", options=OPTIONS)
        self.addCleanup(other.remove)
        code, out, err = remuda("broker", "restore", self.copy, "--data", os.path.join(other.folder, "data"))
        self.assertEqual((code, err), (0, ""))
        return other.start()

    def everything(self, broker):
        client = Client(broker.endpoint)
        names, position = [], 0
        while batch := client.peek("rides", max=500, **{"from": position}):
            for one in batch:
                headers, body = unpack(one["message"])
                self.assertEqual(body, BODY)
                names.append(headers["id"])
            position = batch[-1]["sequence"] + 1
        client.close()
        return names

    # -- stories --

    def test_all_that_was_confirmed_before_is_in_a_backup_taken_under_load(self):
        old = self.fill(2_000)
        sender = Sender(self.broker.endpoint)
        self.addCleanup(sender.stop)
        while len(sender.confirmed) < 2_000:
            sender.stopping.wait(0.001)
        alone = statistics.median(sender.delays)
        before, calm = list(sender.confirmed), len(sender.delays)
        self.assertIn("everything confirmed before now is in", self.back_up())
        meanwhile = sender.delays[calm:] or [alone]
        sender.stop()
        print(f"\nsends confirmed in {alone * 1000:.2f} ms (median); during the backup {statistics.median(meanwhile) * 1000:.2f} ms, "
              f"longest {max(meanwhile) * 1000:.1f} ms")
        received = 3 * len(sender.delays)  # at most so many were deleted
        found = self.everything(self.restored())
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual(len(set(old + before) - set(found)), received)
        self.assertLessEqual(set(before[-100:]), set(found))  # the newest ones: certainly not deleted
        # Whoever was deleted is old: receives are oldest first.
        gone = [one for one in old + before if one not in set(found)]
        self.assertEqual(gone, (old + before)[:len(gone)])

    def test_queues_topics_and_messages_in_flight_come_back_too(self):
        self.fill(5)
        self.client.receive("rides", 2)
        self.client.publish("completed", [message("both", BODY)])  # its confirmation makes the receives durable too
        self.back_up()
        other = self.restored()
        client = Client(other.endpoint)
        info = client.queue_info("rides")
        self.assertEqual((info["visible"], info["in_flight"]), (3, 2))
        self.assertEqual(client.queue_info("ledger")["visible"], 1)
        client.publish("completed", [message("chained still", BODY)])
        self.assertEqual(client.queue_info("ledger")["visible"], 2)
        client.close()

    def test_any_damage_is_refused_by_the_name_of_the_file(self):
        self.fill(2_000)
        self.back_up()
        self.assertEqual(remuda("broker", "verify", self.copy)[0], 0)
        target = os.path.join(self.broker.folder, "restored")
        for name in sorted(os.listdir(self.copy)):
            path = pathlib.Path(self.copy, name)
            whole = path.read_bytes()
            damages = [whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], whole + b"\0", None]
            for damage in damages:
                path.unlink() if damage is None else path.write_bytes(damage)
                for command in (["verify", self.copy], ["restore", self.copy, "--data", target]):
                    code, _, err = remuda("broker", *command)
                    self.assertEqual(code, 1, err)
                    self.assertIn(name, err)
                self.assertFalse(os.path.exists(target))
                path.write_bytes(whole)
        self.assertEqual(remuda("broker", "restore", self.copy, "--data", target)[0], 0)

    def test_neither_a_backup_nor_a_data_folder_is_overwritten(self):
        self.fill(10)
        self.back_up()
        code, _, err = remuda("broker", "backup", self.copy, "--broker", self.broker.endpoint)
        self.assertEqual(code, 1)
        self.assertIn("is not empty", err)
        code, _, err = remuda("broker", "restore", self.copy, "--data", os.path.join(self.broker.folder, "data"))
        self.assertEqual(code, 1)
        self.assertIn("is not empty", err)

    def test_only_its_owner_can_read_a_backup(self):
        self.fill(10)
        self.back_up()
        self.assertEqual(os.stat(self.copy).st_mode & 0o777, 0o700)
        for name in os.listdir(self.copy):
            self.assertEqual(os.stat(os.path.join(self.copy, name)).st_mode & 0o777, 0o600)

    def test_scripts_read_what_was_copied(self):
        self.fill(10)
        code, out, _ = remuda("broker", "backup", self.copy, "--broker", self.broker.endpoint, "--json")
        self.assertEqual(code, 0)
        self.assertGreater(json.loads(out)["size_bytes"], 10 * len(BODY))

    def test_segments_that_a_backup_reads_stay_until_it_is_done(self):
        self.fill(3_000)
        segments = self.client.ask("backup")
        number, capacity, size = segments[0]
        first = self.client.ask("backup_read", number, 0)
        other = Client(self.broker.endpoint)
        with self.assertRaisesRegex(Exception, "backup_running"):
            other.ask("backup")
        self.client.purge("rides")
        for _ in range(3):
            self.fill(500, "new")
            self.client.purge("rides")
        again = self.client.ask("backup_read", number, 0)
        self.assertEqual(first, again)
        self.client.ask("backup_end")
        self.fill(500, "newest")
        with self.assertRaises(Exception):
            self.client.ask("backup_read", number, 0)
        other.close()


if __name__ == "__main__":
    sys.argv.pop(1)
    unittest.main(warnings="ignore")
