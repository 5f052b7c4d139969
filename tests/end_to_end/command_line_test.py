"""The `remuda` command from outside: what people type, what they see, and what is left when it ends.

Usage: command_line_test.py FOLDER_OF_BINARIES [test...]
"""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import fcntl
import subprocess
import sys
import tempfile
import termios
import time
import threading
import unittest

BINARIES = pathlib.Path(sys.argv[1]).resolve()
PATIENCE = 60  # seconds: far more than anything here takes, so that a slow machine fails no test

RIDES = """
schema = 1
name = "NAME"
[brokers.main]
[topics.completed]
broker = "main"
[queues.work]
broker = "main"
visibility_timeout = "1s"
dead_letter = { queue = "dead", max_receives = 2 }
[queues.long-rides]
from = "completed"
filter = { distance = [{ numeric = [">=", 20] }] }
[queues.dead]
broker = "main"
[queues.shown]
broker = "main"
[nodes.printer]
exec = "printer"
replicas = 2
ports = { messages = "shown" }
"""

# A node that is a script: it can be anything but ready. `--describe` must work for `check`.
SCRIPT = """#!/bin/sh
if [ "$1" = --describe ]; then
  echo '{"name":"script","version":"1","summary":"","ports":[],"parameters":[],"open_request_ports":false}'
  exit 0
fi
"""

SCRIPT_TOPOLOGY = """
schema = 1
name = "NAME"
[nodes.script]
exec = "./script"
stop_grace = "10m"
restart = { policy = "on-failure", delay = "10ms", max_delay = "20ms", max_restarts = 2, window = "10m" }
"""


def ended_within(pid, seconds=PATIENCE):
    """Waits on the process itself, also when it is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


class Story(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="remuda-e2e-", dir="/tmp"))
        (self.folder / "run").mkdir(mode=0o700)
        self.name = f"rides-{os.getpid()}"
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder / "run"), "TERM": "xterm"}
        self.environment.pop("NO_COLOR", None)
        self.environment.pop("REMUDA_PATH", None)

    def tearDown(self):
        for row in self.rows("ps", expect=None):
            self.run_remuda("down", "--now", "--topology", row["topology"], expect=None)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the vocabulary

    def launch_file(self, text, name=None, file="rides.toml"):
        path = self.folder / file
        path.write_text(text.replace("NAME", name or self.name))
        return path

    def script(self, body):
        path = self.folder / "script"
        path.write_text(SCRIPT + body)
        path.chmod(0o755)

    def run_remuda(self, *words, expect=0, input=None, **environment):
        done = subprocess.run([BINARIES / "remuda", *map(str, words)], cwd=self.folder, env={**self.environment, **environment},
                              input=input or "", capture_output=True, text=True, timeout=PATIENCE)
        if expect is not None:
            self.assertEqual(done.returncode, expect, f"remuda {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done

    def rows(self, *words, expect=0):
        return [json.loads(line) for line in self.run_remuda(*words, "--json", expect=expect).stdout.splitlines()]

    def up(self, text=RIDES, **names):
        return self.run_remuda("up", self.launch_file(text, **names), "--wait", "--timeout", f"{PATIENCE}s")

    def process(self, node, replica=0):
        return next(row for row in self.rows("ps") if (row["node"], row["replica"]) == (node, replica))

    def until(self, what, condition):
        """Asks again and again; each question runs a process, which is pause enough."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
        self.fail(f"not within {PATIENCE} s: {what}")

    def on_terminal(self, *words, columns=80, **environment):
        return Terminal([BINARIES / "remuda", *map(str, words)], self.folder, {**self.environment, **environment}, columns)


