#!/usr/bin/env python3
"""Fares, and every process of theirs killed at every durable write and every message.   saga_crash_points.py BIN_FOLDER PATH/TO/libkill_at_call.so

Queue node, orchestrator and the three participants are real processes on real stores, with the shipped definition. For each way a fare can end
and each of the five processes: one fare after the other, and in the n-th of them the process is killed with SIGKILL at its n-th sync after the fare
was submitted, just before it (what led to it is lost) and just after it (it is durable, and nothing that follows from it has left); then in the same
way before its n-th send to anybody. It goes on until a fare ends before the process has come so far: no write and no boundary between two steps
is left out, and none is drawn by lot.

Every fare has to end as it should, completed or undone, its ledgers have to agree (charged and not refunded = credited), and nothing may be charged twice.

  REMUDA_CRASH_FARES=n     takes only the first n of five ways to end (2; at night all)     REMUDA_CRASH_JOBS=n  so many topologies at a time (4)"""
import concurrent.futures
import http.client
import json
import mmap
import os
import pathlib
import select
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
BINARIES, SHIM = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
PATIENCE_S = 90
PACE_S = 0.01
VISIBILITY = "1s"  # what a killed process held comes again soon
WAYS = [("cmr", "completed", "charged", "credited"), ("cmr_fail_credit", "failed", "refunded", None), ("cmr_fail_charge", "failed", "released", None),
        ("cmr_fail_auth", "failed", None, None), ("cmr_fail_register", "failed", None, None)][:int(os.environ.get("REMUDA_CRASH_FARES", "2"))]
