#!/usr/bin/env python3
"""Ride completion from the HTTP face to the ledgers, on real processes.  ride_completion_test.py BIN_FOLDER [TestName...]

REMUDA_RIDES sets the size of the load (default 2,000; 10,000 in the long run)."""
import http.client
import json
import os
import pathlib
import socket
import sys
import tempfile
import unittest
from decimal import Decimal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from topology_driver import (DEAD_LETTERS, SERVICES, Topology, accepted_rides, is_extraordinary,  # noqa: E402
                             sum_of_fares, until)

BINARIES = pathlib.Path(sys.argv.pop(1))
RIDES = int(os.environ.get("REMUDA_RIDES", "2000"))
PATIENCE = 120  # seconds: far more than anything here takes, so that a slow machine or a sanitizer fails no test
RIDE = {"customer": "cmr", "from": "Berlin", "to": "Frankfurt", "duration": 420, "distance": 600, "fare": 256.50}


class RideCompletion(unittest.TestCase):
    settings = {"visibility_timeout": "1s"}

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="remuda-e2e-")))
        name = f"e2e-{os.getpid()}-{self._testMethodName[:20].strip('_')}"
        self.topology = self.enterContext(Topology(BINARIES, self.folder, name, **self.settings))


    def post(self, **changes):
        ride = {key: value for key, value in {**RIDE, **changes}.items() if value is not None}
        return self.topology.post("/submit-ride-completion", ride)

    def drive(self, **parameters):
        accepted = self.folder / f"accepted-{len(list(self.folder.glob('accepted-*')))}.jsonl"
        fleet = self.topology.fleet(accepted=accepted, report=accepted.with_suffix(".json"), **parameters)
        self.assertEqual(fleet.wait(timeout=300), 0)
        return accepted_rides(accepted), json.loads(accepted.with_suffix(".json").read_text())

    def counters_of(self, queue):
        return {name: value for name, value in self.topology.queues()[queue].items() if name != "oldest_age_s"}

    def account_of(self, customer):
        return self.topology.get(f"/customers/{customer}/account")


