#!/usr/bin/env python3
"""Runs every shipped launch file, drives its client, and prints one line for each row of the mission that it shows.

    use_cases_test.py BIN_FOLDER [LAUNCH_FILE | CASE...]

Each launch file has to pass `remuda check` without a warning, to start in under a second, and to stop without leaving a process behind."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import fare_cases  # noqa: E402
import use_cases  # noqa: E402
from topology_driver import LAUNCH, Failed, Topology, free_port  # noqa: E402

BINARIES = pathlib.Path(sys.argv[1]).resolve()
CHOSEN = set(sys.argv[2:])
ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = {"work": f"{use_cases.WORK_MS}ms"}
RFQ = {"timeout": "2s", "delay": "1s", "step": "10ms", "stray": "0.5", "availability": "0.5"}
LAB = {"visibility_timeout": "1s"}

TABLE = [  # launch file, what its client does, settings
    ("ride_completion_rest", use_cases.rest, {"patience": "1s"}),
    ("ride_completion_recipient_list", use_cases.recipient_list, {"patience": "1s"}),
    ("ride_completion_self_filtering", use_cases.recipients_at_the_service, {}),
    ("ride_completion_topic", use_cases.live_topic, {}),
    ("ride_completion_filter", use_cases.live_filter, {}),
    ("ride_completion_chained", use_cases.chained, {}),
    ("wild_rydes", use_cases.chained, {}),
    ("two_hosts", use_cases.chained, {}),
    ("prebooking_all_at_once", use_cases.all_at_once, WORK),
    ("prebooking_decoupled", use_cases.decoupled, WORK),
    ("prebooking_queue_front", use_cases.queue_front, WORK),
    ("prebooking_gateway_queue", use_cases.gateway_queue, WORK),
    ("prebooking_stream", use_cases.ingestion_stream, {**WORK, "window": "2s", "roll_interval": "1s"}),
    ("instant_ride_rfq", use_cases.instant_ride_rfq, RFQ),
    ("message_bus", use_cases.message_bus, {}),
    ("pipeline_linear", use_cases.pipeline_linear, {}),
    ("pipeline_branching", use_cases.pipeline_branching, {}),
    ("lab1", use_cases.fan_out, {}),
    ("lab2", use_cases.chaining, LAB),
    ("fare_collection", fare_cases.happy_path, {}),
    ("fare_collection", fare_cases.pre_authorisation_fails, {}),
    ("fare_collection", fare_cases.charge_fails, {}),
    ("fare_collection", fare_cases.account_update_fails, {}),
    ("fare_collection", fare_cases.transient_faults, {"faults": 0.25, "lost": 0.25, "seed": 4}),
    ("fare_collection", fare_cases.compensation_fails, {"stuck_after": 2}),
    ("fare_collection", fare_cases.orchestrator_crashes, {}),
    ("fare_collection", fare_cases.registration_fails, {}),
    ("fare_choreography", fare_cases.choreographed, {}),
    ("lab4", fare_cases.workshop, {}),
]

# Rows that are shown by a test of their own: row -> (what shows it, its file, its stories).
ELSEWHERE = {
    "P02": [("two requesters, answers out of order, late and repeated replies", "tests/conformance/channels/request_channel_test.cpp",
             ["several_outstanding_requests_answered_out_of_order_are_paired", "two_requesters_never_see_each_others_replies",
              "a_late_reply_does_no_harm", "a_repeated_reply_is_given_once"]),
            ("over queues: return address, 1,000 outstanding each, an answerer that was away", "tests/conformance/channels/queued_request_test.cpp",
             ["two_askers_with_a_thousand_questions_each_get_exactly_their_own_answers_in_whatever_order",
              "an_answerer_that_is_away_answers_when_it_is_back", "answers_to_an_earlier_life_of_the_asker_are_dropped"])],
    "P06": [("who gets a message, and what becomes of it when nobody is there, for every kind", "tests/conformance/channels/channel_promises_test.cpp",
             ["with_two_receivers_one_gets_it_or_both_do", "what_is_sent_while_nobody_is_there_is_kept_or_waits_or_is_lost_or_refused"])],
    "P08": [("rules, targets and inputs", "tests/unit/nodes/pattern_nodes_test.cpp", ["an_event_goes_to_the_targets_of_every_rule_that_wants_it"]),
            ("event patterns, a case per rule", "tests/unit/filter/event_pattern_test.cpp", ["a_pattern_looks_at_the_envelope_and_at_the_detail"])],
    "P25": [("colours: attributes and body, live", "tests/conformance/channels/channel_promises_test.cpp", ["a_live_filter_lets_through_what_it_wants_and_nobody_else_notices", "a_live_filter_may_look_at_attributes"]),
            ("filters of chained queues changed at run time", "tests/end_to_end/command_line_test.py",
             ["test_queues_and_filters_are_made_changed_and_removed_under_running_nodes"])],
    "P26": [("colours, with the choice inside the publisher and in a component of its own", "tests/unit/nodes/recipient_list_test.cpp",
             ["a_publisher_may_choose_by_itself", "each_recipient_gets_its_colour_and_one_gets_all"])],
    "P12": [("partitions, batches, two groups, re-reading, retention", "tests/unit/broker/engine_stream_test.cpp",
             ["reading_deletes_nothing_and_any_position_can_be_read_again", "two_groups_read_at_their_own_positions",
              "what_is_older_than_the_retention_is_gone_and_stays_gone"]),
            ("over the wire, across kill -9", "tests/conformance/stream_conformance.py", ["test_kill_9_repeats_at_most_the_unconfirmed_batch"])],
    "T7": [("a retained, partitioned log that groups read by position", "tests/conformance/stream_conformance.py",
            ["test_the_same_key_goes_to_the_same_partition", "test_seeking_reads_again", "test_it_says_how_far_each_group_is"])],
    "P27": [("completeness and algorithms, late, repeated and foreign answers, restarts", "tests/unit/nodes/aggregator_test.cpp",
             ["all_answers_close_it_and_are_combined_in_three_ways", "the_timeout_closes_what_misses_an_answer_and_not_earlier",
              "the_first_acceptable_answer_closes_it", "a_score_overrides_the_timeout", "an_event_from_outside_closes_it",
              "late_repeated_and_foreign_answers_are_counted_and_change_nothing", "two_aggregates_never_mix"])],
    "T8": [("states, errors, times and functions of the language, a case per rule", "tests/unit/saga/state_test.cpp",
            ["a_task_goes_through_all_five_fields_in_order"]),
           ("kills, timers, late answers, definitions that change, operators", "tests/unit/nodes/saga_orchestrator_test.cpp",
            ["what_was_not_committed_never_happened", "timers_are_part_of_the_history", "a_saga_runs_under_the_definition_it_was_started_with"])],
    "U4": [("participants: each operation once, undo before do", "tests/unit/nodes/fare_collection_test.cpp",
            ["the_same_key_gives_the_same_answer_and_does_nothing", "an_undo_of_what_was_never_done_succeeds_and_refuses_it_from_then_on"])],
    "U3.7": [("requests for quotes by clients that follow links, with strays and kill -9", "tests/end_to_end/instant_ride_rfq_test.py", ["def follow("])],
    "X3": [("depths, in-flight counts and dead letters", "tests/end_to_end/ride_completion_test.py",
            ["test_a_poison_ride_is_dead_lettered_after_five_receives_and_comes_home_by_redrive"])],
    "X4": [("equal seeds fail equal deliveries", "tests/unit/common/failure_injection_test.cpp", ["the_same_seed_fails_the_same_deliveries"])],
}

# Any row without a line fails this test.
ROWS = ["P02", *(f"P{number:02}" for number in (6, 7, 8, 9, 10, 12, 25, 26, 27, 28, 29)), "T5", "T6", "T7", "T8", "T9",
        *(f"U1.{number}" for number in (2, 3, 4, 5, 7, 8)), *(f"U2.{row}" for row in ("1", "2", "3a", "3b", "4")),
        *(f"U3.{row}" for row in ("1", "1'", "2", "3", "4", "5", "6", "6'", "7", "8")),
        *(f"U4.{number}" for number in range(1, 10)), "M1", "M2", "X1", "X2", "X3", "X4"]

lines = {}


def in_order(row):
    """U2.3a after U2.2, P12 after P02, U3.1' after U3.1."""
    number = re.match(r"[0-9.]*", row[1:]).group()
    return row[0], float(number or 0), row


