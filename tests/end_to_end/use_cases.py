"""The table that use_cases_test.py runs: a launch file, what a client does to it, and the rows of the mission that this shows."""
import gzip
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from topology_driver import Failed, until

PATIENCE = 60  # seconds: far more than anything here takes
RIDE = {"customer": "cmr", "from": "Berlin", "to": "Frankfurt", "duration": 420, "distance": 600, "fare": 256.50}
SMALL_RIDE = {**RIDE, "fare": 12.50, "distance": 5}
BOOKING = {"customer": "ada", "from": "Berlin", "to": "Potsdam", "when": "2026-12-24T18:00:00Z"}
CAMPAIGN = {"customers": 1500, "within": "300ms", "connections": 1500, "patience": "60s"}
WORK_MS = 5


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what}: {found!r} instead of {wanted!r}")


class Case:
    """One launch file, running, and what its client needs. `shown` keeps a line for each row."""

    def __init__(self, topology, binaries, folder, lines):
        self.topology, self.binaries, self.folder, self.lines = topology, pathlib.Path(binaries), pathlib.Path(folder), lines

    def shown(self, row, how):
        self.lines.setdefault(row, []).append(how)

    def get(self, path):
        return self.topology.get(path)

    def timed_post(self, path, body, headers=None):
        began = time.monotonic()
        status, answer_headers, answer = self.topology.post(path, body, headers)
        return status, time.monotonic() - began, answer_headers, answer

    def totals(self, path):
        return self.get(path + "?totals=1")

    def pid(self, node):
        return self.topology.processes()[(node, 0)]["pid"]

    # ---- use case 1

    SERVICES = {"accounting": "/customers/x/account", "loyalty": "/customers/x/loyalty", "notification": "/customers/x/notifications",
                "lake": "/lake", "extraordinary": "/extraordinary-rides"}

    def heard(self, service):
        return self.totals(self.SERVICES[service])["received"]

    def post_ride(self, **changes):
        return self.timed_post("/submit-ride-completion", {**RIDE, **changes})

    def all_hear(self, rides, extraordinary):
        """Every service has heard of so many rides, extraordinary rides of so many."""
        wanted = {service: rides for service in self.SERVICES} | {"extraordinary": extraordinary}
        until(f"the services have heard of {wanted}", PATIENCE, lambda: all(self.heard(s) >= n for s, n in wanted.items()))
        expect("what the services heard", {s: self.heard(s) for s in wanted}, wanted)

    def fleet(self, **parameters):
        report = self.folder / f"fleet-{time.monotonic_ns()}.json"
        process = self.topology.fleet(report=report, **parameters)
        process.wait(timeout=300)
        return json.loads(report.read_text())

    def retried_rides(self):
        """Clients that try again, against an accounting that fails for every ride: posts and calls, per ride."""
        rides = 20
        before = {service: self.heard(service) for service in self.SERVICES}
        report = self.fleet(rides=rides, connections=4, give_up="2s", seed=9)
        posts = rides + report["retries"]
        if report["accepted"] == rides:
            until("accounting was told of every ride", PATIENCE, lambda: self.heard("accounting") - before["accounting"] >= rides)
        calls = {service: self.heard(service) - before[service] for service in self.SERVICES}
        return {"posts": posts / rides, "accounting": calls["accounting"] / rides, "loyalty": calls["loyalty"] / rides}

    def post_rfq(self, body):
        status, _, answer = self.topology.post("/submit-instant-ride-rfq", body)
        expect("the answer to a submission", status, 202)
        return answer

    # ---- use case 2

    def campaign(self, **parameters):
        report = self.folder / f"campaign-{time.monotonic_ns()}.json"
        words = [self.binaries / "customer_campaign", "--log-level", "warning"]
        for name, value in {"target": self.topology.http, "report": report, **CAMPAIGN, **parameters}.items():
            text = str(value).lower() if isinstance(value, bool) else value
            words += ["--param", f"{name}={json.dumps(str(value)) if isinstance(value, (str, pathlib.Path)) else text}"]
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300, check=False)
        return json.loads(report.read_text())

    def followed(self, links):
        """Asks as a client that knows nothing but links, status and eta: until the task is done."""
        def done():
            answer = self.get(links["refresh"])
            if answer["status"] == "running":
                expect("a running task has an estimate", answer["eta"] >= 1, True)
                return None
            return answer
        return until("the task is done", PATIENCE, done)


