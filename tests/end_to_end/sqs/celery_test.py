"""Celery and its library of transports, kombu, as Debian has them: their broker URL says sqs://, their endpoint is ours.

Usage: celery_test.py FOLDER_OF_BINARIES [story...]
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from front_door import FrontDoor, main
from topology_driver import until

try:
    import celery
    import kombu
except ImportError:
    celery = kombu = None

APPLICATION = """
import celery
app = celery.Celery("rides", broker="sqs://any:any@ADDRESS//", task_ignore_result=True, worker_hijack_root_logger=False)
app.conf.broker_transport_options = {"region": "us-east-1", "is_secure": False, "visibility_timeout": 60,
                                     "wait_time_seconds": 1}

@app.task(bind=True, acks_late=True, max_retries=3)
def charge(self, fare):
    if fare == 13 and self.request.retries == 0:
        raise self.retry(countdown=0)
    with open("charged", "a") as ledger:
        ledger.write(f"{fare}\\n")
"""


@unittest.skipIf(kombu is None, "python3-celery and python3-kombu are not installed")
class Celery(FrontDoor):
    def connection(self):
        options = {"region": "us-east-1", "is_secure": False, "wait_time_seconds": 1}
        return kombu.Connection(f"sqs://any:any@{self.address}//", transport_options=options)

    def test_kombu_sends_receives_acknowledges_and_gives_back(self):
        name = self.name("kombu")
        with self.connection() as connection:
            with contextlib.closing(connection.SimpleQueue(name)) as queue:
                for number in range(5):
                    queue.put({"number": number, "text": "é & <x>"})
                seen = []
                while len(seen) < 5:
                    message = queue.get(timeout=20)
                    seen.append(message.payload["number"])
                    message.ack()
                self.assertEqual(sorted(seen), list(range(5)))
                queue.put("again")
                queue.get(timeout=20).requeue()
                message = queue.get(timeout=20)
                self.assertEqual(message.payload, "again")
                message.ack()
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        self.assertEqual(self.counts(url), (0, 0, 0))

    def test_a_celery_worker_runs_tasks_and_retries_one(self):
        url = self.sqs.create_queue(QueueName="celery")["QueueUrl"]
        with tempfile.TemporaryDirectory(prefix="remuda-celery-") as folder:
            (pathlib.Path(folder) / "rides.py").write_text(APPLICATION.replace("ADDRESS", self.address))
            environment = {**os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1", "C_FORCE_ROOT": "1"}
            send = "import rides\nfor fare in range(10, 20): rides.charge.delay(fare)"
            subprocess.run([sys.executable, "-c", send], cwd=folder, env=environment, check=True, timeout=60)
            ledger = pathlib.Path(folder) / "charged"
            with open(pathlib.Path(folder) / "log", "w+") as log:
                worker = subprocess.Popen([sys.executable, "-m", "celery", "-A", "rides", "worker", "--pool", "solo", "--without-gossip", "--without-mingle"],
                                          cwd=folder, env=environment, stdout=log, stderr=log)
                try:
                    until("every fare is charged", 60, lambda: ledger.exists() and len(ledger.read_text().split()) >= 10)
                    self.assertEqual(sorted(map(int, ledger.read_text().split())), list(range(10, 20)))
                    until("every task is acknowledged", 20, lambda: self.counts(url) == (0, 0, 0))
                except Exception:
                    log.seek(0)
                    print(log.read()[-4000:])
                    raise
                finally:
                    worker.send_signal(signal.SIGTERM)
                    worker.wait(60)


if __name__ == "__main__":
    main()
