"""Keys from the first command to the revoked host: the command line makes them, a broker asks for them, clients of two kinds show them.

Usage: keys_test.py FOLDER_OF_BINARIES [test...]
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, message  # noqa: E402

BINARIES = pathlib.Path(sys.argv[1]).resolve()
DEFINITIONS = "[queues.rides]\n[queues.secrets]\n"


def run(*command, keys=None):
    environment = {name: value for name, value in os.environ.items() if name != "REMUDA_KEYS"}
    if keys is not None:
        environment["REMUDA_KEYS"] = keys
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def remuda(*arguments, keys=None):
    return run(BINARIES / "remuda", *arguments, keys=keys)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refused(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001: the client's own error type says the code in its text
        return str(error)
    return ""


class Keys(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="remuda-keys-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.keys = os.path.join(self.folder, "keys")
        code, out, err = remuda("keys", "init", "--keys", self.keys)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("REMUDA_KEYS=" + self.keys, out)

    def add(self, name, *options):
        path = os.path.join(self.folder, name)
        code, out, err = remuda("keys", "add-host", name, "--out", path, *options, keys=self.keys)
        self.assertEqual((code, err), (0, ""), out)
        return path

    def start(self):
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        broker = BrokerProcess(BINARIES / "remuda-broker", DEFINITIONS, ["--listen", self.endpoint, "--keys", self.keys])
        self.addCleanup(broker.remove)
        broker.start()

    def client(self, keys, timeout_s=10.0):
        client = Client(self.endpoint, keys=keys, timeout_s=timeout_s)
        self.addCleanup(client.close)
        return client

    def test_a_role_and_its_patterns_decide_what_a_client_may_do(self):
        node = self.add("depot", "--role", "node", "--on", "rides*")
        observer = self.add("screen", "--role", "observer")
        self.start()
        depot = self.client(node)
        depot.send("rides", [message("ride-1", b"body")])
        self.assertIn("may not touch 'secrets'", refused(lambda: depot.send("secrets", [message("x", b"")])))
        screen = self.client(observer)
        self.assertIn("which may not receive", refused(lambda: screen.receive("rides", 1)))
        received = depot.receive("rides", 1)
        self.assertEqual(len(received), 1)

    def test_commands_show_the_keys_of_their_machine(self):
        self.start()
        code, out, err = remuda("queue", "ls", "--json", "--broker", self.endpoint, keys=self.keys)
        self.assertEqual(code, 0, err)
        self.assertEqual({json.loads(line)["queue"] for line in out.splitlines()}, {"rides", "secrets"})
        code, out, err = remuda("queue", "ls", "--broker", self.endpoint)
        self.assertEqual((code, out), (4, ""), err)

    def test_a_revoked_host_is_out_within_five_seconds_and_a_rotated_one_is_back_with_its_new_key(self):
        path = self.add("depot", "--role", "node")
        self.start()
        depot = self.client(path, timeout_s=0.3)
        depot.send("rides", [message("ride-1", b"body")])
        began = time.monotonic()
        code, _, err = remuda("keys", "rotate", "depot", "--yes", "--out", path + "-new", keys=self.keys)
        self.assertEqual(code, 0, err)
        number = 1
        while not refused(lambda: depot.send("rides", [message(f"ride-{number}", b"body")])):
            number += 1
            self.assertLess(time.monotonic() - began, 5)
        print(f"a revoked key was out after {time.monotonic() - began:.2f} s", file=sys.stderr)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # the client's constructor fails, as it must
            self.assertNotEqual(refused(lambda: self.client(path, timeout_s=0.5)), "")
        self.client(path + "-new").send("rides", [message("ride-back", b"body")])
        code, out, _ = remuda("keys", "show", "--json", keys=self.keys)
        self.assertEqual([(one["name"], one["role"]) for one in map(json.loads, out.splitlines())],
                         [("local", "admin"), ("depot", "revoked"), ("depot", "node")])
        self.assertNotIn("secret", out)

    def test_beyond_this_machine_nothing_is_open_without_keys(self):
        data = os.path.join(self.folder, "data")
        code, _, err = run(BINARIES / "remuda-broker", "--listen", "tcp://0.0.0.0:5999", "--data", data)
        self.assertEqual(code, 2)
        self.assertIn("would be open to other machines without authentication; make keys with `remuda keys init", err)
        code, _, err = remuda("queue", "ls", "--broker", "tcp://192.0.2.1:5550")
        self.assertNotEqual(code, 0)
        self.assertIn("remuda keys add-host", err)

    def test_a_machine_that_only_connects_runs_queue_nodes_of_its_own(self):
        path = self.add("depot")
        broker = BrokerProcess(BINARIES / "remuda-broker", DEFINITIONS, wrapper=["env", "REMUDA_KEYS=" + path])
        self.addCleanup(broker.remove)
        broker.start()
        client = Client(broker.endpoint)
        self.addCleanup(client.close)
        client.send("rides", [message("ride-1", b"body")])
        code, _, err = run(BINARIES / "remuda-broker", "--listen", "tcp://0.0.0.0:5999", "--data", self.folder + "/data", keys=path)
        self.assertEqual(code, 2)
        self.assertIn("would be open to other machines", err)

    def test_keys_that_others_could_read_are_refused(self):
        os.chmod(os.path.join(self.keys, "server.key"), 0o640)
        data = os.path.join(self.folder, "data")
        code, _, err = run(BINARIES / "remuda-broker", "--listen", "tcp://127.0.0.1:*", "--data", data, keys=self.keys)
        self.assertEqual(code, 1)
        self.assertIn("others may read it; `chmod 600", err)

    def test_the_doctor_tells_wrong_keys_and_taken_ports_with_what_to_do(self):
        def doctor(*arguments, keys=self.keys):
            code, out, err = remuda("doctor", "--json", "--data", self.folder, *arguments, keys=keys)
            findings = [json.loads(line) for line in out.splitlines()]
            self.assertEqual(code, 1 if any(one["verdict"] == "problem" for one in findings) else 0, out + err)
            for one in findings:
                self.assertEqual(one["remedy"] == "", one["verdict"] == "good", one)
            return {one["about"]: one for one in findings}

        well = doctor()
        self.assertEqual(set(well), {"versions", "limits", "clock", "keys", "disk", "runtime", "ports"})
        self.assertEqual(well["keys"]["what"], self.keys + ": a queue node's keys, 1 known clients")
        self.assertIn("serve this machine only", doctor(keys=None)["keys"]["what"])
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            path = os.path.join(self.folder, "rides.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'schema = 1\nname = "rides"\n[brokers.main]\nlisten = "tcp://127.0.0.1:{taken.getsockname()[1]}"\n[queues.rides]\n')
            self.assertIn("another process listens there", doctor(path)["ports"]["what"])
        self.assertEqual(doctor(path)["ports"]["verdict"], "good")
        os.chmod(os.path.join(self.keys, "client.key"), 0o644)
        self.assertIn("others may read it; `chmod 600", doctor()["keys"]["what"])
        shutil.rmtree(self.keys)
        self.assertIn("remuda keys init --keys", doctor()["keys"]["what"])
        code, out, _ = remuda("doctor", keys=self.keys)
        self.assertEqual(code, 1)
        self.assertIn("\nproblem  keys      there is no folder", out)

    def test_mistakes_at_the_command_line_are_told_and_change_nothing(self):
        self.add("depot")
        for arguments, told in ((("init", "--keys", self.keys), "holds keys already"),
                                (("add-host", "depot", "--out", self.folder + "/x"), "is known already"),
                                (("add-host", "../depot"), "cannot be a name"),
                                (("add-host", "-d"), ""),
                                (("add-host", "yard", "--role", "root"), "is no role"),
                                (("add-host", "yard", "--on", "a, b"), "has no spaces"),
                                (("revoke", "nobody", "--yes"), "nobody is known as 'nobody'"),
                                (("revoke", "depot"), "add --yes")):
            code, _, err = remuda("keys", *arguments, keys=self.keys)
            self.assertNotEqual(code, 0, arguments)
            self.assertIn(told, err)
        code, _, err = remuda("keys", "show")
        self.assertEqual(code, 2)
        self.assertIn("Name it with --keys FOLDER", err)
        code, out, _ = remuda("keys", "show", "--json", keys=self.keys)
        self.assertEqual([json.loads(line)["name"] for line in out.splitlines()], ["local", "depot"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
