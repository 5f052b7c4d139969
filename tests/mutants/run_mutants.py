#!/usr/bin/env python3
"""Wakes each planted bug of mutants.txt in turn and demands that a checker notices it.   run_mutants.py BUILD_FOLDER [NUMBER...]

The build must have REMUDA_MUTANTS=ON (the dev preset): one build holds all mutants, REMUDA_MUTANT=n in the environment wakes one.
First every checker has to pass with no mutant awake: a checker that always fails would catch everything.
REMUDA_MUTANT_JOBS sets how many run at a time (default 2)."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time
from collections import Counter, namedtuple

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[1]
SIMULATED_OPERATIONS = "400000"  # most mutants take a few hundred
PATIENCE_S = 120  # a mutant that makes a checker hang is caught as well, only late

Mutant = namedtuple("Mutant", "number checkers sentence")


def checkers(build):
    """name -> command."""
    stop_early = ["--log_level=nothing", "--report_level=no"]
    tests = build / "tests"
    return {
        "simulation": [tests / "engine_simulation", *stop_early],
        "engine": [tests / "test_engine", *stop_early],
        "journal": [tests / "test_journal", *stop_early],
        "power_cut": [tests / "test_journal_power_cut", *stop_early],
        "server": [tests / "test_broker_server", *stop_early],
        "saga": [tests / "test_saga", *stop_early],
        "orchestrator": [tests / "test_saga_orchestrator", *stop_early],
        "saga_simulation": [tests / "saga_simulation", *stop_early],
        "conformance": ["/usr/bin/python3", TREE / "tests/conformance/queue_conformance.py", build / "bin/remuda-broker"],
    }


def read_table():
    table = []
    for line in (HERE / "mutants.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            fields = re.match(r"(\d+) +((?:[a-z_]+ )+) +(.+)", line)
            if not fields:
                sys.exit(f"mutants.txt: not understood: {line}")
            table.append(Mutant(int(fields[1]), fields[2].split(), fields[3]))
    return table


def check_table(table):
    """The table and the source name the same mutants, each in one place."""
    planted = Counter()
    for folder in ("broker", "common", "nodes"):
        for file in (TREE / folder).rglob("*.[ch]pp"):
            if file.name != "mutant.hpp":
                planted.update({int(n): 1 for n in set(re.findall(r"REMUDA_MUTANT\((\d+)\)", file.read_text(encoding="utf-8")))})
    numbers = [mutant.number for mutant in table]
    twice = [n for n, count in Counter(numbers).items() if count > 1] + [n for n, files in planted.items() if files > 1]
    if twice or set(numbers) != set(planted):
        sys.exit(f"table and source differ: twice {sorted(twice)}, only in the table {sorted(set(numbers) - set(planted))}, "
                 f"only in the source {sorted(set(planted) - set(numbers))}")


def passes(command, mutant):
    """True when the checker is content with this mutant; a mutant that makes it hang does not pass either."""
    environment = {**os.environ, "REMUDA_MUTANT": str(mutant), "REMUDA_SIMULATION_OPERATIONS": SIMULATED_OPERATIONS,
                   "REMUDA_SIMULATION_SHRINK": "0", "REMUDA_SAGA_PAIRS": "0", "REMUDA_SAGA_STEPS": "2"}
    try:
        return subprocess.run(list(map(str, command)), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=PATIENCE_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def hunt(mutant, commands):
    started = time.monotonic()
    for checker in mutant.checkers:
        if not passes(commands[checker], mutant.number):
            return checker, time.monotonic() - started
    return None, time.monotonic() - started


def main():
    build, only = pathlib.Path(sys.argv[1]), {int(n) for n in sys.argv[2:]}
    started = time.monotonic()
    table = read_table()
    check_table(table)
    chosen = [mutant for mutant in table if not only or mutant.number in only]
    commands = checkers(build)
    used = sorted({checker for mutant in chosen for checker in mutant.checkers})
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("REMUDA_MUTANT_JOBS", "2"))) as pool:
        broken = [name for name, content in zip(used, pool.map(lambda name: passes(commands[name], 0), used)) if not content]
        if broken:
            sys.exit(f"these checkers fail without any mutant, so they prove nothing: {broken}")
        escaped = 0
        for mutant, (checker, took_s) in zip(chosen, pool.map(lambda mutant: hunt(mutant, commands), chosen)):
            verdict = f"caught by {checker}" if checker else "ESCAPED"
            escaped += checker is None
            print(f"{mutant.number:4}  {verdict:22} {took_s:6.1f} s  {mutant.sentence}", flush=True)
    print(f"mutants: {len(chosen)}, caught: {len(chosen) - escaped}, escaped: {escaped}, in {time.monotonic() - started:.0f} s")
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