JOBS = int(os.environ.get("REMUDA_CRASH_JOBS", "4"))
PARTICIPANTS = {"fare_register": "fare-tasks", "card_payment": "card-payments", "customer_account": "customer-accounts"}
PROCESSES = ["broker", "orchestrator", *PARTICIPANTS]
QUEUES = ["saga-start", "saga-replies", *PARTICIPANTS.values(), "fare-outcomes"]
TASKS = {"register": "fare-tasks", "complete_fare": "fare-tasks", "fail_fare": "fare-tasks", "pre_authorise": "card-payments", "charge": "card-payments",
         "release": "card-payments", "refund": "card-payments", "credit": "customer-accounts", "debit": "customer-accounts"}


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, test, processes):
    """Asks again when one of the processes has died, and otherwise at a client's pace."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = test()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"not within {PATIENCE_S} s: {what}")
        select.select([process.death for process in processes], [], [], PACE_S)


class Process:
    """Started again whenever it was killed; how often it has synced and sent, and at which of these it dies next."""

    def __init__(self, folder, name, command):
        self.name, self.command, self.log = name, [str(word) for word in command], folder / f"{name}.log"
        self.kills = 0
        control = folder / f"{name}.control"
        control.write_bytes(bytes(40))
        with open(control, "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 40)
        self.environment = {**os.environ, "LD_PRELOAD": str(SHIM), "KILL_AT_CALL": str(control)}
        self.process = None
        self.death = -1  # readable once the process has died

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        self.death = os.pidfd_open(self.process.pid)

    def is_ready(self):
        self.look_after()
        return b'"ready"' in self.log.read_bytes()

    def look_after(self):
        code = self.process.poll()
        if code is None:
            return
        if code != -9:
            raise Failed(f"{self.name} ended by itself with {code}:\n{self.log.read_text()[-2000:]}")
        self.kills += 1
        os.close(self.death)
        self.start()

    def die_at(self, call, after, number):
        calls = struct.unpack("qq", self.control[0:16])
        self.control[16:24] = struct.pack("q", call)
        self.control[32:40] = struct.pack("q", int(after))
        self.control[24:32] = struct.pack("q", calls[call] + number)

    def disarm(self):
        """True when it has died."""
        died = struct.unpack("q", self.control[24:32])[0] == -1
        self.control[24:32] = bytes(8)
        return died

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            os.close(self.death)


class Topology:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="remuda-crash-points-"))
        self.http, broker, questions, submissions = free_port(), *(f"tcp://127.0.0.1:{free_port()}" for _ in range(3))
        definitions = self.folder / "definitions.toml"
        definitions.write_text("".join(f'[queues.{queue}]\nvisibility_timeout = "{VISIBILITY}"\n' for queue in QUEUES) + "[topics.fare-processing]\n" + "".join(
            f'[queues.{queue}]\nfrom = "fare-processing"\nfilter = {{ IsSuccessful = ["{value}"] }}\nfilter_scope = "attributes"\n'
            for queue, value in (("successful-transactions", "true"), ("failed-transactions", "false"))))

        def queue(port, name):
            return ["--port", f"{port}=queue:{broker}/{name}"]

        def node(executable, name, *more):
            return Process(self.folder, name, [BINARIES / executable, "--name", name, "--data", self.folder / name, "--log-format", "json", *more])
        self.processes = {"broker": Process(self.folder, "broker", [BINARIES / "remuda-broker", "--name", "broker", "--listen", broker, "--data",
                                                                    self.folder / "broker", "--definitions", definitions, "--log-format", "json"])}
        for participant, tasks in PARTICIPANTS.items():
            more = [*queue("requests", tasks), *queue("replies", "saga-replies")]
            if participant == "fare_register":
                more += ["--port", f"submit=request:{submissions}/submit", *queue("fares", "saga-start"), *queue("outcomes", "fare-outcomes")]
            self.processes[participant] = node(participant, participant, *more)
        ports = [word for task, tasks in TASKS.items() for word in queue(task, tasks)]
        definition = (TREE / "configs/sagas/fare_collection.asl.json").read_text(encoding="utf-8")
        self.processes["orchestrator"] = node(
            "saga_orchestrator", "orchestrator", *ports, *queue("start", "saga-start"), *queue("replies", "saga-replies"), *queue("ended", "fare-outcomes"),
            "--port", f"notices=topic:{broker}/fare-processing", "--port", f"sagas=request:{questions}/sagas", "--param",
            f"definitions={{ fare_collection = '''{definition}''' }}", "--param", "reply_to=saga-replies", "--param", "saga_id=body.fareId")
        routes = '{"POST /submit-fare" = "fares", "GET /fares/{fareId}" = "fares", "GET /sagas" = "sagas", "GET /sagas/{id}" = "sagas"}'
        self.processes["gateway"] = node("gateway", "gateway", "--port", f"fares=request:{submissions}/submit?timeout_ms=2000", "--port",
                                         f"sagas=request:{questions}/sagas?timeout_ms=2000", "--param", f'listen="127.0.0.1:{self.http}"', "--param",
                                         f"routes={routes}")
        for process in self.processes.values():
            process.start()
        for process in self.processes.values():
            until(f"{process.name} is ready", process.is_ready, [process])

    def ask(self, method, path, body=None):
        """None when nobody answers: a process is being killed."""
        for process in self.processes.values():
            process.look_after()
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=5)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            return json.loads(text) if answer.status < 300 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def rows(self, participant, query):
        with sqlite3.connect(f"file:{self.folder / participant / participant}.sqlite?mode=ro", uri=True, timeout=10) as database:
            return database.execute(query).fetchall()

    def remove(self):
        for process in self.processes.values():
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def one_fare(topology, fare, way):
    """Submits it, as a client that tries again, and judges how it ended."""
    customer, wanted, payment, account = way
    body = {"customerId": customer, "fareId": fare, "fareAmount": "$20.00", "cc": "4929-1111-2222-3333", "expiryDate": "07/43", "cvv": "886"}
    processes = topology.processes.values()
    until(f"{fare} is accepted", lambda: topology.ask("POST", "/submit-fare", body), processes)
    saga = until(f"{fare} is over", lambda: (lambda found: found if found and found["status"] in ("completed", "failed") else None)(
        topology.ask("GET", f"/sagas/{fare}")), processes)
    until(f"{fare} is {wanted} for its customer", lambda: (topology.ask("GET", f"/fares/{fare}") or {}).get("status") == wanted, processes)
    if saga["status"] != wanted or [entry["what"] for entry in saga["history"]].count("ended") != 1:
        raise Failed(f"{fare} is {saga['status']} instead of {wanted}: {saga.get('error')}")
    state = dict(topology.rows("card_payment", f"SELECT fare, state FROM payment WHERE fare = '{fare}'")).get(fare)
    credited = dict(topology.rows("customer_account", f"SELECT fare, state FROM entry WHERE fare = '{fare}'")).get(fare)
    if (state, credited) != (payment, account):
        raise Failed(f"{fare}: the payment is {state}, the account {credited}, instead of {payment} and {account}")


def balanced(topology):
    payments = topology.rows("card_payment", "SELECT fare, cents FROM payment WHERE state = 'charged'")
    entries = topology.rows("customer_account", "SELECT fare, cents FROM entry WHERE state = 'credited'")
    if sorted(payments) != sorted(entries):
        raise Failed(f"charged and not refunded is not what is credited: {sorted(set(payments) ^ set(entries))}")
    return sum(cents for _, cents in payments)


SYNC, SEND = 0, 1
POINTS = {"before sync": (SYNC, False), "after sync": (SYNC, True), "before send": (SEND, False)}


def all_points(way, victim):
    """Every durable write and every message of one process, in fares that end in one way: how many there were of each."""
    topology = Topology()
    try:
        process = topology.processes[victim]
        found = {}
        for point, (call, after) in POINTS.items():
            for number in range(1, 10_000):
                process.die_at(call, after, number)
                try:
                    one_fare(topology, f"{victim}-{point.replace(' ', '-')}-{number}", way)
                except Failed as problem:
                    raise Failed(f"{victim} killed {point} {number}, {way[0]}: {problem}") from problem
                if not process.disarm():
                    found[point] = number - 1
                    break
        return found, process.kills, balanced(topology)
    finally:
        topology.remove()


def main():
    began = time.monotonic()
    cases = [(way, victim) for way in WAYS for victim in PROCESSES]
    total, problems = 0, []
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for (way, victim), future in [(case, pool.submit(all_points, *case)) for case in cases]:
            try:
                found, kills, cents = future.result()
            except Exception as problem:  # pylint: disable=broad-except  # whatever it is, it is told and the others go on
                problems.append(problem)
                print(f"{way[0]:18} {victim:17} FAILED: {problem}", flush=True)
                continue
            total += sum(found.values())
            counts = ", ".join(f"{count} {point}" for point, count in found.items())
            print(f"{way[0]:18} {victim:17} {counts}: {kills} kills; charged = credited = {cents / 100:.2f}", flush=True)
    print(f"crash points: {total}, in {time.monotonic() - began:.0f} s, failures: {len(problems)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