class Terminal:
    """A command on a pseudo-terminal, as a person has it."""

    def __init__(self, words, folder, environment, columns):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(words, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.shown = ""

    def read_until(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.shown):
            if not self._read(deadline):
                raise AssertionError(f"never saw {pattern!r} in:\n{self.shown}")
        return self.shown

    def type(self, text):
        os.write(self.master, text.encode())

    def finish(self):
        """The exit code; everything it showed is in `shown`."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        code = self.process.wait(PATIENCE)
        os.close(self.master)
        return code

    def _read(self, deadline):
        if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
        try:
            piece = os.read(self.master, 65536)
        except OSError:  # the other side of the terminal is closed
            return False
        self.shown += piece.decode(errors="replace")
        return bool(piece)


def without_colours(text):
    return re.sub(r"\x1b\[[0-9;]*[mK]", "", text)


class StartingAndStopping(Story):
    def test_up_waits_until_all_is_ready_and_down_leaves_nothing(self):
        started = self.up()
        self.assertIn("all ready", started.stderr)
        rows = self.rows("ps")
        self.assertEqual([(r["node"], r["replica"], r["state"]) for r in rows],
                         [("main", 0, "ready"), ("printer", 0, "ready"), ("printer", 1, "ready")])
        for field in ("topology", "node", "replica", "host", "kind", "state", "pid", "restarts", "uptime_s", "exec", "last_exit"):
            self.assertIn(field, rows[0])
        self.assertEqual([r["kind"] for r in rows], ["broker", "node", "node"])
        self.run_remuda("down")
        for row in rows:
            self.assertFalse(pathlib.Path(f"/proc/{row['pid']}").exists(), row)
        self.assertEqual(self.run_remuda("ps").stdout, "")

    def test_data_stays_across_down_and_up(self):
        self.up()
        self.run_remuda("queue", "send", "work", '{"ride": 1}')
        self.run_remuda("down")
        self.up()
        self.assertEqual(self.rows("queue", "peek", "work")[0]["body"], {"ride": 1})

    def test_a_second_up_of_the_same_name_is_refused_with_what_to_do(self):
        self.up()
        refused = self.run_remuda("up", self.folder / "rides.toml", "-d", expect=1)
        self.assertIn("runs already", refused.stderr)
        self.assertIn("remuda down", refused.stderr)
        self.assertIn("remuda apply", refused.stderr)
        self.assertEqual(len(self.rows("ps")), 3)

    def test_two_topologies_run_side_by_side_and_are_told_apart(self):
        self.up()
        self.up(name=self.name + "-b", file="other.toml")
        unclear = self.run_remuda("queue", "ls", expect=2)
        self.assertIn("--topology", unclear.stderr)
        self.run_remuda("down", "--topology", self.name + "-b")
        self.assertEqual({row["topology"] for row in self.rows("ps")}, {self.name})

    def test_a_node_is_stopped_started_and_restarted_alone(self):
        self.up()
        broker = self.process("main")["pid"]
        self.run_remuda("stop", "printer/1")
        self.assertEqual(self.process("printer", 1)["state"], "stopped")
        self.assertIsNone(self.process("printer", 1)["pid"])
        self.run_remuda("start", "printer")
        before = self.process("printer", 1)
        self.assertEqual(before["state"], "ready")
        self.run_remuda("restart", "printer/1")
        after = self.process("printer", 1)
        self.assertNotEqual(after["pid"], before["pid"])
        self.assertEqual(after["restarts"], 0)
        self.assertEqual(self.process("main")["pid"], broker)
        mistyped = self.run_remuda("stop", "prnter", expect=2)
        self.assertIn("did you mean 'printer'?", mistyped.stderr)

    def test_a_killed_node_and_a_killed_broker_come_back(self):
        self.up()
        self.run_remuda("queue", "send", "work", '{"ride": 1}')
        for node in ("printer", "main"):
            pid = self.process(node)["pid"]
            os.kill(pid, signal.SIGKILL)
            row = self.until(f"{node} runs again",
                             lambda: next((r for r in self.rows("ps") if r["node"] == node and r["replica"] == 0
                                           and r["state"] == "ready" and r["pid"] != pid), None))
            self.assertEqual((row["restarts"], row["last_exit"]), (1, "SIGKILL"))
        self.assertEqual(len(self.rows("queue", "peek", "work")), 1)

    def test_a_node_that_keeps_dying_is_held_and_the_reason_is_shown(self):
        self.script("echo 'no such table: rides' >&2; exit 3\n")
        failed = self.run_remuda("up", self.launch_file(SCRIPT_TOPOLOGY), "--wait", expect=1)
        self.assertIn("no such table: rides", failed.stderr)
        self.assertIn("remuda logs script", failed.stderr)
        row = self.process("script")
        self.assertEqual((row["state"], row["last_exit"], row["restarts"]), ("failed", "exit 3", 2))
        self.assertIn("no such table: rides", row["why"])

    def test_waiting_ends_in_time_when_something_never_gets_ready(self):
        self.script("exec tail -f /dev/null\n")
        late = self.run_remuda("up", self.launch_file(SCRIPT_TOPOLOGY), "--wait", "--timeout", "300ms", expect=5)
        self.assertIn("next:", late.stderr)
        self.assertEqual(self.process("script")["state"], "starting")

    def test_nothing_outlives_a_supervisor_that_is_killed(self):
        self.script("trap '' TERM INT HUP; tail -f /dev/null & wait; wait\n")
        self.run_remuda("up", self.launch_file(SCRIPT_TOPOLOGY, name=self.name + "-deaf", file="deaf.toml"), "-d")
        self.up()
        pids = [row["pid"] for row in self.rows("ps") if row["pid"]]
        self.assertEqual(len(pids), 4)
        for registered in (self.folder / "run" / "remuda").glob("*.json"):
            os.kill(json.loads(registered.read_text())["pid"], signal.SIGKILL)
        for pid in pids:
            self.assertTrue(ended_within(pid), pid)
        self.assertEqual(self.rows("ps"), [])
        self.up()  # the name is free again

    def test_a_dry_run_shows_command_lines_and_starts_nothing(self):
        shown = self.run_remuda("up", self.launch_file(RIDES), "--dry-run").stdout
        self.assertIn("--port", shown)
        self.assertIn("ipc://@remuda/", shown)
        self.assertEqual(self.rows("ps"), [])
        self.assertFalse((self.folder / ".remuda").exists())


class WrongInput(Story):
    def test_a_wrong_file_starts_nothing_and_is_exit_code_2(self):
        wrong = self.launch_file(RIDES.replace('messages = "shown"', 'message = "shwn"'))
        for verb in (["check"], ["config"], ["graph"], ["up"], ["up", "-d"], ["up", "--wait"]):
            told = self.run_remuda(verb[0], wrong, *verb[1:], expect=2)
            self.assertRegex(told.stderr, r"rides\.toml:\d+:\d+: error\[T\d+\]: ")
        self.assertEqual(self.rows("ps"), [])

    def test_check_reads_several_files_and_speaks_json(self):
        good = self.launch_file(RIDES)
        bad = self.launch_file("schema = 1\nnme = 'x'\n", file="bad.toml")
        self.run_remuda("check", good)
        told = self.run_remuda("check", good, bad, "--json", expect=2).stdout
        self.assertTrue(all("code" in json.loads(line) for line in told.splitlines()))

    def test_missing_files_and_wrong_usage_are_exit_code_2(self):
        self.assertIn("missing.toml", self.run_remuda("check", "missing.toml", expect=2).stderr)
        self.assertIn("did you mean 'restart'?", self.run_remuda("restrat", expect=2).stderr)
        self.assertIn("NAME=VALUE", self.run_remuda("up", self.launch_file(RIDES), "--set", "x", expect=2).stderr)

    def test_without_a_topology_every_verb_says_what_to_type(self):
        for words in (["queue", "ls"], ["down"], ["stop"], ["topic", "ls"], ["call", "x", "{}"]):
            told = self.run_remuda(*words, expect=4)
            self.assertIn("next: remuda", told.stderr)


class Queues(Story):
    def test_a_message_is_sent_received_and_received_again_when_nobody_deletes_it(self):
        self.up()
        identity = self.run_remuda("queue", "send", "work", '{"fare": 52.5}', "-a", "source=app").stdout.strip()
        first = self.rows("queue", "receive", "work")
        self.assertEqual([(m["id"], m["body"], m["receive_count"]) for m in first], [(identity, {"fare": 52.5}, 1)])
        self.assertEqual(first[0]["attributes"]["source"], {"Type": "String", "Value": "app"})
        second = self.rows("queue", "receive", "work", "--wait", "30s", "--delete")
        self.assertEqual([(m["id"], m["receive_count"]) for m in second], [(identity, 2)])
        self.assertEqual(self.rows("queue", "receive", "work"), [])

    def test_a_dead_letter_is_seen_with_its_origin_and_goes_back_when_it_is_redriven(self):
        self.up()
        self.run_remuda("queue", "send", "work", '{"fare": 1}', '{"fare": 60}', "--id", "ride-1")
        for _ in range(2):
            self.until("both are received", lambda: len(self.rows("queue", "receive", "work", "-n", "10", "--wait", "30s")) == 2)
        self.until("both are dead letters", lambda: self.rows("queue", "receive", "work") == [] and
                   next(q for q in self.rows("queue", "ls") if q["queue"] == "dead")["visible"] == 2)
        before = self.rows("queue", "peek", "dead")
        self.assertEqual(before, self.rows("queue", "peek", "dead"))  # looking changes nothing
        for field in ("id", "body", "attributes", "group_id", "receive_count", "origin_queue", "reason", "attempts"):
            self.assertIn(field, before[0])
        self.assertEqual(before[0]["origin_queue"], "work")
        policy = '{"fare": [{"numeric": [">=", 50]}]}'
        would = self.run_remuda("queue", "redrive", "dead", "--filter", policy, "--dry-run").stdout
        self.assertIn("would move 1 message ", would)
        self.run_remuda("queue", "redrive", "dead", "--filter", policy, expect=2)  # nobody can be asked
        self.run_remuda("queue", "redrive", "dead", "--filter", policy, "--yes")
        self.assertEqual([m["body"] for m in self.rows("queue", "receive", "work")], [{"fare": 60}])
        self.assertEqual([m["body"] for m in self.rows("queue", "peek", "dead")], [{"fare": 1}])

    def depth(self, queue):
        row = next(row for row in self.rows("queue", "ls") if row["queue"] == queue)
        return {"stored": row["visible"], "in flight": row["in_flight"], "deleted": row["deleted"]}

    def test_a_fast_consumer_has_the_message_alone_and_acknowledges_it(self):
        """The timeline of MISSION P17: stored, in flight, deleted; a second consumer receives nothing meanwhile."""
        self.up()
        self.run_remuda("queue", "send", "work", '"A"')
        self.assertEqual(self.depth("work"), {"stored": 1, "in flight": 0, "deleted": 0})
        first, = self.rows("queue", "receive", "work", "--visibility-timeout", "10m")
        self.assertEqual((first["body"], first["receive_count"]), ("A", 1))
        self.assertEqual(self.depth("work"), {"stored": 0, "in flight": 1, "deleted": 0})
        self.assertEqual(self.rows("queue", "receive", "work"), [])
        self.run_remuda("queue", "delete-message", "work", first["receipt_handle"])
        self.assertEqual(self.depth("work"), {"stored": 0, "in flight": 0, "deleted": 1})
        self.assertEqual(self.rows("queue", "receive", "work"), [])

    def test_a_slow_consumer_loses_the_message_to_the_next_and_its_late_acknowledgement_changes_nothing(self):
        """The timeline of MISSION P18: stored, in flight, stored, in flight again at a second consumer."""
        self.up()
        self.run_remuda("queue", "send", "work", '"A"')
        first, = self.rows("queue", "receive", "work", "--visibility-timeout", "5s")
        self.assertEqual(self.depth("work"), {"stored": 0, "in flight": 1, "deleted": 0})
        self.assertEqual(self.rows("queue", "receive", "work"), [])
        second, = self.rows("queue", "receive", "work", "--wait", "30s", "--visibility-timeout", "10m")
        self.assertGreaterEqual(time.time() * 1000, first["first_received_ms"] + 5000)
        self.assertEqual((second["id"], second["receive_count"]), (first["id"], 2))
        self.assertNotEqual(second["receipt_handle"], first["receipt_handle"])
        late = self.run_remuda("queue", "delete-message", "work", first["receipt_handle"], expect=1)
        self.assertIn("stale_handle", late.stderr)
        self.assertEqual(self.depth("work"), {"stored": 0, "in flight": 1, "deleted": 0})
        self.run_remuda("queue", "delete-message", "work", second["receipt_handle"])
        self.assertEqual(self.depth("work"), {"stored": 0, "in flight": 0, "deleted": 1})

    def test_what_is_no_receipt_handle_is_wrong_usage(self):
        self.up()
        self.assertIn("is not a receipt handle", self.run_remuda("queue", "delete-message", "work", "xyz", expect=2).stderr)

    def test_purge_asks_on_a_terminal(self):
        self.up()
        self.run_remuda("queue", "send", "work", input='{"n": 1}\n{"n": 2}\n')
        for answer, left in (("n\r", 2), ("y\r", 0)):
            terminal = self.on_terminal("queue", "purge", "work")
            self.assertIn("delete 2 messages from work for ever", terminal.read_until(r"\[y/N\]"))
            terminal.type(answer)
            terminal.finish()
            self.assertEqual(len(self.rows("queue", "peek", "work")), left)

    def test_publishing_reaches_the_queues_whose_filter_matches(self):
        self.up()
        self.assertIn("stored once", self.run_remuda("topic", "pub", "completed", '{"distance": 20}').stdout)
        self.assertIn("stored 0 times", self.run_remuda("topic", "pub", "completed", '{"distance": 19.999}').stdout)
        self.assertEqual([m["body"] for m in self.rows("queue", "peek", "long-rides")], [{"distance": 20}])
        self.assertEqual([t["topic"] for t in self.rows("topic", "ls")], ["completed"])

    def test_ls_has_the_fields_that_scripts_rely_on(self):
        self.up()
        self.run_remuda("queue", "send", "work", "{}")
        row = next(q for q in self.rows("queue", "ls") if q["queue"] == "work")
        for field in ("queue", "broker", "from", "visible", "in_flight", "delayed", "oldest_age_s", "sent", "received", "deleted",
                      "dead_lettered", "dead_letter_queue"):
            self.assertIn(field, row)
        self.assertEqual((row["visible"], row["dead_letter_queue"], row["broker"]), (1, "dead", "main"))
        self.assertIn("did you mean 'work'?", self.run_remuda("queue", "info", "wrok", expect=2).stderr)


EVERY_KIND = """
schema = 1
name = "NAME"
[brokers.main]
[topics.on-broker]
broker = "main"
[topics.direct]
[queues.kept]
from = "on-broker"
[queues.quiet]
broker = "main"
[streams.past]
partitions = 2
[pipes.tube]
[requests.asked]
[nodes.reader]
exec = "printer"
ports = { messages = ["on-broker", "direct", "kept", "past", "tube", "asked"] }
[nodes.publisher]
exec = "completed_rides"
ports = { submit = "submit", completed = "direct" }
[requests.submit]
"""


class EveryKind(Story):
    """echo, pub and hz on every kind of channel."""

    def test_messages_are_put_into_every_kind_of_channel_that_takes_them_from_outside(self):
        self.up(EVERY_KIND)
        for channel, what in (("on-broker", "stored once"), ("quiet", "stored"), ("past", "appended"), ("tube", "handed over"), ("asked", "handled")):
            said = self.run_remuda("topic", "pub", channel, json.dumps({"to": channel}), "--id", f"id-{channel}").stdout
            self.assertEqual(said.strip(), f"id-{channel}  {what}")
        refused = self.run_remuda("topic", "pub", "direct", "{}", expect=2).stderr
        self.assertIn("only the nodes wired to it can publish there", refused)
        self.until("the reader has printed each", lambda: all(
            f'"to":"{channel}"' in self.run_remuda("logs", "reader").stdout for channel in ("on-broker", "past", "tube", "asked")))
        self.assertEqual(self.run_remuda("topic", "pub", "on-broker", input="{}\n{}\n").stdout.count("stored once"), 2)

    def test_what_travels_is_shown_where_anybody_may_listen(self):
        self.up(EVERY_KIND)
        self.run_remuda("topic", "pub", "quiet", '{"n": 1}', '{"n": 2}')
        shown = self.rows("topic", "echo", "quiet", "-n", "2", "--timeout", "30s")
        self.assertEqual([message["body"] for message in shown], [{"n": 1}, {"n": 2}])
        self.assertEqual([m["body"] for m in self.rows("topic", "echo", "quiet", "-n", "1", "--filter", '{"n": [2]}')], [{"n": 2}])
        self.assertEqual(self.rows("queue", "ls")[0]["in_flight"], 0)
        self.run_remuda("topic", "echo", "quiet", "-n", "3", "--timeout", "10ms", expect=5)
        self.run_remuda("topic", "echo", "direct", "-n", "1", "--timeout", "10ms", expect=5)
        for channel in ("tube", "asked"):
            said = self.run_remuda("topic", "echo", channel, expect=2).stderr
            self.assertIn("between two nodes", said)
            self.assertIn(f"remuda topic hz {channel}", said)
        self.run_remuda("topic", "echo", "on-broker", "--filter", "[]", expect=2)

    def test_a_stream_is_shown_from_now_on(self):
        self.up(EVERY_KIND)
        self.run_remuda("topic", "pub", "past", '{"n": 1}')
        shown = []
        listening = threading.Thread(target=lambda: shown.extend(self.rows("topic", "echo", "past", "-n", "2", "--timeout", "60s", "--filter", '{"n": [2, 3]}')))
        listening.start()
        while listening.is_alive():
            self.run_remuda("topic", "pub", "past", '{"n": 2}', '{"n": 3}', '{"n": 4}')
        self.assertEqual({message["body"]["n"] for message in shown} - {2, 3}, set())

    def test_rates_are_counted_on_every_kind(self):
        self.up(EVERY_KIND)
        for channel in ("on-broker", "kept", "quiet", "past", "tube", "asked"):
            rows = []
            counting = threading.Thread(target=lambda name=channel: rows.extend(self.rows("topic", "hz", name, "-n", "3", "--window", "1s")))
            counting.start()
            while counting.is_alive():
                self.run_remuda("topic", "pub", "on-broker" if channel == "kept" else channel, "{}", "{}", "{}")
            self.assertGreater(sum(row["messages"] for row in rows), 0, channel)
        row = self.rows("topic", "hz", "direct", "-n", "1", "--window", "10ms")[0]
        self.assertEqual((row["kind"], row["messages"]), ("pubsub", 0))
        self.run_remuda("topic", "hz", "nowhere", "-n", "1", expect=2)


class RunTime(Story):
    """Queues and topics that come, change and go while everything runs."""

    def queue(self, name):
        return self.rows("queue", "info", name)[0]

    def names(self):
        return {row["queue"] for row in self.rows("queue", "ls")}

    def bodies(self, queue):
        return [message["body"] for message in self.rows("queue", "peek", queue, "-n", "100")]

    def test_a_queue_is_made_changed_and_deleted(self):
        self.up()
        made = self.run_remuda("queue", "create", "extra", "--delay", "1s", "--max-receives", "3", "--tag", "team=rides").stdout
        self.assertIn('+ delay = "1s"', made)
        self.assertEqual((self.queue("extra")["delay_ms"], self.queue("extra")["dead_letter_queue"]), (1000, "extra-dlq"))
        self.assertEqual(self.queue("extra")["tags"], {"team": "rides"})
        self.assertIn("already", self.run_remuda("queue", "create", "extra", expect=1).stderr)
        would = self.run_remuda("queue", "set", "extra", "--delay", "0", "--visibility-timeout", "5s", "--dry-run").stdout
        self.assertIn('visibility_timeout "30s" -> "5s"', would)
        self.assertEqual(self.queue("extra")["delay_ms"], 1000)
        self.run_remuda("queue", "set", "extra", "--delay", "0", "--visibility-timeout", "5s", "--tag", "team=")
        changed = self.queue("extra")
        self.assertEqual((changed["delay_ms"], changed["visibility_timeout_ms"], changed["tags"]), (0, 5000, {}))
        self.assertIn("nothing to change", self.run_remuda("queue", "set", "extra", "--delay", "0").stdout)
        self.run_remuda("queue", "send", "extra", '"A"')
        self.assertIn("holds 1 message", self.run_remuda("queue", "delete", "extra", "--yes", expect=1).stderr)
        self.assertIn("--force", self.run_remuda("queue", "delete", "extra", "--dry-run").stdout)
        self.run_remuda("queue", "delete", "extra", "--force", expect=2)  # nobody can be asked
        self.run_remuda("queue", "delete", "extra", "--force", "--yes")
        self.assertNotIn("extra", self.names())

    def test_wrong_settings_are_wrong_usage_and_change_nothing(self):
        self.up()
        for words in (["--group-by", "group_id"], ["--dead-letter", "dead"], ["--filter", "{}"], ["--tag", "team"],
                      ["--max-message-size", "much"]):
            self.run_remuda("queue", "create", "extra", *words, expect=2)
        self.run_remuda("queue", "create", "extra", "--delay", "16m", expect=2)
        self.run_remuda("queue", "create", "extra", "--from", "no-such-topic", expect=2)
        self.assertNotIn("extra", self.names())

    def test_what_is_changed_by_hand_stays_when_the_broker_restarts(self):
        self.up()
        told = self.run_remuda("queue", "set", "long-rides", "--filter", '{"distance": [{"numeric": [">=", 5]}]}').stderr
        self.assertIn("remuda apply", told)  # the launch file says otherwise
        self.run_remuda("queue", "create", "extra", "--from", "completed")
        self.run_remuda("queue", "delete", "dead", "--yes", expect=1)  # dead letters of work go there
        self.run_remuda("queue", "set", "work", "--dead-letter", "")
        self.run_remuda("queue", "delete", "dead", "--yes")
        self.run_remuda("restart", "main")
        self.assertIn("stored 2 times", self.run_remuda("topic", "pub", "completed", '{"distance": 6}').stdout)
        self.assertNotIn("dead", self.names())
        self.assertEqual(self.queue("work")["max_receives"], 0)

    def test_a_fifo_queue_keeps_order_in_each_group_and_passes_over_repeats(self):
        self.up()
        self.run_remuda("queue", "create", "ordered", "--fifo", "--group-by", "body.ride")
        for name, ride in (("A", 1), ("B", 2), ("C", 1), ("D", 2)):
            self.run_remuda("queue", "send", "ordered", json.dumps({"name": name, "ride": ride}), "--dedup-id", name)
        self.run_remuda("queue", "send", "ordered", '{"name": "A again", "ride": 1}', "--dedup-id", "A")
        self.assertEqual(len(self.bodies("ordered")), 4)
        first, = self.rows("queue", "receive", "ordered", "--attempt-id", "one")
        again, = self.rows("queue", "receive", "ordered", "--attempt-id", "one")
        self.assertEqual((first["body"]["name"], first["receipt_handle"]), ("A", again["receipt_handle"]))
        second, = self.rows("queue", "receive", "ordered")
        self.assertEqual(second["body"]["name"], "B")
        self.assertEqual(self.rows("queue", "receive", "ordered"), [])  # C waits for A, D for B
        self.run_remuda("queue", "delete-message", "ordered", second["receipt_handle"])
        third, = self.rows("queue", "receive", "ordered")
        self.assertEqual(third["body"]["name"], "D")

    def test_a_fifo_topic_hands_its_queue_one_order(self):
        self.up()
        self.run_remuda("topic", "create", "ordered-rides", "--fifo", "--dedup-by", "content")
        self.run_remuda("queue", "create", "ordered", "--fifo", "--from", "ordered-rides", "--group-by", "body.ride")
        for name in ("A", "B", "A"):
            self.run_remuda("topic", "pub", "ordered-rides", json.dumps({"name": name, "ride": 1}))
        self.assertEqual([body["name"] for body in self.bodies("ordered")], ["A", "B"])
        would = self.run_remuda("topic", "delete", "ordered-rides", "--dry-run").stdout
        self.assertIn("nothing feeds ordered", would)
        self.run_remuda("topic", "delete", "ordered-rides", "--yes")
        self.assertEqual(self.queue("ordered")["from"], "")
        self.assertEqual(len(self.bodies("ordered")), 2)

    def test_a_delayed_message_is_hidden_at_first(self):
        self.up()
        self.run_remuda("queue", "send", "work", '"A"', "--delay", "10m")
        self.assertEqual(self.rows("queue", "receive", "work"), [])
        self.assertEqual(self.queue("work")["delayed"], 1)

    def test_messages_move_at_a_rate_and_the_move_can_be_ended(self):
        self.up()
        self.run_remuda("queue", "send", "work", input="".join(f'{{"n": {n}}}\n' for n in range(200)))
        self.assertIn("would move 200 messages", self.run_remuda("queue", "move", "work", "dead", "--dry-run").stdout)
        self.run_remuda("queue", "move", "work", "dead", "--rate", "1", "--detach", "--yes")
        move = next(row for row in self.rows("queue", "moves") if row["status"] == "running")
        self.assertEqual((move["queue"], move["to"], move["rate"]), ("work", "dead", 1))
        self.run_remuda("queue", "cancel-move", "work")
        self.assertEqual([row["status"] for row in self.rows("queue", "moves")], ["cancelled"])
        self.assertIn("nothing is being moved", self.run_remuda("queue", "cancel-move", "work", expect=1).stderr)
        left = len(self.rows("queue", "peek", "work", "-n", "1000"))
        self.assertGreater(left, 0)
        self.run_remuda("queue", "move", "work", "dead", "--filter", '{"n": [199]}', "--yes")
        self.assertIn({"n": 199}, self.bodies("dead"))
        self.assertIn("moved", self.run_remuda("queue", "move", "work", "dead", "--yes").stdout)
        self.assertEqual(self.queue("dead")["visible"], 200)


STREAMS = """
schema = 1
name = "NAME"
[brokers.main]
[topics.completed]
broker = "main"
[streams.lake]
from = "completed"
filter = { distance = [{ numeric = [">=", 20] }] }
partitions = 2
partition_by = "body.customer"
retention = "7d"
[nodes.printer]
exec = "printer"
ports = { messages = { channel = "lake", group = "analysts" } }
"""


class Streams(Story):
    def publish(self, *distances):
        for distance in distances:
            self.run_remuda("topic", "pub", "completed", json.dumps({"distance": distance, "customer": "c"}))

    def read(self, *words, expect=0):
        return [row["body"]["distance"] for row in self.rows("stream", "read", "lake", *words, expect=expect)]

    def test_it_is_listed_with_what_it_keeps_and_how_far_its_groups_are(self):
        self.up(STREAMS)
        self.publish(20, 19, 30)

        def caught_up():
            (row,) = self.rows("stream", "ls")
            return row["groups"] and row["groups"][0]["behind"] == 0 and row["records"] == 2
        self.until("the reader has confirmed both", caught_up)
        (row,) = self.rows("stream", "ls")
        self.assertEqual((row["stream"], row["broker"], row["from"], row["appended"]), ("lake", "main", "completed", 2))
        info = self.run_remuda("stream", "info", "lake").stdout
        for line in ("retention               7d", "group analysts          0 behind", "partition 1             offsets"):
            self.assertIn(line, info)
        self.assertIn("analysts", self.run_remuda("stream", "ls").stdout)
        self.assertIn("did you mean 'lake'?", self.run_remuda("stream", "info", "lak", expect=2).stderr)

    def test_it_is_read_again_from_any_position(self):
        self.up(STREAMS)
        self.publish(21, 22, 23)
        self.assertEqual(self.read(), [21, 22, 23])
        self.assertEqual(self.read("-n", "2"), [21, 22])
        partition = self.rows("stream", "read", "lake")[0]["partition"]
        self.assertEqual(self.read("--partition", partition, "--offset", "1"), [22, 23])
        self.assertEqual(self.read("--time", "10m"), [21, 22, 23])
        self.assertEqual(self.read("--time", "2100-01-01T00:00:00Z"), [])
        self.assertEqual(self.read("--from", "latest"), [])
        self.run_remuda("stream", "read", "lake", "--time", "yesterday", expect=2)
        self.run_remuda("stream", "read", "lake", "--partition", "2", expect=2)
        self.run_remuda("stream", "read", "lake", "--follow", "-n", "4", "--timeout", "10ms", expect=5)

    def test_following_goes_on_with_what_comes(self):
        self.up(STREAMS)
        self.publish(21)
        read = []
        following = threading.Thread(target=lambda: read.extend(self.read("--follow", "-n", "2", "--timeout", "60s")))
        following.start()
        while following.is_alive():
            self.publish(22)
        self.assertEqual(read, [21, 22])

    def test_an_applied_file_makes_changes_and_removes_streams(self):
        self.up(STREAMS)
        self.publish(21)
        apply = lambda text, *words, expect=0: self.run_remuda("apply", self.launch_file(text), *words, expect=expect)  # noqa: E731
        self.assertIn("as the file says", apply(STREAMS).stdout)
        more = STREAMS.replace('"7d"', '"8d"') + '[streams.more]\nmax_receives = 3\n'
        would = apply(more, "--dry-run").stdout
        for line in ("~ stream lake", 'retention "7d" -> "8d"', "+ stream more", "+ queue more-dlq"):
            self.assertIn(line, would)
        apply(more)
        self.run_remuda("restart", "main")
        self.assertIn("as the file says", apply(more).stdout)
        wider = more.replace("partitions = 2", "partitions = 4")
        self.assertIn("loses 1 record", apply(wider, expect=1).stdout)
        apply(wider, "--force", "--yes")
        self.assertEqual(len(self.rows("stream", "ls")[0]["partitions"]), 4)
        apply(STREAMS.replace("partitions = 2", "partitions = 4"), "--yes")
        self.assertEqual([row["stream"] for row in self.rows("stream", "ls")], ["lake"])


class Apply(Story):
    """A changed launch file, made true without restarting anything."""

    MORE = """
[queues.ordered]
from = "completed"
fifo = { group_by = "body.customer" }
[queues.noted]
broker = "main"
tags = { team = "rides" }
"""

    def apply(self, text, *words, expect=0):
        return self.run_remuda("apply", self.launch_file(text), *words, expect=expect)

    def queues(self):
        return {row["queue"]: row for row in self.rows("queue", "ls")}

    def test_an_unchanged_file_changes_nothing(self):
        self.up()
        self.assertIn("as the file says", self.apply(RIDES).stdout)

    def test_queues_and_filters_are_made_changed_and_removed_under_running_nodes(self):
        self.up()
        before = self.process("main")["pid"]
        changed = RIDES.replace("20] }] }", "5] }] }").replace('visibility_timeout = "1s"', 'visibility_timeout = "2s"') + self.MORE
        would = self.apply(changed, "--dry-run").stdout
        for line in ("+ queue ordered", "~ queue long-rides", '      visibility_timeout "1s" -> "2s"', "+ queue noted"):
            self.assertIn(line, would)
        self.assertNotIn("ordered", self.queues())
        self.apply(changed)
        self.assertEqual(self.process("main")["pid"], before)
        self.assertIn("stored 2 times", self.run_remuda("topic", "pub", "completed", '{"distance": 6, "customer": "c"}').stdout)
        self.assertEqual(self.queues()["work"]["visibility_timeout_ms"], 2000)
        self.assertTrue(self.queues()["ordered"]["fifo"])
        self.run_remuda("restart", "main")  # what was applied is what it starts with
        self.assertIn("as the file says", self.apply(changed).stdout)

        # Back again: ordered holds a message, noted does not.
        refused = self.apply(RIDES, expect=1)
        self.assertIn("loses 1 message", refused.stdout)
        self.assertIn("ordered", refused.stderr)
        self.assertIn("noted", self.queues())
        self.apply(RIDES, "--force", expect=2)  # nobody can be asked
        self.apply(RIDES, "--force", "--yes")
        self.assertEqual(set(self.queues()), {"work", "long-rides", "dead", "shown"})
        self.run_remuda("restart", "main")
        self.assertEqual(set(self.queues()), {"work", "long-rides", "dead", "shown"})

    def test_another_kind_of_queue_is_made_anew_and_only_when_it_is_empty_or_forced(self):
        self.up()
        fifo = RIDES.replace("[queues.long-rides]", "[queues.long-rides]\nfifo = true")
        self.run_remuda("topic", "pub", "completed", '{"distance": 20}')
        self.assertIn("loses 1 message", self.apply(fifo, expect=1).stdout)
        self.run_remuda("queue", "purge", "long-rides", "--yes")
        self.apply(fifo, "--yes")
        self.assertTrue(self.queues()["long-rides"]["fifo"])

    def test_what_was_made_by_hand_is_left_alone(self):
        self.up()
        self.run_remuda("queue", "create", "by-hand")
        self.assertIn("as the file says", self.apply(RIDES).stdout)
        self.assertIn("by-hand", self.queues())

    def test_changes_of_nodes_are_told_and_not_made(self):
        self.up()
        told = self.apply(RIDES.replace("replicas = 2", "replicas = 3")).stderr
        self.assertIn("change printer", told)
        self.assertIn("remuda up", told)
        self.assertEqual(len([row for row in self.rows("ps") if row["node"] == "printer"]), 2)

    def test_a_wrong_file_changes_nothing(self):
        self.up()
        self.apply(RIDES.replace("max_receives = 2", "max_receives = 0"), expect=2)

    def test_changes_as_json(self):
        self.up()
        rows = [json.loads(line) for line in self.apply(RIDES + self.MORE, "--dry-run", "--json").stdout.splitlines()]
        self.assertEqual([(row["change"], row["kind"], row["name"], row["loses"]) for row in rows],
                         [("create", "queue", "ordered", ""), ("create", "queue", "noted", "")])


class Looks(Story):
    def test_logs_are_kept_merged_filtered_and_readable_after_down(self):
        self.up()
        self.run_remuda("queue", "send", "shown", '{"ride": "r-77"}')
        self.until("a printer has shown it", lambda: "r-77" in self.run_remuda("logs", "--grep", "r-77").stdout)
        self.run_remuda("down")
        self.assertIn("r-77", self.run_remuda("logs", "printer", "--grep", "r-77").stdout)
        self.assertEqual(self.run_remuda("logs", "main", "--grep", "r-77").stdout, "")
        self.assertTrue(all(row["level"] in ("warning", "error") for row in self.rows("logs", "--level", "warning")))

    def test_following_shows_what_is_written_from_now_on(self):
        self.up()
        terminal = self.on_terminal("logs", "-f", "printer")
        self.run_remuda("queue", "send", "shown", '{"ride": "r-78"}')
        terminal.read_until("r-78")
        terminal.type("\x03")
        terminal.finish()

    def test_colours_are_for_terminals_only_and_NO_COLOR_is_honoured(self):
        self.up()
        for words in (["ps"], ["queue", "ls"], ["logs"]):
            self.assertNotIn("\x1b", self.run_remuda(*words).stdout)
            coloured = self.on_terminal(*words)
            self.assertEqual(coloured.finish(), 0)
            self.assertIn("\x1b[", coloured.shown)
            plain = self.on_terminal(*words, NO_COLOR="1")
            self.assertEqual(plain.finish(), 0)
            self.assertNotIn("\x1b", plain.shown)

    def test_tables_fit_eighty_columns(self):
        self.up(text=RIDES.replace("[nodes.printer]", "[nodes.a-node-with-quite-a-long-name-that-somebody-chose]"))
        self.run_remuda("queue", "send", "work", "{}")
        for words in (["ps"], ["queue", "ls"], ["topic", "ls"], ["queue", "peek", "work"]):
            terminal = self.on_terminal(*words)
            self.assertEqual(terminal.finish(), 0)
            for line in without_colours(terminal.shown).splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_ctrl_c_once_stops_in_order_and_says_so(self):
        terminal = self.on_terminal("up", self.launch_file(RIDES))
        terminal.read_until("all ready")
        pids = [row["pid"] for row in self.rows("ps")]
        terminal.type("\x03")
        self.assertEqual(terminal.finish(), 0)
        self.assertIn("Ctrl-C again ends everything at once", terminal.shown)
        for pid in pids:
            self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())

    def test_ctrl_c_twice_ends_at_once(self):
        self.script("trap '' TERM INT; echo deaf; tail -f /dev/null & wait; wait\n")
        terminal = self.on_terminal("up", self.launch_file(SCRIPT_TOPOLOGY))
        terminal.read_until("deaf")
        pid = self.until("its start is known", lambda: self.process("script")["pid"])
        terminal.type("\x03")
        terminal.read_until("Ctrl-C again")
        terminal.type("\x03")
        self.assertEqual(terminal.finish(), 130)
        self.assertTrue(ended_within(pid))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
