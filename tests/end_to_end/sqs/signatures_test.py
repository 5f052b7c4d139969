"""With credentials in the launch file, whoever does not sign as Amazon's clients do is refused as Amazon does.

Usage: signatures_test.py FOLDER_OF_BINARIES [story...]
"""
import contextlib
import datetime
import importlib
import pathlib
import tempfile
import types
import unittest.mock
import urllib.parse

import boto3
import botocore.auth
import botocore.config
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from front_door import FrontDoor, main

KEY, SECRET = "AKIDRIDES", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@contextlib.contextmanager
def clock_off_by(**difference):
    """Requests are signed by a clock that goes wrong."""
    class Wrong(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return datetime.datetime.utcnow() + datetime.timedelta(**difference)
    wrong = types.SimpleNamespace(datetime=Wrong, timezone=datetime.timezone)
    with contextlib.ExitStack() as stack:
        for name in ("botocore.auth", "botocore.crt.auth"):  # of the second is what signs where awscrt is installed
            with contextlib.suppress(ImportError):
                stack.enter_context(unittest.mock.patch.object(importlib.import_module(name), "datetime", wrong))
        yield


class Signatures(FrontDoor):
    settings = {}

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="remuda-signed-")))
        secret = folder / "secret"
        secret.write_text(SECRET + "\n")
        cls.launch_file = folder / "signed.toml"
        cls.launch_file.write_text(f"""
schema = 1
name = "signed"
[args]
sqs = {{ type = "text", default = "127.0.0.1:9324", help = "where" }}
[brokers.main]
[nodes.sqs]
exec = "sqs_gateway"
params = {{ broker = "main", listen = "${{sqs}}", credentials = [{{ id = "{KEY}", secret_file = "{secret}" }}, {{ id = "AKIDFARES", secret = "other" }}] }}
""")
        super().setUpClass()
        cls.sqs, cls.sns = cls.signed_by(KEY, SECRET), cls.signed_by(KEY, SECRET, "sns")

    @classmethod
    def signed_by(cls, key, secret, service="sqs", region="eu-central-1"):
        made = boto3.client(service, endpoint_url=f"http://{cls.address}", region_name=region, aws_access_key_id=key, aws_secret_access_key=secret,
                            config=botocore.config.Config(retries={"max_attempts": 0}))
        cls.addClassCleanup(made.close)
        return made

    def test_who_signs_with_a_known_key_is_heard(self):
        url = self.queue()
        self.send(url, "é & <x>\n", MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}})
        self.assertEqual(self.receive_one(url)["Body"], "é & <x>\n")
        topic = self.sns.create_topic(Name=self.name())["TopicArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn(url))
        self.sns.publish(TopicArn=topic, Message="a b+c")
        self.receive_one(url)
        self.assertIn(url, self.signed_by("AKIDFARES", "other").list_queues()["QueueUrls"])

    def test_a_wrong_secret_an_unknown_key_and_no_signature_are_refused(self):
        with self.refused("SignatureDoesNotMatch", 403):
            self.signed_by(KEY, "guess").list_queues()
        with self.refused("InvalidClientTokenId", 403):
            self.signed_by("AKIDNOBODY", SECRET).list_queues()
        with self.refused("SignatureDoesNotMatch", 403):
            self.signed_by(KEY, "guess", "sns").list_topics()
        status, _, body = self.call_json("ListQueues")
        self.assertEqual((status, body["__type"].split("#")[1]), (403, "MissingAuthenticationTokenException"))
        status, _, body = self.http("GET", "/?Action=ListQueues")
        self.assertEqual((status, b"<Code>MissingAuthenticationToken</Code>" in body), (403, True))

    def test_a_clock_may_be_off_by_a_quarter_of_an_hour(self):
        for minutes, passes in ((-14, True), (14, True), (-16, False), (16, False)):
            with clock_off_by(minutes=minutes):
                if passes:
                    self.sqs.list_queues()
                    continue
                with self.refused("SignatureDoesNotMatch", 403) as caught:
                    self.sqs.list_queues()
            self.assertRegex(caught.exception.response["Error"]["Message"], "^Signature (expired|not yet current): ")

    def presigned(self, url, expires=60, service="sqs", **given):
        request = AWSRequest("GET", url + "?" + urllib.parse.urlencode(given, quote_via=urllib.parse.quote))
        botocore.auth.SigV4QueryAuth(Credentials(KEY, SECRET), service, "us-east-1", expires=expires).add_auth(request)
        address = urllib.parse.urlsplit(request.url)
        return f"{address.path}?{address.query}"

    def test_a_presigned_address_holds_for_its_time_and_for_what_it_says(self):
        url = self.queue()
        address = self.presigned(url, Action="SendMessage", MessageBody="a & b + c\né")
        self.assertEqual(self.http("GET", address)[0], 200)
        self.assertEqual(self.receive_one(url)["Body"], "a & b + c\né")
        status, _, body = self.http("GET", address.replace("SendMessage", "PurgeQueue"))
        self.assertEqual((status, b"<Code>SignatureDoesNotMatch</Code>" in body), (403, True))
        with clock_off_by(seconds=-120):
            self.assertEqual(self.http("GET", self.presigned(url, Action="SendMessage", MessageBody="late"))[0], 403)
            self.assertEqual(self.http("GET", self.presigned(url, 600, Action="SendMessage", MessageBody="in time"))[0], 200)
        self.assertEqual(self.receive_one(url)["Body"], "in time")

    def test_a_signed_request_cannot_be_changed_on_its_way(self):
        url = self.queue()
        request = AWSRequest("POST", url, data="Action=SendMessage&MessageBody=honest", headers={"Content-Type": "application/x-www-form-urlencoded"})
        botocore.auth.SigV4Auth(Credentials(KEY, SECRET), "sqs", "us-east-1").add_auth(request)
        path = urllib.parse.urlsplit(url).path
        self.assertEqual(self.http("POST", path, "Action=SendMessage&MessageBody=forged", **dict(request.headers))[0], 403)
        self.assertEqual(self.http("POST", path, "Action=SendMessage&MessageBody=honest", **dict(request.headers))[0], 200)
        self.assertEqual(self.bodies(url), ["honest"])


if __name__ == "__main__":
    main()
