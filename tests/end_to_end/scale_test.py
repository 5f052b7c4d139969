"""Replicas come and leave while everything runs: over queues, streams, topics, pipes and requests, with good programs and with bad ones.

Usage: scale_test.py FOLDER_OF_BINARIES [test...]
REMUDA_SCALE_MESSAGES=1000000 REMUDA_SCALES=99 is the long form.
"""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import unittest

from command_line_test import BINARIES, PATIENCE
from swap_test import BATCH, GROUPS, QUEUE_TO_QUEUE, RIDES, Numbers, Swapping, message

MESSAGES = int(os.environ.get("REMUDA_SCALE_MESSAGES", "12000"))
SCALES = int(os.environ.get("REMUDA_SCALES", "6"))
COUNTS = (3, 1, 2, 1)  # from 1, round and round
ASKERS = 10

ACROSS = """
schema = 1
name = "NAME"
[brokers.main]
[queues.numbers]
broker = "main"
fifo = true
[queues.copies]
broker = "main"
CHANNEL
[nodes.feeder]
exec = "recipient_list"
ports = { messages = "numbers", lane = "lane" }
params = { recipients = { lane = {} } }
[nodes.copier]
exec = "recipient_list"
ports = { messages = "lane", copies = "copies" }
params = { recipients = { copies = {} } }
"""


class Scaling(Swapping):
    def scale(self, *nodes, expect=0):
        done = self.run_remuda("scale", *nodes, "--json", expect=expect)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def replicas(self, node):
        return sorted(row["replica"] for row in self.rows("ps", node))

    def figures(self, took, text):
        print(f"\n{self.id().split('.')[-1]}: {text}; a scale takes {sorted(took)[len(took) // 2]} ms (at most {max(took)})", file=sys.stderr)

    def bad_replica(self, body, name="picky"):
        """A program whose first replica works."""
        return self.bad_program(f'case " $* " in *" --replica 0 "*) exec {BINARIES / "recipient_list"} "$@";; esac\n{body}', name=name)


class Flow(Numbers):
    """Numbers that do not end before the story does: some of them are always on their way."""
    AHEAD = 2_000  # of what was received
    MOST = 20 * MESSAGES

    def __init__(self, story):
        super().__init__(story, self.MOST)
        self.enough = threading.Event()

    def __exit__(self, *_):
        self.enough.set()
        super().__exit__()

    def write(self, client):
        sent = 0
        while sent < self.MOST and not (self.enough.is_set() and sent >= MESSAGES):
            with self.progress:
                self.progress.wait_for(lambda: sent - self.received <= self.AHEAD or not self.reads)
            client.send("numbers", [message(f"number-{n}", {"n": n}, group_id=f"group-{n % GROUPS}") for n in range(sent, sent + BATCH)])
            sent += BATCH
        self.count = sent


