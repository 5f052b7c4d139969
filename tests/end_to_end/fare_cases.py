"""Use case 4, fare collection: what use_cases_test.py does to the saga orchestrator, to the workshop's lab, and to the same services without
an orchestrator. Each row is a function that leaves a line."""
import os
import shutil
import signal
import sqlite3

from topology_driver import Failed, until

PATIENCE = 90
CARD = {"cc": "4929-1111-2222-3333", "expiryDate": "07/43", "cvv": "8861"}
# In the forms in which something might have written them.
SECRETS = [b"4929-1111-2222-3333", b"4929111122223333", b"4929 1111 2222 3333", b'"07/43"', b"\xa507/43", b'"8861"', b"\xa48861", b"expiryDate",
           # The name as JSON, msgpack, logs and Python have it: three letters alone stand somewhere among the checksums of a journal now and then.
           b'"cvv"', b"\xa3cvv", b"cvv=", b"cvv:", b"'cvv'"]
STEPS = ["RegisterFare", "PreAuthoriseCard", "ChargeCard", "CreditCustomerAccount"]
SUCCESS = [*STEPS, "SetFareStatusCompleted", "NotifySuccess", "FareProcessingSucceeded"]
FAILURE = ["SetFareStatusFailed", "NotifyFailure", "FareProcessingFailed"]


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what}: {found!r} instead of {wanted!r}")


class Fares:
    """The client of a fare collection, and the ledgers of those who take part."""

    def __init__(self, case):
        self.case = case

    def submit(self, fare, customer="cmr", amount="$20.00"):
        body = {"customerId": customer, "fareId": fare, "fareAmount": amount, **CARD}

        def accepted():  # as a client on a poor line: what fails because a node is being killed is asked again
            status, _, answer = self.case.topology.post("/submit-fare", body)
            return answer if status < 500 else None
        answer = until(f"{fare} is accepted", PATIENCE, accepted)
        expect(f"where to ask for {fare}", answer["links"].get("refresh", answer["links"].get("self")), f"/fares/{fare}")

    def status(self, fare):
        return self.case.get(f"/fares/{fare}")["status"]

    def ended(self, fare, wanted):
        until(f"{fare} is {wanted}", PATIENCE, lambda: self.status(fare) == wanted)

    def saga(self, fare):
        return self.case.get(f"/sagas/{fare}")

    def saga_ended(self, fare, wanted):
        return until(f"saga {fare} is {wanted}", PATIENCE, lambda: (lambda saga: saga if saga["status"] == wanted else None)(self.saga(fare)))

    def notices(self):
        queues = self.case.topology.queues()
        return queues["successful-transactions"]["sent"], queues["failed-transactions"]["sent"]

    def rows(self, store, query):
        """A ledger, read while its owner runs: from a copy, with what is in its log."""
        file, = self.case.folder.glob(f"data/**/{store}.sqlite")
        copy = self.case.folder / f"copy-{store}.sqlite"
        for suffix in ("", "-wal"):
            source = file.with_name(file.name + suffix)
            if source.exists():
                shutil.copy(source, str(copy) + suffix)
        try:
            database = sqlite3.connect(copy)
            found = database.execute(query).fetchall()
            database.close()
        except sqlite3.DatabaseError as torn:  # copied in the middle of a checkpoint
            raise Failed(f"{store} is being written: {torn}") from torn
        for suffix in ("", "-wal", "-shm"):
            (self.case.folder / (copy.name + suffix)).unlink(missing_ok=True)
        return found

    def payment(self, fare):
        rows = until("the payments can be read", PATIENCE, lambda: [self.rows("card_payment", "SELECT fare, state, charge_id, refund_id FROM payment")])[0]
        return next((dict(zip(("state", "charge", "refund"), row[1:])) for row in rows if row[0] == fare), None)

    def credited(self, fare):
        rows = until("the accounts can be read", PATIENCE, lambda: [self.rows("customer_account", "SELECT fare, state FROM entry")])[0]
        return dict(rows).get(fare)

    def balanced(self, by_hand=()):
        """Charged and not refunded is credited, fare by fare, but for those that were settled by hand. Returns how many there are of each."""
        def both():
            return [self.rows("card_payment", "SELECT fare, state, cents FROM payment"), self.rows("customer_account", "SELECT fare, cents, state FROM entry")]
        payments, entries = until("the ledgers can be read", PATIENCE, both)
        paid = {fare: cents for fare, state, cents in payments if state == "charged" and fare not in by_hand}
        credited = {fare: cents for fare, cents, state in entries if state == "credited"}
        expect("what is charged and not refunded is credited", paid, credited)
        states = [state for _, state, _ in payments]
        return {state: states.count(state) for state in sorted(set(states))} | {"credited": len(credited)}

    def no_card_is_left(self):
        files = [file for file in self.case.folder.rglob("*") if file.is_file()]
        for file in files:
            content = file.read_bytes()
            for secret in SECRETS:
                if secret in content:
                    raise Failed(f"{file} holds {secret!r}")
        return len(files)