def in_words(report):
    failures = ", ".join(f"{count} x {status}" for status, count in report["failures"].items()) or "no errors"
    return (f"{report['accepted']} of {report['customers']} accepted, {failures}, "
            f"p50 {report['p50_us'] / 1000:.1f} ms, p99 {report['p99_us'] / 1000:.1f} ms")


# ---- use case 1: ride completion

def called_directly(case, row):
    status, took, headers, ride = case.post_ride()
    expect("the answer", status, 201)
    case.all_hear(1, 1)
    case.shown(row, f"all five services have the ride when the client has its 201, after {took * 1000:.0f} ms")
    case.topology.verb("stop", "accounting")
    status, took, _, _ = case.post_ride()
    expect("the answer with a dead service", status, 503)
    case.shown(row, f"accounting dead: the POST fails with 503 after {took:.1f} s")
    case.shown("M1", f"{row}: accounting dead, POST 503 after {took:.1f} s")
    case.topology.verb("start", "accounting")
    until("accounting is called again", PATIENCE, lambda: case.post_ride()[0] == 201)
    slow_service(case, row)


def slow_service(case, row):
    """Accounting stands still, first for as long as it pleases, then for longer than it may."""
    pid = case.pid("accounting")
    os.kill(pid, signal.SIGSTOP)
    answers = []
    heard = case.heard("loyalty")
    client = threading.Thread(target=lambda: answers.append(case.post_ride(customer="patient")))
    client.start()
    until("the other services have it", PATIENCE, lambda: case.heard("loyalty") > heard)
    expect("an answer before accounting has it", answers, [])
    os.kill(pid, signal.SIGCONT)
    client.join()
    expect("the answer of a slow service", answers[0][0], 201)
    os.kill(pid, signal.SIGSTOP)
    status, took, _, _ = case.post_ride(customer="impatient")
    os.kill(pid, signal.SIGCONT)
    expect("the answer of a service that hangs", status, 504)
    case.shown(row, f"accounting slow: the client waits with it ({answers[0][1] * 1000:.0f} ms); hanging: 504 after {took:.1f} s")


def rest(case):
    called_directly(case, "U1.3")
    via_database(case)


def via_database(case):
    """U1.2: services that read the processor's store. Kept as a contrast: it works, until the store's owner changes it."""
    store, = case.folder.glob("data/**/completed_rides.sqlite")
    copy = case.folder / "copy.sqlite"
    for suffix in ("", "-wal"):
        if pathlib.Path(f"{store}{suffix}").exists():
            shutil.copy(f"{store}{suffix}", f"{copy}{suffix}")
    database = sqlite3.connect(copy)
    reader = "SELECT customer, sum(fare_cents) FROM ride GROUP BY customer"  # what an accounting would do that reads over here
    balances = dict(database.execute(reader).fetchall())
    expect("what a reader of the store finds", balances["cmr"] >= 25650, True)
    database.execute("ALTER TABLE ride RENAME COLUMN fare_cents TO fare_amount")
    try:
        database.execute(reader)
        raise Failed("the reader did not notice the new schema")
    except sqlite3.OperationalError as broken:
        case.shown("U1.2", f"a service reads the processor's store ({len(balances)} customers) until a column is renamed: {broken}")


