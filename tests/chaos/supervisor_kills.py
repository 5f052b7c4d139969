#!/usr/bin/env python3
"""kill -9 of whoever starts and keeps nodes.  supervisor_kills.py BIN_FOLDER

In each round a topology is started, and at a random moment (while it starts, runs or stops) the launcher, the supervisor or the helper that spawns
for it is killed, or two launchers start the same topology at once. Then nothing may be left after 2 s where the supervisor is gone; where it is not,
everything runs; no node ever runs twice; and the next `up` of that name works. REMUDA_ROUNDS sets the rounds (12; 50 and more in the long run),
REMUDA_SEED the order."""
import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from topology_driver import Failed, until  # noqa: E402

BINARIES = pathlib.Path(sys.argv[1]).resolve()
ROUNDS = int(os.environ.get("REMUDA_ROUNDS", "12"))
SEED = int(os.environ.get("REMUDA_SEED", str(random.SystemRandom().randrange(1_000_000))))
PATIENCE = 60
GONE_S = 2  # what the launcher's design promises: RELIABILITY 6.4
NAME = f"chaos-{os.getpid()}"
MARK = f"REMUDA_CHAOS_MARK={NAME}"

TOPOLOGY = f"""
schema = 1
name = "{NAME}"
[defaults.node]
env = {{ REMUDA_CHAOS_MARK = "{NAME}" }}
[defaults.broker]
env = {{ REMUDA_CHAOS_MARK = "{NAME}" }}
[brokers.main]
[queues.work]
[queues.done]
[nodes.worker]
exec = "transform"
replicas = 3
ports = {{ in = "work", out = "done" }}
[nodes.shown]
exec = "printer"
ports = {{ messages = "done" }}
"""
NODES = {("main", 0), ("worker", 0), ("worker", 1), ("worker", 2), ("shown", 0)}


class Machine:
    """What runs on it of this test, seen through /proc."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "REMUDA_CHAOS_MARK": NAME}

    def remuda(self, *words):
        return subprocess.Popen([BINARIES / "remuda", *words], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def ask(self, *words, expect=0):
        process = self.remuda(*words)
        output, _ = process.communicate(timeout=PATIENCE)
        if expect is not None and process.returncode != expect:
            raise Failed(f"remuda {' '.join(words)} ended with {process.returncode}:\n{output}")
        return output

    def marked(self):
        """pid -> argument vector, of everything that carries the mark and is no zombie."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
                if words and MARK.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = [word.decode(errors="replace") for word in words]
            except OSError:
                continue  # it ended meanwhile
        return found

    def nodes(self):
        """(node, replica) -> pids. Fails if one runs twice."""
        running = collections.defaultdict(list)
        for pid, words in self.marked().items():
            if "--name" in words and not words[0].endswith("/remuda"):
                replica = int(words[words.index("--replica") + 1]) if "--replica" in words else 0
                running[(words[words.index("--name") + 1], replica)].append(pid)
        twice = {node: pids for node, pids in running.items() if len(pids) > 1}
        if twice:
            raise Failed(f"runs twice: {twice}")
        return running

    def supervisor(self):
        entries = list((self.folder / "remuda").glob("*.json"))
        return json.loads(entries[0].read_text())["pid"] if entries else None

    def helper(self):
        """The parent of the nodes."""
        supervisor = self.supervisor()
        for pid in self.marked():
            if parent_of(pid) == supervisor:
                return pid
        return None

    def all_ready(self):
        rows = [json.loads(line) for line in self.ask("ps", "--json", expect=None).splitlines() if line.startswith("{")]
        return {(row["node"], row["replica"]) for row in rows if row["state"] == "ready"} == NODES


def parent_of(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


def kill(pid):
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def one_round(machine, chance):
    """Returns what was done, in words."""
    what = chance.choice(["launcher", "supervisor", "helper", "two launchers"])
    moment = chance.choice(["starting", "stopping"] if what == "launcher" else ["starting", "running", "stopping"])
    first = machine.remuda("up", "topology.toml", "-d", "--wait")
    began = time.monotonic()
    delay = chance.uniform(0, 0.15)
    others = []
    if what == "two launchers":
        moment = "starting"
        others = [machine.remuda("up", "topology.toml", "-d", "--wait") for _ in range(2)]
    elif moment != "starting":
        first.wait(timeout=PATIENCE)
        delay = chance.uniform(0, 0.05)
        began = time.monotonic()
        if moment == "stopping":
            others = [machine.remuda("down", "--yes")]
    while time.monotonic() - began < delay:
        machine.nodes()  # no node twice, at any moment
    victim = {"launcher": first.pid if moment != "stopping" else others[0].pid if others else None, "supervisor": machine.supervisor(),
              "helper": machine.helper()}.get(what)
    killed = kill(victim)
    died = time.monotonic()
    for process in [first, *others]:
        process.communicate(timeout=PATIENCE)
    if what == "two launchers":
        codes = sorted(process.returncode for process in [first, *others])
        if codes.count(0) != 1:
            raise Failed(f"three launchers of one name ended with {codes}: one starts it, and the others say that it runs")
        until("everything runs", PATIENCE, machine.all_ready)
    if killed and what == "supervisor":
        while time.monotonic() - died < GONE_S and machine.nodes():
            pass
        left = machine.nodes()
        if left:
            raise Failed(f"{GONE_S} s after the supervisor died these run: {dict(left)}")
    machine.nodes()
    return f"{what}, {moment}" + ("" if killed or what == "two launchers" else ", was gone already")


def tidy(machine):
    """Whatever state a round left: `up` brings everything to run, `down` leaves nothing."""
    if not machine.all_ready():
        machine.ask("down", "--yes", expect=None)
        until("the name is free", PATIENCE, lambda: not machine.nodes())
        machine.ask("up", "topology.toml", "-d", "--wait")
    if set(machine.nodes()) != NODES:
        raise Failed(f"after `up` these run: {dict(machine.nodes())}")
    machine.ask("down", "--yes")
    if machine.nodes():
        raise Failed(f"after `down` these run: {dict(machine.nodes())}")


def main():
    print(f"seed {SEED}, {ROUNDS} rounds")
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="remuda-chaos-") as name:
        folder = pathlib.Path(name)
        (folder / "topology.toml").write_text(TOPOLOGY)
        machine = Machine(folder)
        done = collections.Counter()
        try:
            for number in range(1, ROUNDS + 1):
                how = one_round(machine, chance)
                print(f"round {number}: {how}", flush=True)
                done[how.split(",")[0]] += 1
                tidy(machine)
        finally:
            for pid in machine.marked():
                kill(pid)
        print(f"{ROUNDS} rounds ({', '.join(f'{count} x {what}' for what, count in sorted(done.items()))}): no orphan after {GONE_S} s, no node twice")


if __name__ == "__main__":
    try:
        main()
    except Failed as problem:
        sys.exit(f"FAILED (REMUDA_SEED={SEED}): {problem}")