def rows_without_a_line():
    missing = [row for row in ROWS if row not in lines]
    for row in missing:
        lines[row] = ["is not shown by anything"]
    return missing


def start(folder, name, file, settings, lines_of_rows=lines):
    settings = dict(settings)
    if "queue_front" in file:
        settings["sqs"] = f"127.0.0.1:{free_port()}"
    topology = Topology(BINARIES, folder, name, LAUNCH / f"{file}.toml", ["--local"], **settings)
    began = time.monotonic()
    topology.up()
    return topology, time.monotonic() - began, use_cases.Case(topology, BINARIES, folder, lines_of_rows)


def checked(file):
    done = subprocess.run([BINARIES / "remuda", "check", LAUNCH / f"{file}.toml"], capture_output=True, text=True, check=False)
    if done.returncode != 0 or "warning" in done.stdout + done.stderr:
        raise Failed(f"remuda check {file}.toml:\n{done.stdout}{done.stderr}")
    picture = subprocess.run([BINARIES / "remuda", "graph", LAUNCH / f"{file}.toml", "--format", "svg"], capture_output=True, text=True, check=True)
    if not picture.stdout.startswith("<svg"):
        raise Failed(f"remuda graph {file}.toml draws nothing")


def run(file, act, settings, repeat=False):
    """One row of the table. Returns what `act` returns."""
    with tempfile.TemporaryDirectory(prefix="remuda-cases-") as folder:
        name = f"cases-{os.getpid()}-{file.replace('_', '-')}"[:40]
        topology, took, case = start(pathlib.Path(folder), name, file, settings, {} if repeat else lines)
        try:
            topology.processes()
            result = act(case)
            topology.processes()
        finally:
            topology.down(check=False)
        if topology.leftovers():
            raise Failed(f"{file}: processes outlive it: {topology.leftovers()}")
        return took, result