def entered(saga):
    return [entry["state"] for entry in saga["history"] if entry["what"] == "entered"]


def asked(saga, task):
    return [entry for entry in saga["history"] if entry["what"] == "asked" and entry["task"] == f"task:{task}"]


def happy_path(case):
    """U4.1: all steps in order; the code from the first is used in the second; the success notice only."""
    fares = Fares(case)
    fares.submit("wr_1")
    fares.ended("wr_1", "completed")
    saga = fares.saga_ended("wr_1", "completed")
    expect("the steps", entered(saga), SUCCESS)
    payment = fares.payment("wr_1")
    code = asked(saga, "charge")[0]["input"]["chargeToken"]
    answers = [entry.get("output") or {} for entry in saga["history"] if entry["what"] == "answered"]
    expect("the code from step 1 is used in step 2", [answer.get("chargeToken") for answer in answers if "chargeToken" in answer][0], code)
    expect("the payment", (payment["state"], fares.credited("wr_1"), fares.notices()), ("charged", "credited", (1, 0)))
    expect("the same fare with another amount", case.topology.post("/submit-fare", {"customerId": "cmr", "fareId": "wr_1", "fareAmount": "$9", **CARD})[0], 422)
    settled(case, fares, "U4.1", f"{' → '.join(entered(saga))}; the charge uses {code[:8]}…; charged, credited, success notice only")


def pre_authorisation_fails(case):
    """U4.2: nothing was charged, nothing credited; the failure notice only."""
    fares = Fares(case)
    fares.submit("wr_2", "cmr_fail_auth")
    saga = fares.saga_ended("wr_2", "failed")
    expect("the steps", entered(saga), [*STEPS[:2], *FAILURE])
    expect("nothing was paid", (fares.payment("wr_2"), fares.credited("wr_2"), fares.status("wr_2"), fares.notices()), (None, None, "failed", (0, 1)))
    settled(case, fares, "U4.2", f"{' → '.join(entered(saga))}; no charge, no credit, failure notice only")


def charge_fails(case):
    """U4.3: the pre-authorisation is released, nothing credited."""
    fares = Fares(case)
    fares.submit("wr_3", "cmr_fail_charge")
    saga = fares.saga_ended("wr_3", "failed")
    expect("the steps", entered(saga), [*STEPS[:3], "ReleasePreAuthorisation", *FAILURE])
    expect("released", (fares.payment("wr_3")["state"], fares.credited("wr_3"), fares.status("wr_3"), fares.notices()), ("released", None, "failed", (0, 1)))
    settled(case, fares, "U4.3", f"{' → '.join(entered(saga))}; the pre-authorisation is released")


def account_update_fails(case):
    """U4.4: the refund, then the status, then the notice, in this order."""
    fares = Fares(case)
    fares.submit("wr_4", "cmr_fail_credit")
    saga = fares.saga_ended("wr_4", "failed")
    expect("the steps", entered(saga), [*STEPS, "RefundFare", *FAILURE])
    payment = fares.payment("wr_4")
    expect("refunded", (payment["state"], bool(payment["refund"]), fares.credited("wr_4"), fares.notices()), ("refunded", True, None, (0, 1)))
    told = case.topology.verb("saga", "show", "wr_4")
    for line in ("RefundFare  (undoes ChargeCard)", "undone: ChargeCard by RefundFare", "after the error: SetFareStatusFailed, NotifyFailure"):
        expect(f"`remuda saga show` says `{line}`", line in told, True)
    settled(case, fares, "U4.4", f"{' → '.join(entered(saga))}; the charge is refunded before the fare is marked and told of")


