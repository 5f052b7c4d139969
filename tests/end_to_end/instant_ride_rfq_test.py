#!/usr/bin/env python3
"""Instant ride requests for quotes, many at once, by a client that knows nothing but links, status and eta.

    instant_ride_rfq_test.py BIN_FOLDER

REMUDA_RFQS says how many (500): each asks ten managements, a fifth of whose answers come twice with a foreign one behind. While they run,
one node after the other is killed with SIGKILL."""
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from topology_driver import LAUNCH, Failed, Topology, until  # noqa: E402

RFQS = int(os.environ.get("REMUDA_RFQS", "500"))
PATIENCE = 240
AT_ONCE = RFQS
RFQ = {"customer": "cmr", "from": "Frankfurt", "to": "Las Vegas"}


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what}: {found!r} instead of {wanted!r}")


def ask(topology, path, body=None):
    """As a client on a poor line: what fails because a node is being killed is asked again."""
    def answered():
        status, _, answer = topology.post(path, body, {"Idempotency-Key": body["key"]}) if body else (200, None, topology.get(path))
        return (status, answer) if status < 500 else None
    return until(f"{path} answers", PATIENCE, answered)


ONE_FAILED = threading.Event()  # then the others need not go on


def follow(topology, number):
    """One client. Returns its result; raises if status goes back or a link is missing."""
    body = {**RFQ, "to": f"city-{number}", "key": f"rfq-{number}"}
    status, state = ask(topology, "/submit-instant-ride-rfq", body)
    expect("the answer to a submission", (status, state["status"], state["eta"] >= 1), (202, "running", True))
    polls = 0
    seen_done = False
    while not seen_done:
        if ONE_FAILED.wait(min(state["eta"], 1)):  # the protocol asks a client to wait that long
            raise Failed("another client failed before")
        _, state = ask(topology, state["links"]["refresh"])
        polls += 1
        seen_done = state["status"] == "done"
        expect("an estimate while it runs, and only then", "eta" in state, not seen_done)
    refresh = f"/instant-ride-rfqs/{state['links']['result'].split('/')[2]}"
    expect("done stays done", ask(topology, refresh)[1]["status"], "done")
    _, result = ask(topology, state["links"]["result"])
    expect("the ride", result["ride-data"]["to"], f"city-{number}")
    responders = [quote["responder"] for quote in result["quotes"]]
    expect("every responder once", len(set(responders)), len(responders))
    if result["quotes"]:
        expect("the best quote", result["best"]["quote"], min(quote["quote"] for quote in result["quotes"]))
    else:
        expect("no quote, no best", result["best"], None)
    return result, polls


def status_of(topology, path):
    try:
        with urllib.request.urlopen(f"http://{topology.http}{path}", timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def run_many(topology, first, count):
    failures = []

    def client(number):
        try:
            return follow(topology, number)
        except Exception as failure:
            failures.append(failure)
            ONE_FAILED.set()
            raise

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as clients:
        running = [clients.submit(client, number) for number in range(first, first + count)]
    if failures:
        raise failures[0]
    return [each.result() for each in running]


def main():
    binaries = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="remuda-rfq-") as folder, \
            Topology(binaries, folder, "rfq-test", LAUNCH / "instant_ride_rfq.toml", timeout="3s", delay="2s", step="10ms", stray="0.2",
                     availability="0.5") as topology:
        expect("bad submissions", [topology.post("/submit-instant-ride-rfq", body)[0] for body in ({"customer": "x"}, b"[]")], [400, 400])
        for path in ("/instant-ride-rfqs/nobody", "/instant-ride-rfqs/3f2504e0-4f89-41d3-9a0c-0305e82c3301/result", "/resp/1"):
            expect(f"GET {path}", status_of(topology, path), 404)

        began = time.monotonic()
        results = run_many(topology, 0, RFQS)
        took = time.monotonic() - began
        ids = {result["rfq-id"] for result, _ in results}
        expect("results of their own", len(ids), RFQS)
        quotes = sum(len(result["quotes"]) for result, _ in results)
        figures = topology.get("/instant-ride-rfqs")
        expect("strays were there", figures["duplicate"] + figures.get("late", 0) > 0 and figures["foreign"] > 0, True)
        expect("quotes are exactly those gathered", quotes, figures["answers"])
        sample = results[0][0]
        for path in (f"/resp/{sample['rfq-id']}", f"/query-instant-ride-rfq/{sample['rfq-id']}"):
            expect(path, topology.get(path), sample)
        print(f"U3    {RFQS} requests by clients that follow links, done in {took:.1f} s: {quotes} quotes of {10 * RFQS} asked, "
              f"{sum(polls for _, polls in results)} polls; aggregator: {json.dumps(figures)}", flush=True)

        killed = []
        over = threading.Event()

        def kill_one_after_the_other():
            for node in ("rfq-aggregator", "result", "intake", "management-3", "gateway"):
                if over.is_set():
                    return
                topology.kill(node)
                killed.append(node)
        killer = threading.Thread(target=kill_one_after_the_other)
        killer.start()
        rounds = 0
        while killer.is_alive() or rounds == 0:
            run_many(topology, 100_000 + 50 * rounds, 50)
            rounds += 1
        over.set()
        killer.join()
        expect("all were killed", len(killed), 5)
        print(f"U3    {50 * rounds} more while {', '.join(killed)} were killed with SIGKILL: every client had its result")
        print("P27   best elected and all accumulated; late, repeated and foreign answers change nothing")
        topology.processes()
    if topology.leftovers():
        raise Failed(f"processes outlive it: {topology.leftovers()}")


if __name__ == "__main__":
    try:
        main()
    except Failed as problem:
        sys.exit(f"FAILED: {problem}")