def recipient_list(case):
    called_directly(case, "U1.4")
    expect("the answer", case.post_ride(customer="ordinary", fare=12.50)[0], 201)
    until("loyalty has heard of it", PATIENCE, lambda: case.get("/customers/ordinary/loyalty")["points"] > 0)
    totals = case.totals("/extraordinary-rides")
    expect("what extraordinary rides is sent", totals["received"], totals["processed"] + totals["repeated"])
    case.shown("P26", "U1.3: the processor lists its recipients itself; U1.4: a component of its own does, and sends extraordinary rides only what it wants")
    fewer = case.folder / "fewer.toml"
    text = case.topology.launch_file.read_text()
    fewer.write_text(text.replace("loyalty       = {}\n", "").replace('loyalty       = "tell-loyalty"\n', ""))
    plans = [case.topology.remuda("up", file, "--dry-run", "--data", case.folder / "dry") for file in (case.topology.launch_file, fewer)]
    distribution, processor = ([plan.split(f"\n{node}/0")[1].split("\n\n")[0] for plan in plans] for node in ("distribution", "completed-rides"))
    expect("the processor with and without a recipient", processor[0], processor[1])
    expect("the distribution changes", distribution[0] != distribution[1], True)
    case.shown("U1.4", "the processor makes one call per ride; a recipient is taken away, and its command line stays the same")


def recipients_at_the_service(case):
    rides = [(60, 30), (49.99, 30), (60, 19.999), (50, 20)]
    for fare, distance in rides:
        expect("the answer", case.post_ride(fare=fare, distance=distance)[0], 201)
    case.all_hear(len(rides), len(rides))
    totals = case.totals("/extraordinary-rides")
    expect("what extraordinary rides keeps", (totals["processed"], totals["dropped"]), (2, 2))
    case.shown("U1.5", f"extraordinary rides is sent {totals['received']} rides and drops {totals['dropped']} itself: wasted calls, counted")
    case.topology.verb("stop", "accounting")
    status, took, _, _ = case.post_ride(customer="kept")
    expect("the answer with a dead service", status, 201)
    case.shown("M1", f"U1.5: accounting dead, POST 201 after {took * 1000:.0f} ms")
    case.topology.verb("start", "accounting")
    until("accounting is told of the ride", PATIENCE, lambda: case.get("/customers/kept/account")["rides"] == 1)
    case.shown("U1.5", "201 when the ride is stored; a service that was dead is called again when it is back")


def live_topic(case):
    for changes in ({}, SMALL_RIDE):
        expect("the answer", case.post_ride(**changes)[0], 201)
    case.all_hear(2, 2)
    case.shown("U1.7", "each of five live subscribers gets each of 2 rides once")
    case.shown("P06", "U1.7: five subscribers of a live topic get every ride once")
    dead_subscriber(case, "U1.7")


def dead_subscriber(case, row):
    case.topology.verb("stop", "accounting")
    heard = case.heard("loyalty")
    status, took, _, _ = case.post_ride(customer="missed")
    expect("the answer with a dead service", status, 201)
    case.shown("M1", f"{row}: accounting dead, POST 201 after {took * 1000:.0f} ms")
    until("the others hear of it", PATIENCE, lambda: case.heard("loyalty") == heard + 1)
    case.topology.verb("start", "accounting")
    expect("the answer", case.post_ride(customer="heard")[0], 201)
    until("accounting hears what comes later", PATIENCE, lambda: case.get("/customers/heard/account")["rides"] == 1)
    expect("what was missed", case.get("/customers/missed/account")["rides"], 0)
    case.shown(row, "201 whatever becomes of a service; one that was away misses what was published meanwhile")
    case.shown("P06", f"{row}: a subscriber that is down misses what is sent meanwhile")


def live_filter(case):
    corners = [(50, 20), (49.99, 20), (50, 19.999), (899.99, 1200)]
    for fare, distance in corners:
        expect("the answer", case.post_ride(fare=fare, distance=distance)[0], 201)
    case.all_hear(len(corners), 2)
    expect("nothing is dropped there", case.totals("/extraordinary-rides")["dropped"], 0)
    case.shown("U1.8", "of 4 rides at the corners of fare >= 50, distance >= 20 only the 2 that match arrive; the publisher is the same")
    case.shown("P25", "U1.8: the filter is the subscriber's, evaluated at the publisher that knows nothing of it")
    dead_subscriber(case, "U1.8")