def compensation_fails(case):
    """U4.6: a refund that never succeeds is tried again and visibly stuck, until somebody decides."""
    fares = Fares(case)
    fares.submit("wr_6", "cmr_fail_credit_fail_refund")
    saga = fares.saga_ended("wr_6", "stuck")
    expect("where it is stuck", (saga["states"], saga["error"]), ("RefundFare", "RefundException: the charge was not refunded"))
    expect("not told as an end", (fares.status("wr_6"), fares.notices()), ("running", (0, 0)))
    delays = [entry["in_ms"] for entry in saga["history"] if entry["what"] == "retry"]
    expect("in the list", [row["id"] for row in case.get("/sagas?status=stuck")["sagas"]], ["wr_6"])
    case.topology.verb("saga", "skip", "wr_6", "--note", "refunded at the counter", "--yes")
    saga = fares.saga_ended("wr_6", "failed")
    expect("after the operator", entered(saga)[-4:], ["RefundFare", *FAILURE])
    expect("who did it stays", [entry["note"] for entry in saga["history"] if entry["what"] == "skip"], ["refunded at the counter"])
    expect("told of", fares.notices(), (0, 1))
    settled(case, fares, "U4.6", f"the refund is tried again after {delays} ms, then the saga is visibly stuck in RefundFare: GET /sagas?status=stuck has it; "
                                 "an operator's skip goes on from there", by_hand=("wr_6",))


def registration_fails(case):
    """U4.8: the failure notice only."""
    fares = Fares(case)
    fares.submit("wr_8", "cmr_fail_register")
    saga = fares.saga_ended("wr_8", "failed")
    expect("the steps", entered(saga), ["RegisterFare", "NotifyFailure", "FareProcessingFailed"])
    fares.ended("wr_8", "failed")
    expect("only the failure notice", (fares.payment("wr_8"), fares.credited("wr_8"), fares.notices()), (None, None, (0, 1)))
    settled(case, fares, "U4.8", f"{' → '.join(entered(saga))}; the failure notice only")


def settled(case, fares, row, how, by_hand=()):
    """What holds after every row: balanced ledgers, and no card in any file."""
    figures = fares.balanced(by_hand)
    files = fares.no_card_is_left()
    case.shown(row, f"{how}; ledgers balanced {figures}; no card number, expiry or cvv in {files} files")


def transient_faults(case):
    """U4.5: participants that fail at random, before and after they did their work."""
    fares = Fares(case)
    count = 30
    for number in range(count):
        fares.submit(f"wr_{number}", amount="$10.00")
    sagas = [fares.saga_ended(f"wr_{number}", "completed") for number in range(count)]
    retries = []  # the delays of each step that was tried again
    for saga in sagas:
        delays = {}
        for entry in saga["history"]:
            if entry["what"] == "retry":
                delays.setdefault(entry["state"], []).append(entry["in_ms"])
        retries += delays.values()
    expect("each delay is twice the one before", retries, [[1000 * 2 ** at for at in range(len(delays))] for delays in retries])
    figures = fares.balanced()
    expect("each charged and credited once", (figures["charged"], figures["credited"]), (count, count))
    expect("faults were there, several in a row", max(map(len, retries)) > 1, True)
    for saga in sagas:
        keys = {}
        for entry in saga["history"]:
            if entry["what"] == "asked":
                keys.setdefault(entry["state"], set()).add(entry["key"])
        expect("one key for all attempts at a step", [len(found) for found in keys.values()], [1] * len(keys))
    fares.no_card_is_left()
    case.shown("U4.5", f"{count} fares, {sum(map(len, retries))} retries with growing delays (at most {max(retries, key=len)} ms): each charged once, credited once")


KINDS = ["cmr", "cmr_fail_auth", "cmr_fail_charge", "cmr_fail_credit", "cmr"]


