"""Swapping nodes while everything runs: over queues, pipes, topics and requests, with good programs and with bad ones.

Usage: swap_test.py FOLDER_OF_BINARIES [test...]
REMUDA_SWAP_MESSAGES=1000000 REMUDA_SWAPS=100 is the long form.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from command_line_test import BINARIES, PATIENCE, Story, ended_within  # noqa: E402
from remuda_client import Client, message, unpack  # noqa: E402

MESSAGES = int(os.environ.get("REMUDA_SWAP_MESSAGES", "20000"))
SWAPS = int(os.environ.get("REMUDA_SWAPS", "5"))
GROUPS = 16
BATCH = 250

QUEUE_TO_QUEUE = """
schema = 1
name = "NAME"
[brokers.main]
[queues.numbers]
broker = "main"
fifo = true
[queues.copies]
broker = "main"
[nodes.copier]
exec = "recipient_list"
ports = { messages = "numbers", copies = "copies" }
params = { recipients = { copies = {} } }
"""

OVER_A_DIRECT_CHANNEL = """
schema = 1
name = "NAME"
[brokers.main]
[queues.numbers]
broker = "main"
fifo = true
[queues.copies]
broker = "main"
CHANNEL
may_lose = true
[nodes.feeder]
exec = "recipient_list"
ports = { messages = "numbers", lane = "lane" }
params = { recipients = { lane = {} } }
[nodes.copier]
exec = "recipient_list"
replicas = REPLICAS
ports = { messages = "lane", copies = "copies" }
params = { recipients = { copies = {} } }
"""

RIDES = """
schema = 1
name = "NAME"
[brokers.main]
[topics.ride-completion]
broker = "main"
[queues.rides]
from = "ride-completion"
[requests.submit-ride]
timeout = "10s"
[nodes.gateway]
exec = "gateway"
ports = { submit = "submit-ride" }
[nodes.gateway.params]
listen = "127.0.0.1:PORT"
[nodes.gateway.params.routes]
"POST /submit-ride-completion" = "submit"
[nodes.completed-rides]
exec = "completed_rides"
ports = { submit = "submit-ride", completed = "ride-completion" }
"""

# Says that it fits, and then does BODY.
BAD_PROGRAM = """#!/bin/sh
[ "$1" = --describe ] && exec GOOD --describe
BODY
"""


class Swapping(Story):
    def broker(self):
        entry = json.loads((self.folder / "run" / "remuda" / f"{self.name}.json").read_text())
        client = Client(entry["brokers"]["main"], timeout_s=PATIENCE)
        self.addCleanup(client.close)
        return client

    def program(self, of, name):
        """The same program in a file of its own."""
        path = self.folder / name
        shutil.copy(BINARIES / of, path)
        return path

    def bad_program(self, body, name="bad", of="recipient_list"):
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(BAD_PROGRAM.replace("GOOD", str(BINARIES / of)).replace("BODY", body))
        path.chmod(0o755)
        return path

    def swap(self, node, *options, expect=0):
        done = self.run_remuda("swap", node, "--json", *options, expect=expect)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


class Numbers:
    """A numbered stream of messages into `numbers`, and a reader of `copies` that keeps account."""

    def __init__(self, story, count, name="number"):
        self.count = count
        self.name = name  # of the messages: a FIFO queue takes each once
        self.seen = bytearray(count)
        self.repeated = 0
        self.disordered = 0
        self.received = 0
        self.last_of_group = [-1] * GROUPS
        self.failed = None
        self.progress = threading.Condition()
        self.reads = True  # the reader has not ended
        self.writer = threading.Thread(target=self.guard, args=(self.write, story.broker()))
        self.reader = threading.Thread(target=self.guard, args=(self.read_and_say, story.broker()))

    def __enter__(self):
        self.writer.start()
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.writer.join()
        self.reader.join()

    def guard(self, work, client):
        try:
            work(client)
        except Exception as error:  # noqa: BLE001: whatever it is, the story must fail with it
            self.failed = error

    def write(self, client):
        for begin in range(0, self.count, BATCH):
            client.send("numbers", [message(f"{self.name}-{n}", {"n": n}, group_id=f"group-{n % GROUPS}")
                                    for n in range(begin, min(begin + BATCH, self.count))])

    def read_and_say(self, client):
        try:
            self.read(client)
        finally:
            with self.progress:
                self.reads = False
                self.progress.notify_all()

    def read(self, client):
        in_vain = 0  # asked; not a time, which goes on when this machine stands still
        while self.received < self.count and in_vain < 2 * PATIENCE and self.failed is None:
            batch = client.receive("copies", max=1000, wait_ms=500)
            in_vain = 0 if batch else in_vain + 1
            if not batch:
                continue
            with self.progress:
                for one in batch:
                    n = unpack(one.message)[1]["n"]
                    self.repeated += self.seen[n]
                    self.received += 1 - self.seen[n]
                    self.seen[n] = 1
                    self.disordered += n < self.last_of_group[n % GROUPS]
                    self.last_of_group[n % GROUPS] = n
                self.progress.notify_all()
            client.delete("copies", [one.handle for one in batch])

    def wait_until(self, received):
        with self.progress:
            self.progress.wait_for(lambda: self.received >= received or not self.reads)

    def check(self, story, ordered=True):
        story.assertIsNone(self.failed)
        story.assertEqual(self.count - sum(self.seen), 0, "lost")
        story.assertEqual(self.repeated, 0, "repeated")
        if ordered:
            story.assertEqual(self.disordered, 0, "out of the order of their group")


class WhileMessagesFlow(Swapping):
    def swap_while_numbers_flow(self, nodes, swaps=SWAPS, ordered=True):
        second = self.program("recipient_list", "second")
        began = time.monotonic()
        took, held = [], []
        with Numbers(self, MESSAGES) as numbers:
            for i in range(swaps):
                numbers.wait_until(MESSAGES * (i + 1) // (swaps + 1))
                program = second if i // len(nodes) % 2 == 0 else BINARIES / "recipient_list"
                done, _ = self.swap(nodes[i % len(nodes)], "--exec", program)
                for one in done:
                    self.assertEqual((one["outcome"], one["why"], one["program"]), ("swapped", "", str(program)))
                    took.append(one["took_ms"])
                    held.append(one["held_ms"])
        numbers.check(self, ordered)
        print(f"\n{self.id().split('.')[-1]}: {MESSAGES:,} messages, {swaps} swaps, 0 lost, 0 repeated, {time.monotonic() - began:.1f} s; "
              f"a swap takes {sorted(took)[len(took) // 2]} ms (at most {max(took)})", file=sys.stderr)

    def test_from_queue_to_queue_nothing_is_lost_repeated_or_out_of_order(self):
        self.up(QUEUE_TO_QUEUE)
        self.swap_while_numbers_flow(["copier"])
        # What was given back was not counted as received: nothing came twice.
        numbers = next(row for row in self.rows("queue", "info", "numbers") if row["queue"] == "numbers")
        self.assertEqual((numbers["visible"], numbers["in_flight"], numbers["redelivered"]), (0, 0, 0), numbers)

    def test_over_a_pipe_both_ends_are_swapped_and_nothing_is_lost_or_out_of_order(self):
        self.up(OVER_A_DIRECT_CHANNEL.replace("CHANNEL", "[pipes.lane]").replace("REPLICAS", "1"))
        self.swap_while_numbers_flow(["copier", "feeder"], 2 * SWAPS)

    def test_replicas_on_a_pipe_are_swapped_one_after_the_other(self):
        self.up(OVER_A_DIRECT_CHANNEL.replace("CHANNEL", "[pipes.lane]").replace("REPLICAS", "3"))
        self.swap_while_numbers_flow(["copier"], ordered=False)  # replicas share the work: order is theirs alone
        self.assertEqual([row["swapped"] for row in self.rows("ps", "copier")], [SWAPS % 2 == 1] * 3)

    def test_over_a_topic_without_a_broker_nothing_is_lost(self):
        self.up(OVER_A_DIRECT_CHANNEL.replace("CHANNEL", "[topics.lane]").replace("REPLICAS", "1"))
        self.swap_while_numbers_flow(["copier", "feeder"])


class WhileRequestsCome(Swapping):
    RIDE = json.dumps({"customer": "ada", "from": "Berlin", "to": "Potsdam", "distance": 35, "duration": 40, "fare": 61.50})

    def test_no_request_fails_while_the_one_who_answers_is_swapped(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.up(RIDES.replace("PORT", str(port)))
        second = self.program("completed_rides", "second")
        answers = {}
        lock = threading.Lock()
        enough = threading.Event()

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            while not enough.is_set():
                try:
                    connection.request("POST", "/submit-ride-completion", self.RIDE, {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    response.read()
                    status = response.status
                except OSError as error:
                    status = repr(error)
                with lock:
                    answers[status] = answers.get(status, 0) + 1
            connection.close()

        clients = [threading.Thread(target=client) for _ in range(8)]
        for one in clients:
            one.start()
        try:
            for i in range(SWAPS):
                so_far = sum(answers.values())
                self.until("more answers", lambda: sum(answers.values()) > so_far + 20)
                done, _ = self.swap("completed-rides", "--exec", second if i % 2 == 0 else BINARIES / "completed_rides")
                self.assertEqual((done[0]["outcome"], done[0]["why"]), ("swapped", ""))
        finally:
            enough.set()
            for one in clients:
                one.join()
        self.assertEqual(set(answers), {201}, answers)
        self.until("every ride's event is in its queue",
                   lambda: next(r for r in self.rows("queue", "info", "rides"))["visible"] == answers[201])
        print(f"\n{answers[201]:,} requests, {SWAPS} swaps, 0 failed", file=sys.stderr)


class WhoDrives(Swapping):
    def test_a_fleet_that_is_asked_to_end_waits_for_its_answers_and_reports(self):
        with socket.socket() as gateway:
            gateway.bind(("127.0.0.1", 0))
            gateway.listen()
            report = self.folder / "report.json"
            fleet = subprocess.Popen([BINARIES / "unicorn_fleet", "--data", self.folder / "fleet", "--param", "rides=1000000",
                                      "--param", "connections=1", "--param", f"target=127.0.0.1:{gateway.getsockname()[1]}",
                                      "--param", f"report={report}"], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            connection, _ = gateway.accept()
            with connection:
                self.assertIn(b"POST", connection.recv(65536))
                fleet.terminate()
                for line in fleet.stderr:
                    if b"draining" in line:
                        break
                self.assertIsNone(fleet.poll())
                connection.sendall(b"HTTP/1.1 201 Created\r\nLocation: /rides/1\r\nContent-Length: 0\r\n\r\n")
                fleet.stderr.close()
                self.assertEqual(fleet.wait(PATIENCE), 3)  # some of the rides are accepted
        told = json.loads(report.read_text())
        self.assertEqual((told["accepted"], told["unanswered"]), (1, 0), told)


class BadPrograms(Swapping):
    def setUp(self):
        super().setUp()
        self.up(QUEUE_TO_QUEUE)
        self.client = self.broker()
        self.sent = 0

    def assert_serves(self):
        """A message goes through."""
        self.sent += 1
        self.client.send("numbers", [message(f"number-{self.sent}", {"n": self.sent}, group_id="group")])
        batch = self.client.receive("copies", wait_ms=PATIENCE * 1000)
        self.assertEqual([unpack(one.message)[1]["n"] for one in batch], [self.sent])
        self.client.delete("copies", [one.handle for one in batch])

    def test_a_program_that_does_not_fit_is_refused_and_the_old_one_is_not_touched(self):
        before = self.process("copier")
        plain = self.folder / "plain"
        plain.write_text("no program")
        for program, told in ((plain, "is not an executable file"),
                              (self.folder / "nowhere", "is not an executable file"),
                              (BINARIES / "printer", "has no port `copies`"),
                              (BINARIES / "transform", "has no port `messages`"),
                              ("/bin/true", "is not a node's description"),
                              ("/bin/false", "--describe fails")):
            with self.subTest(program=program):
                done, err = self.swap("copier", "--exec", program, expect=1)
                self.assertEqual(done, [])
                self.assertIn(told, err)
        after = self.process("copier")
        self.assertEqual((after["pid"], after["exec"]), (before["pid"], "recipient_list"))
        self.assert_serves()

    def test_a_program_that_ends_before_it_is_ready_makes_place_for_the_old_one(self):
        done, err = self.swap("copier", "--exec", self.bad_program("exit 3"), expect=1)
        self.assertEqual((done[0]["outcome"], done[0]["why"]), ("rolled_back", "the new one ended before it was ready (exit 3)"))
        self.assertIn("the old program serves on", err)
        self.assertEqual((self.process("copier")["state"], self.process("copier")["exec"]), ("ready", "recipient_list"))
        self.assert_serves()

    def test_a_program_that_never_gets_ready_makes_place_for_the_old_one(self):
        # It does not end when it is asked to, either.
        stubborn = self.bad_program("trap '' TERM; while :; do sleep 1; done")
        done, _ = self.swap("copier", "--exec", stubborn, "--timeout", "300ms", expect=1)
        self.assertEqual((done[0]["outcome"], done[0]["why"]), ("rolled_back", "the new one was not ready within 0.3 s"))
        self.assert_serves()

    def test_nothing_is_lost_while_bad_programs_are_tried(self):
        with Numbers(self, MESSAGES) as numbers:
            for i in range(SWAPS):
                numbers.wait_until(MESSAGES * (i + 1) // (SWAPS + 1))
                self.swap("copier", "--exec", self.bad_program("exit 3"), expect=1)
        numbers.check(self)

    def test_a_second_swap_waits_for_the_first_to_end(self):
        first = subprocess.Popen([BINARIES / "remuda", "swap", "copier", "--exec", self.bad_program("sleep 1000"), "--timeout", "2s"],
                                 cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.until("the new one runs", lambda: self.process("copier")["state"] == "starting")
        for words in (("swap", "copier"), ("restart", "copier")):
            self.assertIn("is being swapped", self.run_remuda(*words, expect=1).stderr)
        self.assertIn("2 s", first.communicate(timeout=PATIENCE)[1])
        self.assertEqual(first.returncode, 1)
        self.assert_serves()

    def test_ctrl_c_ends_the_waiting_and_leaves_a_running_node(self):
        command = subprocess.Popen([BINARIES / "remuda", "swap", "copier", "--exec", self.bad_program("sleep 1000"), "--timeout", "1s"],
                                   cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.until("the new one runs", lambda: self.process("copier")["state"] == "starting")
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=PATIENCE)
        self.assertNotEqual(command.returncode, 0)
        self.until("the old one runs again", lambda: self.process("copier")["state"] == "ready")
        self.assert_serves()

    def test_a_topology_is_stopped_in_the_middle_of_a_swap(self):
        with subprocess.Popen([BINARIES / "remuda", "swap", "copier", "--exec", self.bad_program("exec sleep 1000"), "--timeout", "1h"],
                              cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
            self.until("the new one runs", lambda: self.process("copier")["state"] == "starting")
            pid = self.process("copier")["pid"]
            self.run_remuda("down")
            self.assertIn("everything is being stopped", command.communicate(timeout=PATIENCE)[1])
            self.assertEqual(command.returncode, 1)
        self.assertTrue(ended_within(pid))

    def test_a_broker_a_stopped_node_and_an_unknown_one_are_refused(self):
        self.assertIn("is a broker", self.run_remuda("swap", "main", expect=1).stderr)
        self.assertIn("did you mean 'copier'", self.run_remuda("swap", "copyer", expect=None).stderr)
        self.run_remuda("stop", "copier")
        self.assertIn("does not run", self.run_remuda("swap", "copier", expect=1).stderr)


class WhatRunsAfterwards(Swapping):
    def test_the_swapped_program_stays_when_its_node_crashes(self):
        self.up(QUEUE_TO_QUEUE)
        second = self.program("recipient_list", "second")
        self.swap("copier", "--exec", "./second")
        before = self.process("copier")
        self.assertEqual((before["exec"], before["restarts"]), (str(second), 0))
        self.assertIn("SWAPPED FOR", self.run_remuda("ps").stdout)
        os.kill(before["pid"], signal.SIGKILL)
        self.until("it runs again", lambda: self.process("copier")["restarts"] == 1 and self.process("copier")["state"] == "ready")
        after = self.process("copier")
        self.assertEqual((os.readlink(f"/proc/{after['pid']}/exe"), after["exec"]), (str(second), str(second)))

    def test_a_program_built_anew_in_place_is_taken_and_a_bad_one_makes_place_for_the_one_that_ran(self):
        mine = self.program("recipient_list", "mine")
        self.up(QUEUE_TO_QUEUE.replace('"recipient_list"', '"./mine"'))
        bytes_before = mine.read_bytes()

        def running():
            return pathlib.Path(f"/proc/{self.process('copier')['pid']}/exe")

        self.bad_program("exit 3", name="mine")
        done, _ = self.swap("copier", expect=1)
        self.assertEqual(done[0]["outcome"], "rolled_back")
        self.assertEqual(running().read_bytes(), bytes_before)
        kept = os.readlink(running())
        self.assertNotEqual(kept, str(mine))
        self.assertEqual(self.process("copier")["exec"], kept)
        mine.unlink()
        mine.write_bytes(bytes_before)
        mine.chmod(0o755)
        self.swap("copier")
        self.assertEqual(os.readlink(running()), str(mine))
        self.assertEqual(self.process("copier")["exec"], "./mine")

    def test_a_node_that_fails_is_mended_by_a_swap(self):
        self.bad_program("exit 3", name="mine")
        self.run_remuda("up", self.launch_file(QUEUE_TO_QUEUE.replace('"recipient_list"', '"./mine"')), "-d")
        self.until("it fails", lambda: self.process("copier")["state"] in ("backoff", "failed"))
        done, _ = self.swap("copier", "--exec", BINARIES / "recipient_list")
        self.assertEqual(done[0]["outcome"], "swapped")
        self.assertEqual(self.process("copier")["state"], "ready")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