class WhileMessagesFlow(Scaling):
    def scale_while_numbers_flow(self, nodes=("copier",), ordered=True, repeats=False):
        counts = dict.fromkeys(nodes, 1)
        took = []
        with Flow(self) as numbers:
            for i in range(SCALES):
                numbers.wait_until(numbers.received + MESSAGES // (SCALES + 1))
                node, wanted = nodes[i % len(nodes)], COUNTS[i // len(nodes) % len(COUNTS)]
                done, _ = self.scale(f"{node}={wanted}")
                self.assertEqual([(one["node"], one["before"], one["replicas"], one["outcome"], one["why"]) for one in done],
                                 [(node, counts[node], wanted, "scaled", "")])
                counts[node] = wanted
                took += [one["took_ms"] for one in done]
                self.assertEqual(self.replicas(node), list(range(wanted)))
        repeated = numbers.repeated
        if repeats:
            numbers.repeated = 0
        numbers.check(self, ordered)
        self.figures(took, f"{numbers.count:,} messages, {SCALES} scales, 0 lost, {repeated if repeats else 0} repeated")

    def test_from_queue_to_queue_nothing_is_lost_repeated_or_out_of_order(self):
        self.up(QUEUE_TO_QUEUE)
        self.scale_while_numbers_flow()
        # What was given back was not counted as received: nothing came twice.
        numbers = next(row for row in self.rows("queue", "info", "numbers") if row["queue"] == "numbers")
        self.assertEqual((numbers["visible"], numbers["in_flight"], numbers["redelivered"]), (0, 0, 0), numbers)

    def test_the_members_of_a_streams_group_come_and_leave(self):
        self.up(ACROSS.replace("CHANNEL", '[streams.lane]\nbroker = "main"\npartitions = 3'))
        self.scale_while_numbers_flow()

    def test_over_a_pipe_both_ends_are_scaled(self):
        self.up(ACROSS.replace("CHANNEL", "[pipes.lane]\nmay_lose = true"))
        self.scale_while_numbers_flow(("copier", "feeder"), ordered=False)  # replicas share the work: order is theirs alone

    def test_over_a_request_channel_both_ends_are_scaled(self):
        self.up(ACROSS.replace("CHANNEL", "[requests.lane]"))
        self.scale_while_numbers_flow(("copier", "feeder"), ordered=False)

    def test_publishers_and_subscribers_of_a_topic_without_a_broker_are_scaled(self):
        self.up(ACROSS.replace("CHANNEL", "[topics.lane]\nmay_lose = true"))
        self.scale_while_numbers_flow(("copier", "feeder"), ordered=False, repeats=True)  # each subscriber gets everything

    def test_live_subscribers_of_a_topic_with_a_broker_come_and_leave(self):
        self.up(ACROSS.replace("CHANNEL", '[topics.lane]\nbroker = "main"\nmay_lose = true'))
        self.scale_while_numbers_flow(("copier", "feeder"), ordered=False, repeats=True)


class WhileRequestsCome(Scaling):
    def ride(self, connection):
        connection.request("POST", "/submit-ride-completion", self.RIDE, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status

    RIDE = json.dumps({"customer": "ada", "from": "Berlin", "to": "Potsdam", "distance": 35, "duration": 40, "fare": 61.50})

    def scale_while_requests_come(self, channel):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.up(RIDES.replace("[requests.submit-ride]", channel).replace("PORT", str(port)))
        answers, took = {}, []
        lock = threading.Lock()
        enough = threading.Event()

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            while not enough.is_set():
                try:
                    status = self.ride(connection)
                except OSError as error:
                    status = repr(error)
                with lock:
                    answers[status] = answers.get(status, 0) + 1
            connection.close()

        clients = [threading.Thread(target=client) for _ in range(ASKERS)]
        for one in clients:
            one.start()
        try:
            for i in range(SCALES):
                so_far = sum(answers.values())
                self.until("more answers", lambda: sum(answers.values()) > so_far + 20)
                done, _ = self.scale(f"completed-rides={COUNTS[i % len(COUNTS)]}")
                self.assertEqual((done[0]["outcome"], done[0]["why"]), ("scaled", ""))
                took.append(done[0]["took_ms"])
        finally:
            enough.set()
            for one in clients:
                one.join()
        self.assertEqual(set(answers), {201}, answers)
        self.until("every ride's event is in its queue",
                   lambda: next(r for r in self.rows("queue", "info", "rides"))["visible"] == answers[201])
        self.figures(took, f"{answers[201]:,} requests by {ASKERS} askers, {SCALES} scales, 0 failed")

    def test_no_request_fails_while_those_who_answer_come_and_leave(self):
        self.scale_while_requests_come("[requests.submit-ride]")

    def test_no_request_fails_over_queues_either(self):
        self.scale_while_requests_come('[requests.submit-ride]\nbroker = "main"')

    def ask_through_every_gateway(self, replicas):
        for replica in range(replicas):
            lines = self.run_remuda("logs", f"gateway/{replica}").stdout
            port = int(re.findall(r"http://127\.0\.0\.1:(\d+)", lines)[-1])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            self.assertEqual(self.ride(connection), 201)
            connection.close()

    def test_those_who_ask_are_scaled(self):
        for channel in ("[requests.submit-ride]", '[requests.submit-ride]\nbroker = "main"'):
            with self.subTest(channel=channel):
                self.up(RIDES.replace("[requests.submit-ride]", channel).replace("PORT", "0"))
                for wanted in (3, 1, 2):
                    done, _ = self.scale(f"gateway={wanted}", "completed-rides=2")
                    self.assertEqual([(one["outcome"], one["why"]) for one in done], [("scaled", "")] * 2)
                    self.ask_through_every_gateway(wanted)
                self.run_remuda("down")


class WhatIsRefused(Scaling):
    def setUp(self):
        super().setUp()
        self.up(QUEUE_TO_QUEUE)

    def test_what_a_launch_file_may_not_say_either_and_what_is_not_there(self):
        for words, code, told in ((["copier=0"], 2, "`replicas` must be from 1 to 256, not 0"),
                                  (["copier=257"], 2, "`replicas` must be from 1 to 256, not 257"),
                                  (["copier"], 2, "'copier' is not NODE=N"),
                                  (["copier=two"], 2, "'copier=two' is not NODE=N"),
                                  (["copier=2", "copier=3"], 2, "copier is named twice"),
                                  (["copier/0=2"], 2, "copier/0 is one replica"),
                                  (["copyer=2"], 2, "did you mean 'copier'"),
                                  (["main=2"], 1, "main is a broker"),
                                  (["copier=2", "main=2"], 1, "main is a broker")):
            with self.subTest(words=words):
                self.assertIn(told, self.run_remuda("scale", *words, expect=code).stderr)
        self.assertEqual(self.replicas("copier"), [0])

    def test_a_node_that_does_not_run(self):
        self.run_remuda("stop", "copier")
        self.assertIn("copier/0 does not run", self.run_remuda("scale", "copier=2", expect=1).stderr)

    def test_a_dry_run_changes_nothing(self):
        self.assertIn("would scale copier to 2 replicas", self.run_remuda("scale", "copier=2", "--dry-run").stdout)
        self.assertEqual(self.replicas("copier"), [0])


class ReplicasThatDoNotGetReady(Scaling):
    def up_with(self, program):
        self.up(ACROSS.replace("CHANNEL", "[pipes.lane]\nmay_lose = true").replace('copier]\nexec = "recipient_list"', f'copier]\nexec = "{program}"'))

    def assert_one_serves(self):
        self.assertEqual(self.replicas("copier"), [0])
        with Numbers(self, 500) as numbers:
            pass
        numbers.check(self)

    def test_end_again_when_one_of_them_ends_and_the_first_serves_on(self):
        self.up_with(self.bad_replica("exit 3"))
        done, err = self.scale("copier=3", expect=1)
        self.assertEqual((done[0]["outcome"], done[0]["replicas"]), ("undone", 1))
        self.assertRegex(done[0]["why"], r"copier/[12]: it ended before it was ready \(exit 3\)")
        self.assertIn("copier goes on with 1 replica", err)
        self.assert_one_serves()

    def test_end_again_when_one_is_not_ready_in_time(self):
        self.up_with(self.bad_replica("trap '' TERM; while :; do sleep 1; done"))
        done, _ = self.scale("copier=2", "--timeout", "300ms", expect=1)
        self.assertEqual((done[0]["outcome"], done[0]["why"]), ("undone", "copier/1: not ready within 0.3 s"))
        self.assert_one_serves()

    def test_hold_up_other_scales_and_swaps_and_everything_can_be_stopped_meanwhile(self):
        self.up_with(self.bad_replica("exec sleep 1000"))
        command = subprocess.Popen([BINARIES / "remuda", "scale", "copier=2"], cwd=self.folder, env=self.environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.until("the new one is seen", lambda: self.replicas("copier") == [0, 1])
        for words, told in ((("scale", "feeder=2"), "copier is being scaled"), (("swap", "feeder"), "a node is being scaled"),
                            (("stop", "copier"), "it is being scaled")):
            self.assertIn(told, self.run_remuda(*words, expect=1).stderr)
        pids = [row["pid"] for row in self.rows("ps")]
        self.run_remuda("down", "--now")
        self.assertIn("everything is being stopped", command.communicate(timeout=PATIENCE)[1])
        self.assertEqual(command.returncode, 1)
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)


class WhatRunsAfterwards(Scaling):
    def setUp(self):
        super().setUp()
        self.served = 0
        self.up(ACROSS.replace("CHANNEL", "[pipes.lane]\nmay_lose = true"))

    def assert_all_serve(self, count=3):
        self.assertEqual(self.replicas("copier"), list(range(count)))
        before = {row["replica"]: row["processed"] for row in self.rows("ps", "copier")}

        def have_had_some():
            self.served += 1
            with Numbers(self, 500, f"number-{self.served}") as numbers:
                pass
            numbers.check(self, ordered=False)
            return all(row["processed"] > before.get(row["replica"], 0) for row in self.rows("ps", "copier"))

        self.until("all of them have had some", have_had_some)

    def kill(self, node, replica=0):
        before = self.process(node, replica)
        os.kill(before["pid"], signal.SIGKILL)
        self.until("it runs again", lambda: self.process(node, replica)["restarts"] == before["restarts"] + 1 and
                   self.process(node, replica)["state"] == "ready")

    def test_new_replicas_and_those_who_send_to_them_are_started_again_as_they_are_now(self):
        self.scale("copier=3")
        self.assert_all_serve()
        self.kill("copier", 2)
        self.kill("feeder")
        self.assert_all_serve()

    def test_a_swap_is_of_all_replicas_and_later_ones_run_what_the_others_run(self):
        second = str(self.program("recipient_list", "second"))
        self.scale("copier=2")
        done, _ = self.swap("copier", "--exec", second)
        self.assertEqual([(one["process"], one["outcome"]) for one in done], [("copier/0", "swapped"), ("copier/1", "swapped")])
        self.scale("copier=3")
        self.assertEqual([row["exec"] for row in self.rows("ps", "copier")], [second] * 3)
        self.assert_all_serve()
        self.assertIn("no node or broker 'copier/3' here", self.run_remuda("swap", "copier/3", expect=None).stderr)

    def test_an_interrupted_command_leaves_the_scaling_to_its_end(self):
        command = subprocess.Popen([BINARIES / "remuda", "scale", "copier=3"], cwd=self.folder, env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.until("it has begun", lambda: len(self.replicas("copier")) == 3)
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=PATIENCE)
        self.until("it has ended", lambda: self.run_remuda("scale", "copier=3", expect=None).returncode == 0)
        self.assert_all_serve()

    def test_several_nodes_are_scaled_by_one_command(self):
        done, _ = self.scale("copier=3", "feeder=2")
        self.assertEqual([(one["node"], one["before"], one["replicas"]) for one in done], [("copier", 1, 3), ("feeder", 1, 2)])
        told = self.run_remuda("scale", "copier=1", "feeder=2").stdout
        self.assertRegex(told, r"copier  from 3 to 1 replica in \d+ ms\nfeeder  has 2 replicas\n")
        self.assert_all_serve(1)

    def test_everything_ends_with_down(self):
        self.scale("copier=3")
        self.run_remuda("scale", "copier=2")
        pids = [row["pid"] for row in self.rows("ps")]
        self.assertEqual(len(pids), 4)
        self.assertIn("4 processes stopped", self.run_remuda("down").stdout)
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
