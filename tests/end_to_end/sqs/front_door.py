"""What the stories about the SQS gateway share: a queue node with its front door, a client of Amazon's SDK, and a vocabulary."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import socket
import sys
import tempfile
import unittest

import boto3
import botocore.config
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "conformance"))
from remuda_client import Client, message as native_message  # noqa: E402, F401
from topology_driver import LAUNCH, Topology, free_port, until  # noqa: E402

BINARIES = pathlib.Path(sys.argv.pop(1)).resolve()
ACCOUNT = "000000000000"
PREFIX = "AWS.SimpleQueueService."


def client(service, address, **options):
    """Signed with any credentials; what is wrong is to be found by the server, at the first attempt."""
    config = botocore.config.Config(retries={"max_attempts": 0}, parameter_validation=False, **options)
    return boto3.client(service, endpoint_url=f"http://{address}", region_name="us-east-1", aws_access_key_id="any",
                        aws_secret_access_key="any", config=config)


class FrontDoor(unittest.TestCase):
    """One topology for all stories of a class; each story makes queues under names of its own."""
    launch_file = LAUNCH / "sqs.toml"
    settings = {"cool_down": "1s"}

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        folder = cls.stack.enter_context(tempfile.TemporaryDirectory(prefix="remuda-sqs-"))
        cls.address = f"127.0.0.1:{free_port()}"
        name = f"sqs-{os.getpid()}-{cls.__name__.lower()}"
        cls.topology = cls.stack.enter_context(Topology(BINARIES, folder, name, cls.launch_file, sqs=cls.address, **cls.settings))
        cls.sqs = client("sqs", cls.address)
        cls.sns = client("sns", cls.address)
        cls.numbers = iter(range(1_000_000))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    # ---- the vocabulary

    def name(self, base="q", suffix=""):
        return f"{base}-{next(self.numbers)}{suffix}"

    def queue(self, **attributes):
        """The URL of a new queue."""
        return self.sqs.create_queue(QueueName=self.name(), Attributes={key: str(value) for key, value in attributes.items()})["QueueUrl"]

    def fifo(self, **attributes):
        given = {"FifoQueue": "true", **{key: str(value) for key, value in attributes.items()}}
        return self.sqs.create_queue(QueueName=self.name(suffix=".fifo"), Attributes=given)["QueueUrl"]

    def with_dead_letters(self, max_receives, make=None, **attributes):
        """A queue and its dead-letter queue."""
        make = make or self.queue
        dead = make()
        return make(RedrivePolicy=json.dumps({"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": max_receives}), **attributes), dead

    @staticmethod
    def arn(url):
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{url.rsplit('/', 1)[1]}"

    def send(self, url, body="hello", **more):
        return self.sqs.send_message(QueueUrl=url, MessageBody=body, **more)

    def receive(self, url, count=1, wait=0, **more):
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=count, WaitTimeSeconds=wait,
                                          **{"AttributeNames": ["All"], "MessageAttributeNames": ["All"], **more})
        return answer.get("Messages", [])

    def receive_one(self, url, wait=10, **more):
        messages = self.receive(url, wait=wait, **more)
        self.assertEqual(len(messages), 1)
        return messages[0]

    def bodies(self, url, count=10, **more):
        return [message["Body"] for message in self.receive(url, count, **more)]

    def delete(self, url, message):
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def hide(self, url, message, seconds):
        self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds)

    def attributes(self, url, *names):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})

    def counts(self, url):
        found = self.attributes(url)
        return tuple(int(found["ApproximateNumberOfMessages" + state]) for state in ("", "NotVisible", "Delayed"))

    @contextlib.contextmanager
    def native_client(self):
        """A client of the queue node's own protocol, beside the SDK's."""
        with contextlib.closing(Client(self.topology.endpoint_of("main"))) as native:
            yield native

    @contextlib.contextmanager
    def background(self, call):
        """Runs `call` beside the story; a future of what it answers."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            yield pool.submit(call)

    def wait_until_waiting(self, url, receives=1):
        """Until so many receives wait in the queue node."""
        name = url.rsplit("/", 1)[1]
        until(f"{receives} receives wait", 20, lambda: self.topology.rows("queue", "info", name)[0]["waiting_receives"] >= receives)

    @contextlib.contextmanager
    def refused(self, code, status=400):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            yield caught
        answer = caught.exception.response
        self.assertEqual((answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]), (code, status), answer["Error"])
        self.assertTrue(answer["ResponseMetadata"]["RequestId"])

    # ---- without an SDK

    def http(self, method="POST", path="/", body=None, **fields):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def raw_request(self, body, target):
        """A connection whose request is out and whose answer may be long in coming."""
        host, port = self.address.split(":")
        connection = socket.create_connection((host, int(port)), timeout=30)
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {self.address}\r\nX-Amz-Target: {target}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        return connection

    @staticmethod
    def raw_answer(connection):
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        with connection:
            return answer.read()

    def call_json(self, operation, **given):
        """The protocol of today's SDKs. Returns status, headers and what the body says."""
        status, headers, body = self.http(body=json.dumps(given), **{"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"})
        return status, headers, json.loads(body)

    def done_json(self, operation, **given):
        status, _, answer = self.call_json(operation, **given)
        self.assertEqual(status, 200, answer)
        return answer


def main():
    unittest.main(verbosity=2)