def started_in_time(file, settings, took):
    """A busy machine may need another try: the quickest of three counts."""
    for _ in range(2):
        if took < 1:
            break
        took = min(took, run(file, lambda case: None, settings)[0])
    if took >= 1:
        raise Failed(f"{file} takes {took:.2f} s to start")
    return took


def amplification():
    """M2: clients that try again, against a service that fails for every ride."""
    figures = {}
    for file in ("ride_completion_rest", "ride_completion_chained"):
        _, figures[file] = run(file, use_cases.Case.retried_rides, {"accounting_fail": "customer"})
    rest, chained = figures["ride_completion_rest"], figures["ride_completion_chained"]
    words = "{posts:.1f} posts, {accounting:.1f} calls of the failing service, {loyalty:.1f} of its neighbours"
    lines.setdefault("M2", []).append(f"per ride with client retries: U1.3 {words.format(**rest)}; U1.9 {words.format(**chained)}, "
                                      "and later what its queue redelivers, at most max_receives, whatever clients do")
    if not (rest["accounting"] > 2 and rest["loyalty"] > 2 and chained["posts"] == 1 and chained["accounting"] == 1 and chained["loyalty"] == 1):
        raise Failed(f"no amplification, or one where none should be: {figures}")


def labs_side_by_side():
    """X2: labs know nothing of each other, and a seed fails the same deliveries in each run."""
    with tempfile.TemporaryDirectory(prefix="remuda-cases-") as folder:
        opened = []
        try:
            for lab in ("lab2", "lab1"):
                opened.append(start(pathlib.Path(folder) / lab, f"cases-{os.getpid()}-side-{lab}", lab, LAB if lab == "lab2" else {})[0])
            states = {(topology.name, state) for topology in opened for state in {row["state"] for row in topology.processes().values()}}
            if {state for _, state in states} != {"ready"}:
                raise Failed(f"the labs disturb each other: {states}")
        finally:
            for topology in opened:
                topology.down(check=False)
        left = [pid for topology in opened for pid in topology.leftovers()]
        if left:
            raise Failed(f"processes outlive their lab: {left}")
    lines.setdefault("X2", []).append("labs 2 and 1 run side by side, started in that order, each with a topology of its own")


def same_seed_same_failures(first):
    _, second = run("lab2", use_cases.chaining, LAB, repeat=True)
    if first != second:
        raise Failed(f"one seed, two outcomes: {first} and {second}")
    failures = sum(sum(rides.values()) for rides in first.values())
    lines.setdefault("X4", []).append(f"lab 2 twice with one seed: the same {failures} deliveries fail")


def told(file, act):
    return f"{file}.toml {'' if act.__name__ == '<lambda>' else act.__name__}"


def main():
    # A launch file that the table does not name has to start and stop all the same.
    listed = {file for file, _, _ in TABLE}
    others = [(path.stem, lambda case: None, {}) for path in sorted(LAUNCH.glob("*.toml")) if path.stem not in listed]
    unknown = CHOSEN - listed - {path.stem for path in LAUNCH.glob("*.toml")} - {act.__name__ for _, act, _ in TABLE}
    if unknown:
        sys.exit(f"neither a launch file nor a case: {sorted(unknown)}")
    problems = 0
    seen = {}
    for file, act, settings in TABLE + others:
        if CHOSEN and not CHOSEN & {file, act.__name__}:
            continue
        try:
            checked(file)
            took, seen[file] = run(file, act, settings)
            took = started_in_time(file, settings, took)
            print(f"{told(file, act):<60} right, up in {took:.2f} s, down without leftovers", flush=True)
        except (Failed, OSError, subprocess.SubprocessError) as problem:
            problems += 1
            print(f"{told(file, act):<60} FAILED: {problem}", flush=True)
    if not CHOSEN:
        for step in (amplification, labs_side_by_side, lambda: same_seed_same_failures(seen.get("lab2"))):
            try:
                step()
            except (Failed, OSError, subprocess.SubprocessError) as problem:
                problems += 1
                print(f"FAILED: {problem}", flush=True)
        for row, tests in ELSEWHERE.items():
            for how, file, stories in tests:
                text = (ROOT / file).read_text() if (ROOT / file).exists() else ""
                for story in stories:
                    if story not in text:
                        problems += 1
                        print(f"{row} names a test that is not there: {story} in {file}")
                lines.setdefault(row, []).append(f"{how}: {file}")
        problems += len(rows_without_a_line())
    for row in sorted(lines, key=in_order):
        for how in lines[row]:
            print(f"{row:<5} {how}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