class OneRide(RideCompletion):
    def test_a_posted_ride_is_created_readable_and_known_to_every_service(self):
        status, headers, ride = self.post()
        self.assertEqual(status, 201)
        self.assertEqual(headers["Location"], f"/rides/{ride['id']}")
        self.assertEqual(ride["links"]["self"], headers["Location"])
        self.assertEqual(self.topology.get(headers["Location"])["customer"], "cmr")
        until("accounting has booked it", PATIENCE, lambda: self.account_of("cmr")["rides"] == 1)
        self.assertEqual(Decimal(str(self.account_of("cmr")["balance"])), Decimal("256.50"))
        self.topology.drained(PATIENCE)
        self.assertGreater(self.topology.get("/customers/cmr/loyalty")["points"], 0)
        self.assertEqual(len(self.topology.get("/customers/cmr/notifications")["notifications"]), 1)

    def test_extraordinary_rides_are_those_from_fare_50_and_distance_20_on(self):
        for customer, fare, distance in (("both", 50, 20), ("text", "50.00", "20"), ("fare-below", 49.99, 20),
                                         ("distance-below", 50, 19.999), ("both-below", 49.99, 19.999), ("far-above", 899.99, 1200)):
            self.assertEqual(self.post(customer=customer, fare=fare, distance=distance)[0], 201)
        self.topology.drained(PATIENCE)
        rides = self.topology.get("/extraordinary-rides")["rides"]
        self.assertEqual({ride["customer"] for ride in rides}, {"both", "text", "far-above"})

    def test_bad_input_names_every_wrong_field_and_stores_nothing(self):
        status, headers, problem = self.post(customer=None, fare=-1, distance="far", duration=True)
        self.assertEqual(status, 400)
        self.assertEqual(headers["Content-Type"], "application/problem+json")
        text = json.dumps(problem)
        for field in ("customer", "fare", "distance", "duration"):
            self.assertIn(field, text)
        self.assertEqual(self.topology.post("/submit-ride-completion", b'{"customer": ')[0], 400)
        self.assertEqual(self.topology.post("/submit-ride-completion", b'{"fare": NaN}')[0], 400)
        self.assertEqual(self.topology.post("/no-such-place", RIDE)[0], 404)
        self.assertEqual(self.topology.post("/submit-ride-completion", RIDE, {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(self.topology.post("/submit-ride-completion", b" " * (1024 * 1024 + 1))[0], 413)
        connection = http.client.HTTPConnection(self.topology.http, timeout=PATIENCE)
        connection.request("DELETE", "/submit-ride-completion")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))
        connection.close()
        self.assertEqual({row["sent"] for row in self.topology.queues().values()}, {0})

    def test_slow_and_broken_clients_do_not_disturb_others(self):
        host, port = self.topology.http.split(":")
        slow = []
        for _ in range(200):
            client = socket.create_connection((host, int(port)), timeout=PATIENCE)
            client.sendall(b"POST /submit-ride-completion HTTP/1.1\r\nHost: localhost\r\nContent-Le")
            slow.append(client)
        for garbage in (b"\x00\xff\xfe" * 100, b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
                client.sendall(garbage)
        rides, report = self.drive(rides=500, connections=4, seed=3)
        self.assertEqual(len(rides), 500)
        self.assertLess(report["p99_us"], 5_000_000)  # a client that was held up would wait for the deadline of the slow ones
        for client in slow:
            client.close()


class ManyRides(RideCompletion):
    def test_every_ledger_holds_every_ride_exactly_once(self):
        rides, _ = self.drive(rides=RIDES, connections=32, seed=11)
        self.assertEqual(len({ride["id"] for ride in rides}), RIDES)
        self.topology.drained(PATIENCE)
        accounts = [self.account_of(customer) for customer in {ride["customer"] for ride in rides}]
        self.assertEqual(sum(account["rides"] for account in accounts), RIDES)
        self.assertEqual(sum(Decimal(str(account["balance"])) for account in accounts), sum_of_fares(rides))
        expected = dict.fromkeys(SERVICES, RIDES) | {"extraordinary": sum(map(is_extraordinary, rides))}
        queues = self.topology.queues()
        for node, queue in SERVICES.items():
            self.assertEqual(queues[queue]["sent"], expected[node], node)
            self.assertEqual(queues[queue]["deleted"], expected[node], node)

    def test_a_stopped_service_costs_the_gateway_nothing_and_three_replicas_drain_its_queue(self):
        """The same load in turns, with and without accounting, in one run: a busy moment of the machine hits some turn of both, so
        the quietest turn of each is compared."""
        turns = 3
        rides, _ = self.drive(rides=300, connections=8, seed=1)
        posted, customers = len(rides), {ride["customer"] for ride in rides}
        p99 = {"with": [], "without": []}
        for turn in range(turns):
            for state, verb in (("with", "start"), ("without", "stop")):
                self.topology.verb(verb, "accounting")
                if state == "with":
                    self.topology.drained(PATIENCE)
                rides, report = self.drive(rides=RIDES // 2, rate=400, connections=8, seed=20 + turn)
                p99[state].append(report["p99_us"])
                posted += len(rides)
                customers |= {ride["customer"] for ride in rides}
        print(f"p99 of the gateway, turn by turn: with accounting {[round(us) for us in p99['with']]} us, "
              f"without {[round(us) for us in p99['without']]} us")
        self.assertLess(min(p99["without"]), 2 * min(p99["with"]) + 5_000)
        waiting = self.topology.queues()["customer-accounting"]
        self.assertGreaterEqual(waiting["visible"] + waiting["in_flight"], RIDES // 2)
        self.topology.down()
        self.topology.up(workers="3")
        self.assertEqual(sum(node == "accounting" for node, _ in self.topology.processes()), 3)
        self.topology.drained(PATIENCE)
        self.assertEqual(sum(self.account_of(customer)["rides"] for customer in customers), posted)


class PoisonRides(RideCompletion):
    settings = {"visibility_timeout": "1s", "accounting_fail": "poison"}

    def test_a_poison_ride_is_dead_lettered_after_five_receives_and_comes_home_by_redrive(self):
        for customer in ("first", "poison", "second", "third"):
            self.assertEqual(self.post(customer=customer)[0], 201)
        # The others are not held up by it.
        until("the others are booked", PATIENCE, lambda: all(self.account_of(c)["rides"] == 1 for c in ("first", "second", "third")))
        self.topology.drained(PATIENCE, dead_letters=1)

        before = self.counters_of(DEAD_LETTERS)
        dead, = self.topology.rows("queue", "peek", DEAD_LETTERS)
        self.assertEqual(dead["receive_count"], 5)
        self.assertEqual(dead["origin_queue"], "customer-accounting")
        self.assertIn("poison", json.dumps(dead["body"]))
        self.assertTrue(dead["reason"])
        self.assertEqual(len(dead["attempts"]), 5)
        for attempt in dead["attempts"]:
            self.assertEqual(attempt["node"], "accounting")
            self.assertTrue(attempt["error"])
        self.assertEqual(self.counters_of(DEAD_LETTERS), before)

        other = json.dumps({"customer": ["somebody-else"]})
        self.topology.verb("queue", "redrive", DEAD_LETTERS, "--filter", other, "--yes")
        self.topology.verb("queue", "redrive", DEAD_LETTERS, "--dry-run")
        self.assertEqual(self.topology.queues()[DEAD_LETTERS]["visible"], 1)

        self.topology.down()
        self.topology.up(accounting_fail="")
        mine = json.dumps({"customer": ["poison"]})
        self.topology.verb("queue", "redrive", DEAD_LETTERS, "--filter", mine, "--yes")
        until("the poison ride is booked", PATIENCE, lambda: self.account_of("poison")["rides"] == 1)
        self.topology.drained(PATIENCE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