def orchestrator_crashes(case):
    """U4.7: the orchestrator, a participant and the broker are killed while sagas run."""
    fares = Fares(case)
    caught, submitted = set(), 0

    def submit(count):
        nonlocal submitted
        for number in range(submitted, submitted + count):
            fares.submit(f"wr_{number}", KINDS[number % len(KINDS)], amount="$10.00")
        submitted += count
    for node in ["orchestrator"] * 4 + ["card-payment", "customer-account", "fare-register", "broker main"]:
        submit(15)
        caught |= {state for row in case.get("/sagas?status=running")["sagas"] for state in row["states"].split(", ")}
        if node.startswith("broker"):
            pid = next(row["pid"] for row in case.topology.processes().values() if row["kind"] == "broker")
            os.kill(pid, signal.SIGKILL)
        else:
            case.topology.kill(node)
    wanted = {kind: "completed" if kind == "cmr" else "failed" for kind in KINDS}
    for number in range(submitted):
        saga = fares.saga_ended(f"wr_{number}", wanted[KINDS[number % len(KINDS)]])
        expect("a saga ends once", [entry["what"] for entry in saga["history"]].count("ended"), 1)
    figures = fares.balanced()
    expect("charged", figures["charged"], sum(wanted[KINDS[number % len(KINDS)]] == "completed" for number in range(submitted)))
    successes, failures = fares.notices()
    if successes < figures["charged"] or failures < submitted - figures["charged"]:
        raise Failed(f"notices are missing: {successes} and {failures}")
    fares.no_card_is_left()
    case.shown("U4.7", f"{submitted} fares while orchestrator (4 times), participants and broker were killed with SIGKILL, sagas caught in {sorted(caught)}: "
                       f"each ended as it should, {figures}")


def choreographed(case):
    """U4.9: the same outcomes without an orchestrator."""
    fares = Fares(case)
    for fare, customer, status in (("wr_1", "cmr", "completed"), ("wr_2", "cmr_fail_auth", "failed"), ("wr_3", "cmr_fail_charge", "failed"),
                                   ("wr_4", "cmr_fail_credit", "failed"), ("wr_8", "cmr_fail_register", "failed")):
        fares.submit(fare, customer)
        fares.ended(fare, status)
    expect("the payments", [(fares.payment(fare) or {}).get("state") for fare in ("wr_1", "wr_2", "wr_3", "wr_4", "wr_8")],
           ["charged", None, "released", "refunded", None])
    expect("the account", [fares.credited(fare) for fare in ("wr_1", "wr_2", "wr_3", "wr_4")], ["credited", None, None, None])
    until("all notices are there", PATIENCE, lambda: fares.notices() == (1, 4))
    fares.submit("wr_6", "cmr_fail_credit_fail_refund")
    until("the refund that fails is a dead letter", PATIENCE, lambda: case.topology.queues()["dead-letters"]["sent"] + case.topology.queues()["dead-letters"]["received"] >= 1)
    expect("and nothing was told", (fares.status("wr_6"), fares.notices()), ("running", (1, 4)))
    files = fares.no_card_is_left()
    case.shown("U4.9", "same services, same outcomes: completed, refused, released, refunded, unregistered; each event leads to the next, failures to compensations; "
                       f"a refund that never succeeds is a dead letter; no card in {files} files")
    case.shown("P28", "a choreographed saga: each step's event triggers the next, a failure's event the compensation, nothing central (fare_choreography.toml)")


def workshop(case):
    """Lab 4: the workshop's machine."""
    fares = Fares(case)
    lab = ["RegisterFare", "ChargeFare", "CreditCustomerAccount"]
    for fare, customer, status, states in (
            ("wr_563", "cmr", "completed", [*lab, "SetFareStatusCompleted", "NotifySuccess", "FareProcessingSucceeded"]),
            ("wr_564", "cmr_fail_auth", "failed", [*lab[:2], *FAILURE]), ("wr_565", "cmr_fail_charge", "failed", [*lab[:2], *FAILURE]),
            ("wr_566", "cmr_fail_credit", "failed", [*lab, "RefundFare", *FAILURE])):
        fares.submit(fare, customer)
        saga = fares.saga_ended(fare, status)
        expect(f"the path of {fare}", entered(saga), states)
        fares.ended(fare, status)
    expect("the notices", fares.notices(), (1, 3))
    files = fares.no_card_is_left()
    case.shown("X1", f"lab 4: the workshop's machine takes the paths of its table for all failure suffixes, notices in filtered queues, no card in {files} files")
    case.shown("P29", "an orchestrator that holds the workflow, participants that know nothing of one another (lab4.toml, fare_collection.toml)")
    case.shown("T8", "workflows in the Amazon States Language: all state types, Retry, Catch, callbacks; `remuda saga check|test` offline")
