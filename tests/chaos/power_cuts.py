#!/usr/bin/env python3
"""Power cuts of a real broker on a real file system. power_cuts.py PATH/TO/remuda-broker. Needs root, for loop mounts; says so and is skipped
otherwise.

The data folder is a file system in an image file, which holds only what the kernel has really written to the "device". Under load the broker is
stopped at a moment that is never the same, the image is copied as a power cut would leave it, and the broker goes on. The copy is mounted, so that the
file system recovers; a second broker recovers on it; and everything that was confirmed before the cut must be there: once, whole, and not if it was
deleted. A publish to two queues is in both or in neither. Then the second broker is killed and its image cut again: the same must be found.

  REMUDA_POWER_CUTS=n      how many (20; 300 and more by night)      REMUDA_POWER_CUT_FS=ext4|xfs|btrfs      REMUDA_SEED=n"""
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from remuda_client import Client, message, unpack  # noqa: E402

SKIP_CODE = 77  # what ctest reports as skipped
CUTS = int(os.environ.get("REMUDA_POWER_CUTS", "20"))
SEED = int(os.environ.get("REMUDA_SEED", str(random.randrange(1 << 30))))
FILE_SYSTEM = os.environ.get("REMUDA_POWER_CUT_FS", "ext4")
IMAGE_MIB = {"ext4": 64, "xfs": 320, "btrfs": 128}[FILE_SYSTEM]
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"], "btrfs": ["mkfs.btrfs", "-q", "-f"]}[FILE_SYSTEM]
MOUNT_OPTIONS = {"ext4": "loop", "xfs": "loop,nouuid", "btrfs": "loop"}[FILE_SYSTEM]
QUEUES = ("rides", "ledger", "billing")  # the last two are chained to a topic
BACKLOG = 2_000
DEFINITIONS = """
[topics.completed]
[queues.rides]
visibility_timeout = "10m"
[queues.ledger]
visibility_timeout = "10m"
from = "completed"
[queues.billing]
visibility_timeout = "10m"
from = "completed"
"""


class Failed(Exception):
    pass


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def body_of(name):
    """What a message must say, whoever reads it."""
    return name.encode() * (1 + int(name, 16) % 40)


class Disk:
    """A file system in an image, mounted."""

    def __init__(self, folder, image):
        self.folder, self.image, self.mounted = folder, image, False

    def make(self):
        with open(self.image, "wb") as file:
            file.truncate(IMAGE_MIB << 20)
        run(*MAKE, self.image)
        return self

    def mount(self):
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        run("mount", "-t", FILE_SYSTEM, "-o", MOUNT_OPTIONS, self.image, self.folder)
        self.mounted = True
        os.chmod(self.folder, 0o700)
        device = run("losetup", "-n", "-O", "NAME", "-j", self.image).split()[0]
        self.counters = f"/sys/block/{os.path.basename(device)}/stat"
        return self

    def unmount(self):
        if self.mounted:
            run("umount", self.folder)
        self.mounted = False

    def writes(self):
        """How many writes the device has carried out, and how many it is at."""
        with open(self.counters, encoding="ascii") as file:
            fields = file.read().split()
        return int(fields[4]), int(fields[8])

    def cut(self, copy):
        """Copies the image as it is at one moment: taken again when the device wrote meanwhile."""
        while True:
            before = self.writes()
            run("cp", "--sparse=always", self.image, copy)
            if before[1] == 0 and self.writes() == before:
                return