def chained(case):
    case.topology.verb("stop", "accounting")
    status, took, _, _ = case.post_ride(customer="kept")
    expect("the answer with a dead service", status, 201)
    case.shown("M1", f"U1.9: accounting dead, POST 201 after {took * 1000:.0f} ms")
    waiting = until("its queue keeps the ride", PATIENCE, lambda: case.topology.queues()["customer-accounting"]["visible"])
    case.shown("X3", f"queue ls while it runs: customer-accounting has {waiting} visible")
    case.topology.verb("start", "accounting")
    until("accounting catches up", PATIENCE, lambda: case.get("/customers/kept/account")["rides"] == 1)


# ---- use case 2: prebooking

def all_at_once(case):
    status, _, headers, booking = case.timed_post("/submit-prebooking", BOOKING)
    expect("the answer", (status, booking["status"]), (201, "done"))
    expect("what is kept", case.get(headers["Location"]), booking)
    expect("an unknown prebooking", case.topology.post("/submit-prebooking", {"customer": "x"})[0], 400)
    slowly = case.campaign(customers=50, within="1s")
    expect("accepted at a low rate", slowly["accepted"], 50)
    report = case.campaign()
    # Everybody comes within 300 ms, and bookings are made one after the other: the last waits for all the work before it.
    floor_us = 0.9 * (0.98 * report["accepted"] * WORK_MS - 300) * 1000
    expect("a campaign's customers wait for each other", report["accepted"] > 0 and report["p99_us"] >= floor_us, True)
    case.shown("U2.1", f"at 50/s: {in_words(slowly)}")
    case.shown("U2.1", f"campaign: {in_words(report)}")


def both_branches(case, row, report, already):
    made = case.totals("/prebookings")["prebookings"]
    bookings = already + report["accepted"]
    case.shown(row, f"campaign: {in_words(report)}; {made} of {bookings} made by then, at the processing's own pace")
    expect("customers are served, whatever the processing does", report["accepted"] >= 0.98 * report["customers"], True)
    # Who got no answer may be booked all the same.
    until("both branches have every prebooking", PATIENCE, lambda: case.totals("/prebookings")["prebookings"] >= bookings and
          case.totals("/lake")["processed"] >= bookings)
    case.shown(row, f"both branches, processing and data lake, have all {bookings}")


def decoupled(case):
    case.topology.verb("stop", "processing")
    status, took, headers, task = case.timed_post("/submit-prebooking", BOOKING)
    expect("the answer", (status, task["status"], headers["Location"]), (202, "running", task["links"]["refresh"]))
    case.topology.verb("start", "processing")
    expect("the prebooking", case.followed(task["links"])["customer"], "ada")
    expect("a strange prebooking", get_status(case, "/prebookings/3f2504e0-4f89-41d3-9a0c-0305e82c3301"), 404)
    case.shown("U2.2", f"202 after {took * 1000:.0f} ms while processing is stopped; its task is running, then done")
    case.shown("M3", f"U2.2: 202 after {took * 1000:.0f} ms, before the work has begun")
    both_branches(case, "U2.2", case.campaign(), 1)


