"""Drives a topology through the `remuda` command, as a user would: for the demo and for the end-to-end tests."""
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import tomllib
import urllib.error
import urllib.request
from decimal import Decimal

LAUNCH = pathlib.Path(__file__).resolve().parent.parent / "launch"
SERVICES = {  # node -> its queue
    "notification": "customer-notification",
    "accounting": "customer-accounting",
    "loyalty": "customer-loyalty",
    "lake": "data-lake-ingestion",
    "extraordinary": "extraordinary-rides",
}
DEAD_LETTERS = "rides-dlq"


class Failed(Exception):
    """Something did not hold; the text says what."""


def free_port():
    """A port to listen on later: below the range from which the kernel gives ports to outgoing connections, else one may take it."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def until(what, seconds, condition):
    """Asks the running system until `condition` gives something true; what fails meanwhile may be down at this very moment."""
    deadline = time.monotonic() + seconds
    last = ""
    while time.monotonic() < deadline:
        try:
            found = condition()
            if found:
                return found
        except (Failed, OSError) as problem:
            last = f" (last: {problem})"
        time.sleep(0.05)  # between two questions to other processes there is no event to wait for
    raise Failed(f"after {seconds} s still not: {what}{last}")


def declares_argument(launch_file, name):
    """Whether the launch file, or one that it includes, may be given `--set name=...`."""
    path = pathlib.Path(launch_file)
    written = tomllib.loads(path.read_text())
    return name in written.get("args", {}) or any(declares_argument(path.parent / part, name) for part in written.get("include", []))


class Topology:
    """One topology with its data in `folder`. Use it as a context: it is down at the end, whatever happened."""

    def __init__(self, binaries, folder, name, launch_file=LAUNCH / "ride_completion_chained.toml", options=(), **settings):
        self.binaries = pathlib.Path(binaries).resolve()
        self.folder = pathlib.Path(folder)
        self.name = name
        self.launch_file = launch_file
        self.options = list(options)  # of `remuda up`
        self.http = f"127.0.0.1:{free_port()}"
        self.settings = {**({"http": self.http} if declares_argument(launch_file, "http") else {}), **settings}
        self.pids = set()

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down(check=False)

    def remuda(self, *arguments, check=True, timeout=60):
        done = subprocess.run([self.binaries / "remuda", *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise Failed(f"remuda {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def up(self, **settings):
        self.settings.update(settings)
        chosen = [word for name, value in self.settings.items() for word in ("--set", f"{name}={value}")]
        self.remuda("up", self.launch_file, "-d", "--wait", "--name", self.name, "--data", self.folder / "data", *self.options, *chosen)

    def down(self, check=True):
        self.remuda("down", "--topology", self.name, "--yes", check=check)

    def verb(self, *arguments):
        return self.remuda(*arguments, "--topology", self.name)

    def rows(self, *arguments):
        return [json.loads(line) for line in self.verb(*arguments, "--json").splitlines()]

    def endpoint_of(self, broker):
        """Where that queue node listens, for clients of its own protocol."""
        plan = json.loads((self.folder / "data" / "plan.json").read_text())
        return next(each["endpoints"][0] for each in plan["brokers"] if each["broker"] == broker)

    def processes(self):
        rows = {(row["node"], row["replica"]): row for row in self.rows("ps")}
        self.pids |= {row["pid"] for row in rows.values() if row["pid"]}
        return rows

    def queues(self):
        return {row["queue"]: row for row in self.rows("queue", "ls")}

    def kill(self, node, replica=0, seconds=30):
        """kill -9, then waits until the supervisor has it ready again. Returns the pid that was killed."""
        pid = self.processes()[(node, replica)]["pid"]
        os.kill(pid, signal.SIGKILL)

        def back():
            row = self.processes()[(node, replica)]
            return row["state"] == "ready" and row["pid"] != pid
        until(f"{node} runs again", seconds, back)
        return pid

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=10) as answer:
            return json.load(answer, parse_float=Decimal)

    def post(self, path, body, headers=None):
        """Returns status, headers and parsed body, also for errors."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.http}{path}", data, {"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, dict(answer.headers), json.load(answer, parse_float=Decimal)
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, dict(error.headers), json.loads(text) if text else None

    def fleet(self, **parameters):
        """Starts unicorn_fleet against the gateway; text values are quoted as TOML wants it."""
        words = [self.binaries / "unicorn_fleet", "--log-level", "warning"]
        for name, value in {"target": self.http, **parameters}.items():
            words += ["--param", f"{name}={json.dumps(str(value)) if isinstance(value, (str, pathlib.Path)) else value}"]
        return subprocess.Popen(words, stderr=subprocess.DEVNULL)

    def drained(self, seconds, dead_letters=0):
        """Waits until nothing is left to do: every service's queue empty, this many dead letters."""
        def idle():
            now = self.queues()
            left = sum(now[queue][state] for queue in SERVICES.values() for state in ("visible", "in_flight", "delayed"))
            return left == 0 and now[DEAD_LETTERS]["visible"] == dead_letters
        until(f"all queues empty and {dead_letters} dead letters", seconds, idle)

    def leftovers(self):
        """Pids of this topology's processes that still run; ask after down()."""
        return [pid for pid in self.pids if pathlib.Path(f"/proc/{pid}").exists()]


def accepted_rides(file):
    """What the fleet wrote of every ride that got a 201."""
    return [json.loads(line, parse_float=Decimal) for line in pathlib.Path(file).read_text().splitlines()]


def is_extraordinary(ride):
    return Decimal(str(ride["fare"])) >= 50 and Decimal(str(ride["distance"])) >= 20


def sum_of_fares(rides):
    return sum((Decimal(str(ride["fare"])) for ride in rides), Decimal(0))