class History:
    """What the clients did and were told; a name is (queue, id)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.asked, self.confirmed, self.deleting, self.deleted = set(), set(), set(), set()
        self.problems = []

    def copy(self):
        with self.lock:
            result = History()
            result.asked, result.confirmed = set(self.asked), set(self.confirmed)
            result.deleting, result.deleted = set(self.deleting), set(self.deleted)
            return result

    def check(self, found):
        """`found`: the names on a recovered copy, in any order."""
        there = set(found)
        problems = {
            "lost": self.confirmed - self.deleting - there,
            "back after their delete": there & self.deleted,
            "never sent": there - self.asked,
            "published in part": {name for queue, name in there ^ {(other_queue(q), n) for q, n in there}
                                  if queue != "rides" and not {(queue, name), (other_queue(queue), name)} & self.deleting},
        }
        if len(there) != len(found):
            problems["twice"] = {name for name in there if found.count(name) > 1}
        if any(problems.values()):
            raise Failed("; ".join(f"{len(names)} messages {what}: {sorted(names)[:3]}" for what, names in problems.items() if names))


def other_queue(queue):
    return {"ledger": "billing", "billing": "ledger"}.get(queue, queue)


class Load:
    """Producers and consumers that never stop, as fast as the backlog allows."""

    def __init__(self, endpoint, history):
        self.endpoint, self.history = endpoint, history
        self.stopping = threading.Event()
        self.room = threading.Semaphore(BACKLOG)  # the consumers give back what the producers take
        steps = [self.send, self.publish, *(self.consuming(queue) for queue in QUEUES)]
        self.threads = [threading.Thread(target=self.repeat, args=[number, step], daemon=True) for number, step in enumerate(steps)]
        for thread in self.threads:
            thread.start()

    def repeat(self, number, step):
        client = Client(self.endpoint, timeout_s=60)
        chance = random.Random(f"{SEED}/{number}")
        try:
            while not self.stopping.is_set():
                step(client, chance)
        except Exception as problem:  # shown by whoever joins
            self.history.problems.append(f"{type(problem).__name__}: {problem}")
        client.close()

    def produce(self, chance, queues, request):
        count = chance.randint(1, 30)
        if not all(self.room.acquire(timeout=0.05) for _ in range(count * len(queues))):
            return
        ids = [f"{chance.getrandbits(64):x}" for _ in range(count)]
        names = {(queue, one) for queue in queues for one in ids}
        with self.history.lock:
            self.history.asked |= names
        request([message(one, body_of(one)) for one in ids])
        with self.history.lock:
            self.history.confirmed |= names

    def send(self, client, chance):
        self.produce(chance, ["rides"], lambda messages: client.send("rides", messages))

    def publish(self, client, chance):
        self.produce(chance, ["ledger", "billing"], lambda messages: client.publish("completed", messages))

    def consuming(self, queue):
        def step(client, chance):
            if len(self.history.asked) - len(self.history.deleted) < BACKLOG // 2:
                self.stopping.wait(0.002)  # so that there is always something that could get lost
                return
            batch = client.receive(queue, chance.randint(1, 40), wait_ms=50)
            if not batch:
                return
            names = {(queue, id_of(one.message)) for one in batch}
            with self.history.lock:
                if not names <= self.history.asked:
                    raise Failed("a message was received that nobody sent")
                self.history.deleting |= names
            if client.delete(queue, [one.handle for one in batch]) is not None:
                raise Failed("a handle just received is stale")
            with self.history.lock:
                self.history.deleted |= names
            for _ in batch:
                self.room.release()

        return step

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.history.problems:
            raise Failed(self.history.problems[0])


def id_of(packed):
    """The id of a message, once its body has been compared."""
    headers, body = unpack(packed)
    if body != body_of(headers["id"]):
        raise Failed(f"message {headers['id']} is not what was sent")
    return headers["id"]


def broker_on(executable, disk_image, options, definitions=DEFINITIONS):
    """A broker, not started yet, and the file system in that image, not mounted yet, for its data folder."""
    broker = BrokerProcess(executable, definitions, options)
    disk = Disk(os.path.join(broker.folder, "data"), disk_image)
    return broker, disk


def found_on(executable, image, options, copy_after=None):
    """Starts a broker on a copy, as after the power has come back: the names of all that is there. `copy_after`: a second cut, right then."""
    broker, disk = broker_on(executable, image, options)
    try:
        disk.mount()
        broker.start()
        if copy_after:
            disk.cut(copy_after)
        client = Client(broker.endpoint)
        names = []
        for queue in QUEUES:
            position = 0
            while batch := client.peek(queue, max=500, **{"from": position}):
                names += [(queue, id_of(one["message"])) for one in batch]
                position = batch[-1]["sequence"] + 1
        client.close()
        return names
    finally:
        broker.end()
        disk.unmount()
        broker.remove()


def wait_until_stopped(pid):
    while True:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] == "T":
                return


def rounds(executable, folder, options, definitions=DEFINITIONS):
    chance = random.Random(SEED)
    broker, disk = broker_on(executable, os.path.join(folder, "disk"), options, definitions)
    history = History()
    copy, second_copy = os.path.join(folder, "copy"), os.path.join(folder, "second")
    moment = threading.Event()
    try:
        disk.make().mount()
        broker.start()
        load = Load(broker.endpoint, history)
        for cut in range(1, CUTS + 1):
            moment.wait(chance.uniform(0.0, 0.15))  # the load runs meanwhile; nothing is waited for
            os.kill(broker.pid, signal.SIGSTOP)
            wait_until_stopped(broker.pid)
            disk.cut(copy)
            before_the_cut = history.copy()
            os.kill(broker.pid, signal.SIGCONT)
            try:
                found = found_on(executable, copy, options, second_copy)
                before_the_cut.check(found)
                if sorted(found_on(executable, second_copy, options)) != sorted(found):
                    raise Failed("a cut right after the recovery left something else")
            except Failed as problem:
                raise Failed(f"cut {cut}: {problem}") from None
            if history.problems:
                raise Failed(history.problems[0])
        load.stop()
        return history
    finally:
        broker.end()
        disk.unmount()
        broker.remove()


def check_the_checker(executable, folder, options):
    """Queues that confirm without waiting for the disk must be found out, else the cuts prove nothing."""
    relaxed = DEFINITIONS.replace('visibility_timeout = "10m"', 'visibility_timeout = "10m"\ndurability = "relaxed"')
    try:
        rounds(executable, folder, options, relaxed)
    except Failed as problem:
        if "lost" in str(problem) or "back after" in str(problem):
            return
        raise
    raise Failed("queues that do not wait for the disk lost nothing: these cuts cannot fail")


def may_mount():
    with tempfile.TemporaryDirectory(prefix="remuda-mount-") as folder:
        try:
            disk = Disk(os.path.join(folder, "disk"), os.path.join(folder, "image")).make().mount()
            disk.unmount()
        except (Failed, OSError) as problem:
            print(f"skipped: only root may mount an image of {FILE_SYSTEM}, and not in every container ({problem})")
            return False
        return True


def main():
    if os.environ.get("REMUDA_OWN_MOUNTS") != "1":
        # In a mount namespace of its own: whatever becomes of this process, the kernel then unmounts everything.
        if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            print("skipped: needs root, for a mount namespace of its own")
            sys.exit(SKIP_CODE)
        os.environ["REMUDA_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    if not may_mount():
        sys.exit(SKIP_CODE)
    options = ["--segment-size", random.Random(SEED).choice(["64KiB", "256KiB", "1MiB"])]
    print(f"seed {SEED}, {CUTS} power cuts on {FILE_SYSTEM}, segments of {options[1]}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="remuda-power-cuts-") as folder:
        history = rounds(sys.argv[1], folder, options)
        took = time.monotonic() - began
        check_the_checker(sys.argv[1], folder, options)
    print(f"{CUTS} power cuts, each followed by one in the new life, {CUTS / took:.1f} a second; {len(history.confirmed)} confirmed messages, "
          f"{len(history.deleted)} confirmed deletes: 0 lost, 0 back after their delete, 0 published in part")


if __name__ == "__main__":
    try:
        main()
    except Failed as problem:
        sys.exit(f"FAILED (REMUDA_SEED={SEED}): {problem}")