def get_status(case, path):
    try:
        with urllib.request.urlopen(f"http://{case.topology.http}{path}", timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def queue_front(case):
    address = case.topology.settings["sqs"]
    form = urllib.parse.urlencode({"Action": "SendMessage", "MessageBody": json.dumps(BOOKING)}).encode()
    with urllib.request.urlopen(f"http://{address}/000000000000/prebooking-submission", form, timeout=10) as answer:
        xml = answer.read().decode()
        expect("the answer", (answer.status, answer.headers["Content-Type"]), (200, "text/xml"))
    for element in ("<SendMessageResponse", "<MessageId>", "<MD5OfMessageBody>", "<RequestId>"):
        expect(f"{element} in the answer", element in xml, True)
    message_id = xml.split("<MessageId>")[1].split("<")[0]
    case.followed({"refresh": f"/prebookings/{message_id}"})
    case.shown("U2.3a", f"the queue answers its form with XML, MessageId {message_id[:8]}…, and the booking flows on")
    both_branches(case, "U2.3a", case.campaign(target=address, path="/000000000000/prebooking-submission", sqs=True), 1)


def gateway_queue(case):
    case.topology.verb("stop", "preprocessing")
    status, took, _, task = case.timed_post("/submit-prebooking", BOOKING)
    expect("the answer", (status, task["status"]), (202, "running"))
    expect("bad submissions", [case.topology.post("/submit-prebooking", body)[0] for body in ({"customer": "x"}, b"[]")], [400, 400])
    case.topology.verb("start", "preprocessing")
    case.followed(task["links"])
    case.shown("U2.3b", f"the gateway puts it into the queue, 202 after {took * 1000:.0f} ms while preprocessing is stopped")
    case.shown("T9", "routes to processors, and straight onto a queue")
    both_branches(case, "U2.3b", case.campaign(), 1)


def lines_of_files(case):
    """Every line of the raw tier's files, with the file it is in."""
    folder = case.folder / "data" / "nodes" / "raw-tier" / "lake"
    return [(path.relative_to(folder), json.loads(line)) for path in sorted(folder.rglob("*.ndjson.gz"))
            for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def ingestion_stream(case):
    case.topology.verb("stop", "raw-tier")
    status, took, _, task = case.timed_post("/submit-prebooking", BOOKING)
    expect("the answer", (status, task["status"]), (202, "running"))
    case.followed(task["links"])
    case.shown("U2.4", f"202 after {took * 1000:.0f} ms and the booking made, while nobody writes the raw tier")
    case.topology.verb("start", "raw-tier")
    report = case.campaign()
    case.topology.kill("raw-tier")
    case.topology.kill("analytics")
    both_branches(case, "U2.4", report, 1)
    (stream,) = [row for row in case.topology.rows("stream", "ls") if row["stream"] == "data-lake-ingestion"]
    bookings = stream["appended"]
    expect("what is kept after it was read", stream["records"], bookings)
    until("both groups have confirmed everything", PATIENCE,
          lambda: {group["group"]: group["behind"] for row in case.topology.rows("stream", "ls") if row["stream"] == "data-lake-ingestion"
                   for group in row["groups"]} == {"raw-tier": 0, "analytics": 0})
    case.topology.verb("stop", "raw-tier")  # what is spooled goes into files
    lines = lines_of_files(case)
    ids = [line["id"] for _, line in lines]
    expect("bookings in files, each once", (len(ids), len(set(ids))), (bookings, bookings))
    files = {file for file, _ in lines}
    case.shown("U2.4", f"{bookings} bookings in {len(files)} files by the hour, each once, across kill -9 of the writer: {min(files)}")
    again = {row["body"]["id"] for row in case.topology.rows("stream", "read", "data-lake-ingestion")}
    expect("a replay from the oldest record", again, set(ids))
    case.shown("U2.4", f"replayed from its start after it was read: the same {len(again)} bookings")
    case.shown("P12", f"two groups, each all {bookings} records in batches; kill -9 of both readers, nothing doubled")
    case.shown("T6", f"delivery of batches into files: {bookings} records, {len(files)} files")

    def counted():
        return sum(row["body"]["count"] for row in case.topology.rows("stream", "read", "bookings-per-window"))
    until("every booking is in a window that is over", PATIENCE, lambda: counted() >= bookings)
    expect("bookings counted in windows", counted(), bookings)
    windows = len({row["body"]["window_start_ms"] for row in case.topology.rows("stream", "read", "bookings-per-window")})
    case.shown("T6", f"computation over a stream: {bookings} bookings counted once each in {windows} tumbling windows, across kill -9 of the counter")


# ---- use case 3: instant ride RFQ

def instant_ride_rfq(case):
    """Step by step as the client sees it, then many at once, so that each management is available for some of them."""
    ask = {"customer": "cmr", "from": "Frankfurt", "to": "Las Vegas"}
    case.topology.verb("stop", "rfq-aggregator")
    status, took, _, first = case.timed_post("/submit-instant-ride-rfq", ask)
    case.topology.verb("start", "rfq-aggregator")
    expect("the answer to a submission", (status, first["status"], first["eta"] >= 1, set(first["links"]) >= {"self", "refresh"}), (202, "running", True, True))
    case.shown("U3.1", f"202 after {took * 1000:.0f} ms, running, eta {first['eta']}, while nobody gathers quotes")
    etas, state = [first["eta"]], case.get(first["links"]["refresh"])
    while state["status"] == "running":
        expect("links while it runs", "refresh" in state["links"] and "result" not in state["links"], True)
        etas.append(state["eta"])
        expect("an estimate that counts down", etas[-1] <= etas[-2] and etas[-1] >= 0, True)
        time.sleep(0.2)  # the client's own pace: it may ask as often as it likes
        state = case.get(state["links"]["refresh"])
    case.shown("U3.4", f"asked {len(etas) - 1} times while running: eta {etas[0]} down to {etas[-1]}")
    expect("a finished request", (state["status"], "eta" in state), ("done", False))
    result = case.get(state["links"]["result"])
    for _ in range(10):
        expect("done stays done", case.get(first["links"]["refresh"])["status"], "done")
    case.shown("U3.5", "done, a link to the result and no eta; asked ten times more it stays done")
    expect("the ride", {name: result["ride-data"][name] for name in ask}, ask)
    case.shown("U3.6", f"ride-data as submitted, {len(result['quotes'])} quotes, by links alone")
    expect("by rfq-id", case.get(f"/resp/{first['rfq-id']}"), result)
    case.shown("U3.1'", "the answer carries rfq-id too, and the same request is read by it")
    case.shown("U3.6'", "GET /resp/<rfq-id> gives what the link gives")
    expect("a stranger's request", [get_status(case, path) for path in ("/instant-ride-rfqs/3f2504e0-4f89-41d3-9a0c-0305e82c3301", "/resp/1")], [404, 404])
    case.shown("U3.8", "unknown ids are 404")

    tasks = [case.post_rfq({**ask, "to": f"city-{number}"}) for number in range(30)]
    results = [case.get(case.followed(task["links"])["links"]["result"]) for task in tasks]
    for number, task in enumerate(tasks):
        expect("a result of its own", (results[number]["rfq-id"], results[number]["ride-data"]["to"]), (task["rfq-id"], f"city-{number}"))
        responders = [quote["responder"] for quote in results[number]["quotes"]]
        expect("each responder once", len(set(responders)), len(responders))
    results.append(result)
    gathered = sum(len(each["quotes"]) for each in results)
    managements = [row["counts"] for (node, _), row in case.topology.processes().items() if node.startswith("management-")]
    expect("requests that each management has got", [counts["requests"] for counts in managements], 10 * [len(results)])
    unavailable = sum(counts["unavailable"] for counts in managements)
    expect("some do not answer", 0 < unavailable < 10 * len(results), True)
    case.shown("U3.2", f"each of ten managements has got all {len(results)} requests; {unavailable} times one did not quote")
    figures = case.get("/instant-ride-rfqs")
    expect("quotes are exactly those gathered", figures["answers"], gathered)
    strays = figures["duplicate"] + figures.get("late", 0), figures["foreign"]
    expect("strays were there", min(strays) > 0, True)
    case.shown("U3.3", f"{gathered} answers correlated by rfq-id; {strays[0]} repeated or late and {strays[1]} foreign ones ignored")
    case.shown("U3.7", f"{len(tasks)} requests at once, each finished by a client that knows links, status and eta only")
    case.shown("P27", f"{len(results)} requests: the best elected, all accumulated, none mixed")
    expect("the best quotes", [each["best"] and each["best"]["quote"] for each in results],
           [min((quote["quote"] for quote in each["quotes"]), default=None) for each in results])


# ---- patterns on a bus and in pipelines

def sent(case, **queues):
    """Waits until so many messages have come to each queue."""
    wanted = {name.replace("_", "-"): count for name, count in queues.items()}
    until(f"the queues have got {wanted}", PATIENCE, lambda: {name: case.topology.queues()[name]["sent"] for name in wanted} == wanted)


def message_bus(case):
    def publish(kind, body, *more):
        case.topology.verb("topic", "pub", "bus-entry", json.dumps(body) if isinstance(body, dict) else body, "--type", kind, *more)
    publish("ride.completed", {"customer": "cmr", "distance": 600})
    publish("ride.completed", {"customer": "ada", "distance": 6})
    sent(case, rides_to_price=2, long_rides=1, invoices=2, unrouted=0)
    case.shown("P07", "pricing receives rides from the bus and publishes prices to it; billing has both")
    case.shown("P08", "of 2 rides one matches two rules, one matches one; prices match a third")
    publish("ride.priced", {"customer": "cmr", "tariff": "per-km"})
    publish("ride.completed", {"customer": "cmr", "distance": -1})
    publish("bike.completed", {"customer": "cmr"})
    publish("ride.completed", "<ride/>", "--raw")
    publish("ride.completed", {"customer": "c" * 70_000, "distance": 1})
    sent(case, bus_refused=4, invoices=3)
    reasons = [row["reason"] for row in case.topology.rows("queue", "peek", "bus-refused")]
    for piece in ("distance", "no schema", "neither JSON nor msgpack", "at most 65536"):
        expect(f"a reason with '{piece}'", any(piece in str(reason) for reason in reasons), True)
    case.shown("P09", f"a wrong ride is kept with its reason: {next(r for r in reasons if 'distance' in str(r))}")
    case.shown("P10", "unknown type, no JSON, and oversize are refused before the bus, each with its reason in the dead letters")
    case.shown("T5", "rules with event patterns over a topic, schemas by type, an input template")


def pipeline_linear(case):
    for order in ({"customer": "cmr", "price": 60, "note": "fragile"}, {"customer": "ada", "price": 6}):
        case.topology.verb("queue", "send", "orders", json.dumps(order))
    sent(case, orders=2, large_orders=1, lean_orders=1, priced_orders=1)
    case.shown("P28", "linear: three filters, of 2 orders one is dropped by the first")


def pipeline_branching(case):
    for _ in range(3):
        case.topology.verb("queue", "send", "orders", json.dumps({"customer": "cmr", "price": 60}))
    sent(case, orders=3, to_check=3, to_price=3, to_join=6, joined=3)
    case.shown("P28", "branch and join: each of 3 orders goes through two filters at once and is joined again")


# ---- labs

def statuses(case, node):
    """msg-id -> its statuses, in order, of the log of one node."""
    found = {}
    for row in case.topology.rows("logs", node):
        fields = row.get("fields", row)
        if "msg-id" in fields:
            found.setdefault(fields["msg-id"], []).append(fields["status"])
    return found


def fan_out(case):
    for number in range(10):
        expect("the answer", case.post_ride(fare=200 if number % 2 else 20)[0], 201)
    until("each has called its ten rides PROCESSED or FAILED", PATIENCE,
          lambda: all(sum(map(len, statuses(case, node).values())) == n for node, n in
                      (("accounting", 10), ("notification", 10), ("extraordinary", 5))))
    failed = sum(status == "FAILED" for node in ("accounting", "notification", "extraordinary")
                 for log in statuses(case, node).values() for status in log)
    expect("some fail and some do not", 0 < failed < 25, True)
    case.shown("X1", f"lab 1: 10 rides to each subscriber, 5 through the filter, {failed} of 25 deliveries FAILED on purpose")


def chaining(case):
    # Rides of known ids, so that two runs of one seed can be compared.
    for number in range(10):
        ride = {**RIDE, "id": f"ride-{number}", "completed_ms": 1}
        case.topology.verb("topic", "pub", "ride-completion", json.dumps(ride), "--id", ride["id"], "--type", "ride.completed",
                           "-a", "fare:Number=256.50", "-a", "distance:Number=600")
    nodes = ("accounting", "notification", "extraordinary")
    until("every ride ends PROCESSED at every service", PATIENCE,
          lambda: all(sum(log[-1] == "PROCESSED" for log in statuses(case, node).values()) == 10 for node in nodes))
    failed = {node: {ride: log.count("FAILED") for ride, log in statuses(case, node).items()} for node in nodes}
    times = sum(sum(rides.values()) for rides in failed.values())
    expect("some fail at first", times > 0, True)
    case.shown("X1", f"lab 2: 30 deliveries, {times} FAILED on purpose and came again until all were PROCESSED")
    return failed
