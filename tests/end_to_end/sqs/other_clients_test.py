"""The same queues through awscli, the SDK for JavaScript and plain HTTP: a tour of all verbs, and requests that no SDK would send.

Usage: other_clients_test.py FOLDER_OF_BINARIES [story...]
The SDK for JavaScript is fetched with npm into REMUDA_NPM (default: beside the binaries); without npm or its registry that story is skipped.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import unittest
import urllib.parse

from front_door import ACCOUNT, BINARIES, FrontDoor, main

ENVIRONMENT = {**os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "",
               "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "1"}
NPM_FOLDER = pathlib.Path(os.environ.get("REMUDA_NPM", BINARIES.parent / "npm"))


class OtherClients(FrontDoor):
    # ---- awscli

    def aws(self, *words, expect=0, service="sqs"):
        done = subprocess.run(["aws", "--endpoint-url", f"http://{self.address}", service, *words], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, expect, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else done.stderr

    @unittest.skipIf(shutil.which("aws") is None, "awscli is not installed")
    def test_awscli_makes_the_tour(self):
        dead = self.aws("create-queue", "--queue-name", self.name("cli"))["QueueUrl"]
        policy = json.dumps({"RedrivePolicy": json.dumps({"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": "1"}), "VisibilityTimeout": "0"})
        name = self.name("cli")
        url = self.aws("create-queue", "--queue-name", name, "--attributes", policy, "--tags", "team=rides")["QueueUrl"]
        self.assertEqual(self.aws("get-queue-url", "--queue-name", name)["QueueUrl"], url)
        self.assertIn(url, self.aws("list-queues", "--queue-name-prefix", "cli")["QueueUrls"])
        self.assertEqual(self.aws("list-dead-letter-source-queues", "--queue-url", dead)["queueUrls"], [url])
        self.assertEqual(self.aws("list-queue-tags", "--queue-url", url)["Tags"], {"team": "rides"})
        self.aws("tag-queue", "--queue-url", url, "--tags", "stage=dev")
        self.aws("untag-queue", "--queue-url", url, "--tag-keys", "team")
        sent = self.aws("send-message", "--queue-url", url, "--message-body", "hello", "--message-attributes", '{"n": {"DataType": "Number", "StringValue": "1"}}')
        self.assertEqual(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592")
        message = self.aws("receive-message", "--queue-url", url, "--attribute-names", "All", "--message-attribute-names", "All", "--wait-time-seconds", "5",
                           "--visibility-timeout", "60")["Messages"][0]
        self.assertEqual(message["MessageAttributes"]["n"]["StringValue"], "1")
        handle = ["--queue-url", url, "--receipt-handle", message["ReceiptHandle"]]
        self.aws("change-message-visibility", *handle, "--visibility-timeout", "600")
        self.aws("delete-message", *handle)
        entries = json.dumps([{"Id": i, "MessageBody": i} for i in "ab"])
        self.assertEqual(len(self.aws("send-message-batch", "--queue-url", url, "--entries", entries)["Successful"]), 2)
        handles = [m["ReceiptHandle"] for m in self.aws("receive-message", "--queue-url", url, "--max-number-of-messages", "10", "--visibility-timeout", "60")["Messages"]]
        hide = json.dumps([{"Id": str(i), "ReceiptHandle": handle, "VisibilityTimeout": 30} for i, handle in enumerate(handles)])
        self.assertEqual(len(self.aws("change-message-visibility-batch", "--queue-url", url, "--entries", hide)["Successful"]), 2)
        gone = json.dumps([{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(handles)])
        self.assertEqual(len(self.aws("delete-message-batch", "--queue-url", url, "--entries", gone)["Successful"]), 2)
        self.aws("set-queue-attributes", "--queue-url", url, "--attributes", "DelaySeconds=1")
        self.assertEqual(self.aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "DelaySeconds")["Attributes"], {"DelaySeconds": "1"})
        self.aws("add-permission", "--queue-url", url, "--label", "l", "--aws-account-ids", "111111111111", "--actions", "SendMessage")
        self.aws("remove-permission", "--queue-url", url, "--label", "l")
        self.aws("purge-queue", "--queue-url", url)
        self.aws("delete-queue", "--queue-url", url)
        self.assertIn("AWS.SimpleQueueService.NonExistentQueue", self.aws("get-queue-url", "--queue-name", name, expect=255))

    @unittest.skipIf(shutil.which("aws") is None, "awscli is not installed")
    def test_awscli_makes_the_tour_of_topics(self):
        def sns(*words):
            return self.aws(*words, service="sns")
        url = self.queue()
        topic = sns("create-topic", "--name", self.name("cli"))["TopicArn"]
        self.assertIn({"TopicArn": topic}, sns("list-topics")["Topics"])
        arn = sns("subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", self.arn(url), "--attributes", "RawMessageDelivery=true")["SubscriptionArn"]
        sns("set-subscription-attributes", "--subscription-arn", arn, "--attribute-name", "FilterPolicy", "--attribute-value", '{"n": ["1"]}')
        self.assertEqual([row["SubscriptionArn"] for row in sns("list-subscriptions-by-topic", "--topic-arn", topic)["Subscriptions"]], [arn])
        self.assertIn(arn, [row["SubscriptionArn"] for row in sns("list-subscriptions")["Subscriptions"]])
        attributes = {"n": {"DataType": "String", "StringValue": "1"}}
        sns("publish", "--topic-arn", topic, "--message", "a", "--message-attributes", json.dumps(attributes))
        entries = [{"Id": "b", "Message": "b", "MessageAttributes": attributes}, {"Id": "c", "Message": "c"}]
        sns("publish-batch", "--topic-arn", topic, "--publish-batch-request-entries", json.dumps(entries))
        self.assertEqual(sorted(self.receive_one(url)["Body"] for _ in range(2)), ["a", "b"])
        sns("unsubscribe", "--subscription-arn", arn)
        sns("delete-topic", "--topic-arn", topic)

    # ---- the SDK for JavaScript

    def npm_packages(self):
        """Fetches the SDK once; later runs find it."""
        if shutil.which("npm") is None:
            self.skipTest("npm is not installed")
        if not (NPM_FOLDER / "node_modules/@aws-sdk/client-sns").exists():
            NPM_FOLDER.mkdir(parents=True, exist_ok=True)
            (NPM_FOLDER / "package.json").write_text('{"private": true}')
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "@aws-sdk/client-sqs", "@aws-sdk/client-sns"], cwd=NPM_FOLDER,
                                  capture_output=True, text=True, timeout=240)
            if done.returncode != 0:
                self.skipTest("npm cannot fetch the SDK here: " + (done.stderr.strip().splitlines() or [""])[-1])

    def test_the_sdk_for_javascript_makes_the_tour(self):
        self.npm_packages()
        script = pathlib.Path(__file__).with_name("tour.cjs")
        done = subprocess.run(["node", script, f"http://{self.address}"], env={**ENVIRONMENT, "NODE_PATH": str(NPM_FOLDER / "node_modules")}, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout.strip())

    # ---- plain HTTP

    def form(self, path="/", method="POST", **given):
        text = urllib.parse.urlencode(given)
        if method == "GET":
            return self.http("GET", f"{path}?{text}")
        return self.http("POST", path, text, **{"Content-Type": "application/x-www-form-urlencoded"})

    def test_a_form_or_an_address_is_enough(self):
        url = self.queue()
        path = "/" + url.split("/", 3)[3]
        status, headers, body = self.form(path, Action="SendMessage", MessageBody="a & b", Version="2012-11-05")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/xml"))
        self.assertIn(b"<SendMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><SendMessageResult><MessageId>", body)
        self.assertIn(headers["x-amzn-RequestId"].encode(), body)
        status, _, body = self.form(path, "GET", Action="ReceiveMessage", WaitTimeSeconds=5)
        self.assertEqual((status, b"<Body>a &amp; b</Body>" in body), (200, True))

    def test_json_has_shapes_statuses_and_the_query_protocols_codes(self):
        status, headers, body = self.call_json("GetQueueUrl", QueueName="missing")
        self.assertEqual((status, body["__type"]), (400, "com.amazonaws.sqs#QueueDoesNotExist"))
        self.assertEqual(headers["x-amzn-query-error"], "AWS.SimpleQueueService.NonExistentQueue;Sender")
        self.assertEqual(headers["Content-Type"], "application/x-amz-json-1.0")
        url = self.done_json("CreateQueue", QueueName=self.name(), tags={"team": "rides"}, Attributes={"DelaySeconds": "0"})["QueueUrl"]
        self.assertEqual(self.done_json("ListQueueTags", QueueUrl=url)["Tags"], {"team": "rides"})
        self.assertEqual(self.done_json("SetQueueAttributes", QueueUrl=url, Attributes={"VisibilityTimeout": "1"}), {})

    def test_hostile_requests_get_errors_in_amazons_shape(self):
        url = self.queue()
        deep = b'{"a":' * 100_000
        target = {"X-Amz-Target": "AmazonSQS.SendMessage"}
        for status, fields, body in ((400, target, b"{"), (400, target, b"[1]"), (400, target, deep), (400, target, b'{"QueueUrl": []}'),
                                     (400, {"X-Amz-Target": "AmazonSQS.Explode"}, b"{}"), (400, {"X-Amz-Target": "nonsense"}, b"{}"),
                                     (400, {}, b""), (404, {}, b"Action=%zz"), (400, {}, b"Action=Explode")):
            found, headers, answer = self.http(body=body, **fields)
            self.assertEqual(found, status, answer[:200])
            self.assertTrue(b"__type" in answer or b"<ErrorResponse" in answer, answer[:200])
            self.assertIn("x-amzn-RequestId", headers)
        for nonsense in (b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                         b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"):
            with socket.create_connection(self.address.split(":"), timeout=20) as connection:
                connection.sendall(nonsense)
                self.assertIn(b"<ErrorResponse", self.rest(connection))
        self.send(url)

    @staticmethod
    def rest(connection):
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts)

    def test_queues_and_messages_survive_kill_9(self):
        url = self.queue(VisibilityTimeout=600, ReceiveMessageWaitTimeSeconds=1)
        self.send(url, "a")
        self.send(url, "b")
        held = self.receive_one(url)
        before = self.attributes(url)
        self.topology.kill("main")
        self.topology.kill("sqs")
        self.assertEqual(self.attributes(url), before)
        self.delete(url, held)
        self.assertEqual(self.receive_one(url)["Body"], "b")
        self.assertEqual(url, f"http://{self.address}/{ACCOUNT}/{url.rsplit('/', 1)[1]}")


if __name__ == "__main__":
    main()
