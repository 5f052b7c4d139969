"""Messages as boto3 sees them, with botocore's own checks of MD5s and shapes on. Every story is a rule of Amazon SQS.

Usage: messages_test.py FOLDER_OF_BINARIES [story...]
"""
import hashlib
import json
import time

from front_door import PREFIX, FrontDoor, main, native_message

MIB = 1_048_576


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Messages(FrontDoor):
    # ---- sending

    def test_what_is_sent_is_received_and_deleted(self):
        url = self.queue()
        sent = self.send(url, "This is a test message", MessageAttributes={
            "fare": {"DataType": "Number", "StringValue": "61.50"}, "label": {"DataType": "String.x", "StringValue": "é<&>"},
            "raw": {"DataType": "Binary.gzip", "BinaryValue": b"\x00\x01\xff"}},
            MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}})
        self.assertEqual(sent["MD5OfMessageBody"], md5("This is a test message"))
        self.assertIn("MD5OfMessageSystemAttributes", sent)
        message = self.receive_one(url)
        self.assertEqual((message["MessageId"], message["Body"]), (sent["MessageId"], "This is a test message"))
        self.assertEqual(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])
        self.assertEqual(message["MessageAttributes"]["raw"], {"DataType": "Binary.gzip", "BinaryValue": b"\x00\x01\xff"})
        self.assertEqual(message["MessageAttributes"]["label"]["StringValue"], "é<&>")
        system = message["Attributes"]
        self.assertEqual((system["ApproximateReceiveCount"], system["AWSTraceHeader"]), ("1", "Root=1-5759e988-bd862e3fe1be46a994272793"))
        self.assertLess(abs(int(system["SentTimestamp"]) / 1000 - time.time()), 60)
        self.assertGreaterEqual(int(system["ApproximateFirstReceiveTimestamp"]), int(system["SentTimestamp"]))
        self.assertTrue(system["SenderId"])
        self.delete(url, message)
        self.assertEqual(self.counts(url), (0, 0, 0))

    def test_every_text_comes_back_byte_for_byte(self):
        url = self.queue()
        for body in ("x", " \t\r\n leading and trailing \n", "äöü € 馬 🐎", '<xml a="1">&amp;</xml>', '{"json": [1, 2.50, "\\u0041"]}', "\ud7ff\ue000\ufffd"):
            self.send(url, body)
            message = self.receive_one(url)
            self.assertEqual(message["Body"], body)
            self.assertEqual(self.call_json("SendMessage", QueueUrl=url, MessageBody=body)[2]["MD5OfMessageBody"], md5(body))
            self.assertEqual(self.done_json("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]["Body"], body)

    def test_characters_outside_xml_are_refused(self):
        url = self.queue()
        for body in ("a\x00", "\x0b", "\x1f", "\ufffe", "\uffff"):
            with self.refused("InvalidMessageContents"):
                self.send(url, body)
        with self.refused("MissingParameter"):
            self.send(url, "")

    def test_a_message_has_at_most_a_mebibyte_with_its_attributes(self):
        url = self.queue()
        self.send(url, "x" * MIB)
        self.assertEqual(len(self.receive_one(url)["Body"]), MIB)
        with self.refused("InvalidParameterValue"):
            self.send(url, "x" * (MIB + 1))
        attribute = {"MessageAttributes": {"name": {"DataType": "String", "StringValue": "v" * 100_000}}}
        self.send(url, "x" * (MIB - 100_010), **attribute)
        with self.refused("InvalidParameterValue"):
            self.send(url, "x" * (MIB - 100_009), **attribute)
        small = self.queue(MaximumMessageSize=1024)
        self.send(small, "é" * 512)
        with self.refused("InvalidParameterValue"):
            self.send(small, "é" * 512 + "x")

    def test_a_batch_has_at_most_a_mebibyte_in_all(self):
        url = self.queue()
        half = "x" * (MIB // 2)
        answer = self.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": i, "MessageBody": half} for i in "ab"])
        self.assertEqual([entry["Id"] for entry in answer["Successful"]], ["a", "b"])
        with self.refused(PREFIX + "BatchRequestTooLong"):
            self.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half + "x"}])

    def test_entries_of_a_batch_succeed_and_fail_each_for_itself(self):
        url = self.queue(MaximumMessageSize=1024)
        entries = [{"Id": "good", "MessageBody": "a"}, {"Id": "long", "MessageBody": "x" * 1025}, {"Id": "empty", "MessageBody": ""},
                   {"Id": "late", "MessageBody": "a", "DelaySeconds": 901},
                   {"Id": "bad", "MessageBody": "a", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
                   {"Id": "also-good", "MessageBody": "b", "MessageAttributes": {"n": {"DataType": "Number", "StringValue": "1"}}}]
        answer = self.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        self.assertEqual([entry["Id"] for entry in answer["Successful"]], ["good", "also-good"])
        self.assertEqual({entry["Id"]: (entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]},
                         {"long": ("InvalidParameterValue", True), "empty": ("MissingParameter", True), "late": ("InvalidParameterValue", True),
                          "bad": ("InvalidParameterValue", True)})
        self.assertEqual(sorted(self.bodies(url)), ["a", "b"])

    def test_a_batch_has_1_to_10_entries_with_ids_of_their_own(self):
        url = self.queue()
        handle = "AQAAAAIAAAAHAAAAAAAAAA=="
        for verb, field, value in (("send_message_batch", "MessageBody", "x"), ("delete_message_batch", "ReceiptHandle", handle),
                                   ("change_message_visibility_batch", "ReceiptHandle", handle)):
            def call(*ids):
                more = {"VisibilityTimeout": 0} if verb.startswith("change") else {}
                return getattr(self.sqs, verb)(QueueUrl=url, Entries=[{"Id": i, field: value, **more} for i in ids])
            with self.refused(PREFIX + "EmptyBatchRequest"):
                call()
            with self.refused(PREFIX + "TooManyEntriesInBatchRequest"):
                call(*map(str, range(11)))
            with self.refused(PREFIX + "BatchEntryIdsNotDistinct"):
                call("a", "a")
            with self.refused(PREFIX + "InvalidBatchEntryId"):
                call("a b")
            with self.refused(PREFIX + "InvalidBatchEntryId"):
                call("x" * 81)

    def test_bad_attributes_are_refused(self):
        url = self.queue()
        text = {"DataType": "String", "StringValue": "x"}
        for attributes in ({"a b": text}, {"AWS.x": text}, {".a": text}, {"a": {"DataType": "Text", "StringValue": "x"}},
                           {"a": {"DataType": "String", "StringValue": ""}}, {"a": {"DataType": "Number", "StringValue": "one"}},
                           {str(i): text for i in range(11)}):
            with self.refused("InvalidParameterValue"):
                self.send(url, MessageAttributes=attributes)
        self.send(url, MessageAttributes={str(i): text for i in range(10)})

    def test_a_delay_hides_a_message_for_its_time(self):
        url = self.queue(DelaySeconds=900)
        self.send(url, "the queue's own")
        self.send(url, "its own", DelaySeconds=1)
        self.send(url, "none", DelaySeconds=0)
        self.assertEqual(self.counts(url), (1, 0, 2))
        self.assertEqual([self.receive_one(url)["Body"] for _ in range(2)], ["none", "its own"])

    # ---- receiving

    def test_parameters_of_a_receive_have_their_ranges(self):
        url = self.queue()
        for bad in ({"MaxNumberOfMessages": 0}, {"MaxNumberOfMessages": 11}, {"WaitTimeSeconds": -1}, {"WaitTimeSeconds": 21},
                    {"VisibilityTimeout": -1}, {"VisibilityTimeout": 43201}, {"ReceiveRequestAttemptId": "a"}):
            with self.refused("InvalidParameterValue"):
                self.sqs.receive_message(QueueUrl=url, **bad)
        with self.refused("InvalidAttributeName"):
            self.sqs.receive_message(QueueUrl=url, AttributeNames=["Nonsense"])

    def test_a_receive_shows_only_the_attributes_that_are_asked_for(self):
        url = self.queue(VisibilityTimeout=0)
        names = ("ride.id", "ride.fare", "customer")
        self.send(url, MessageAttributes={name: {"DataType": "String", "StringValue": name} for name in names})

        def shown(*wanted):
            return set(self.receive_one(url, MessageAttributeNames=list(wanted), AttributeNames=[]).get("MessageAttributes", {}))
        self.assertEqual(shown(), set())
        self.assertEqual(shown("All"), set(names))
        self.assertEqual(shown(".*"), set(names))
        self.assertEqual(shown("ride.*"), {"ride.id", "ride.fare"})
        self.assertEqual(shown("customer", "unknown"), {"customer"})
        message = self.receive_one(url, AttributeNames=["SentTimestamp"])
        self.assertEqual(set(message["Attributes"]), {"SentTimestamp"})

    def test_an_empty_receive_says_so_at_once_and_a_long_poll_wakes_at_once(self):
        url = self.queue()
        began = time.monotonic()
        self.assertEqual(self.receive(url), [])
        self.assertLess(time.monotonic() - began, 1)
        with self.background(lambda: (self.receive(url, wait=20), time.monotonic())) as waiting:
            self.wait_until_waiting(url)
            self.send(url, "wake up")
            sent = time.monotonic()
            messages, came = waiting.result(20)
        self.assertEqual(messages[0]["Body"], "wake up")
        print(f"a long poll was woken {1000 * max(0, came - sent):.1f} ms after the send was confirmed")
        self.assertLess(came - sent, 2)

    def test_the_queues_own_wait_time_holds_where_a_receive_does_not_say(self):
        url = self.queue(ReceiveMessageWaitTimeSeconds=1)
        began = time.monotonic()
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=url))
        self.assertGreaterEqual(time.monotonic() - began, 0.9)
        began = time.monotonic()
        self.assertEqual(self.receive(url, wait=0), [])
        self.assertLess(time.monotonic() - began, 0.9)

    def test_a_client_that_hangs_up_costs_nobody_a_message(self):
        url = self.queue(VisibilityTimeout=600)
        gone = self.raw_request(json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20}), "AmazonSQS.ReceiveMessage")
        self.wait_until_waiting(url)
        gone.close()
        self.send(url, "for who stays")
        message = self.receive_one(url)
        self.assertEqual((message["Body"], message["Attributes"]["ApproximateReceiveCount"]), ("for who stays", "1"))

    def test_hundreds_of_long_polls_wait_at_once(self):
        url = self.queue()
        waiting = [self.raw_request(json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20}), "AmazonSQS.ReceiveMessage") for _ in range(200)]
        self.wait_until_waiting(url, 200)
        for i in range(0, 200, 10):
            self.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i + k), "MessageBody": str(i + k)} for k in range(10)])
        bodies = set()
        for connection in waiting:
            answer = json.loads(self.raw_answer(connection))
            bodies |= {message["Body"] for message in answer["Messages"]}
        self.assertEqual(bodies, {str(i) for i in range(200)})

    # ---- in flight

    def test_a_message_is_hidden_until_its_timeout_ends_and_counted_each_time(self):
        url = self.queue(VisibilityTimeout=1)
        self.send(url)
        first = self.receive_one(url)
        self.assertEqual(self.receive(url), [])
        second = self.receive_one(url)
        self.assertEqual(second["Attributes"]["ApproximateReceiveCount"], "2")
        self.assertEqual(second["MessageId"], first["MessageId"])
        self.assertNotEqual(second["ReceiptHandle"], first["ReceiptHandle"])
        self.assertEqual(second["Attributes"]["ApproximateFirstReceiveTimestamp"], first["Attributes"]["ApproximateFirstReceiveTimestamp"])

    def test_the_timeout_of_a_receive_is_its_own_and_can_be_changed(self):
        url = self.queue(VisibilityTimeout=600)
        self.send(url)
        self.receive_one(url, VisibilityTimeout=0)
        message = self.receive_one(url)
        self.assertEqual(self.counts(url), (0, 1, 0))
        self.hide(url, message, 0)
        self.assertEqual(self.counts(url), (1, 0, 0))
        with self.refused(PREFIX + "MessageNotInflight"):
            self.hide(url, message, 10)
        again = self.receive_one(url)
        with self.refused("InvalidParameterValue"):
            self.hide(url, again, 43201)
        self.delete(url, again)
        with self.refused("InvalidParameterValue"):
            self.hide(url, again, 10)

    def test_with_120000_messages_in_flight_a_short_poll_is_refused_and_a_long_one_waits_for_room(self):
        for make in (self.queue, self.fifo):
            url = make(VisibilityTimeout=600)
            name = url.rsplit("/", 1)[1]
            with self.native_client() as native:
                for first in range(0, 121_000, 1_000):
                    native.send(name, [native_message(f"m-{i}", "x", group_id=f"g-{i}", dedup_id=f"d-{i}") for i in range(first, first + 1_000)])
                held = [received.handle for _ in range(12) for received in native.receive(name, 10_000)]
                self.assertEqual((len(held), self.counts(url)), (120_000, (1_000, 120_000, 0)))
                if make == self.queue:
                    with self.refused("OverLimit", 403):
                        self.receive(url)
                else:
                    self.assertEqual(self.receive(url), [])
                with self.background(lambda url=url: self.receive(url, wait=20)) as waiting:
                    self.wait_until_waiting(url)
                    native.delete(name, held[:1])
                    self.assertEqual(len(waiting.result()), 1)

    def test_an_old_handle_deletes_nothing_and_a_standard_queue_says_it_is_well(self):
        url = self.queue(VisibilityTimeout=0)
        self.send(url)
        old = self.receive_one(url)
        new = self.receive_one(url, VisibilityTimeout=600)
        self.delete(url, old)
        self.assertEqual(self.counts(url), (0, 1, 0))
        self.delete(url, new)
        self.delete(url, new)
        self.assertEqual(self.counts(url), (0, 0, 0))

    def test_what_was_never_a_handle_is_invalid(self):
        url = self.queue()
        for handle in ("x", "AAAA", "not base64 at all"):
            with self.refused("ReceiptHandleIsInvalid", 404):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
            with self.refused("ReceiptHandleIsInvalid", 404):
                self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        with self.refused("MissingParameter"):
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle="")

    def test_batches_of_handles_succeed_and_fail_each_for_itself(self):
        url = self.queue(VisibilityTimeout=600)
        self.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": str(i)} for i in range(10)])
        handles = [message["ReceiptHandle"] for message in self.receive(url, 10)]
        self.assertEqual(len(handles), 10)
        answer = self.sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
            {"Id": "a", "ReceiptHandle": handles[0], "VisibilityTimeout": 0}, {"Id": "b", "ReceiptHandle": handles[1], "VisibilityTimeout": 100},
            {"Id": "c", "ReceiptHandle": "x", "VisibilityTimeout": 0}, {"Id": "d", "ReceiptHandle": handles[2], "VisibilityTimeout": 50_000}])
        self.assertEqual({entry["Id"] for entry in answer["Successful"]}, {"a", "b"})
        self.assertEqual({entry["Id"]: entry["Code"] for entry in answer["Failed"]}, {"c": "ReceiptHandleIsInvalid", "d": "InvalidParameterValue"})
        self.assertEqual(self.counts(url), (1, 9, 0))
        answer = self.sqs.delete_message_batch(QueueUrl=url, Entries=[
            *({"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(handles[1:])), {"Id": "bad", "ReceiptHandle": "x"}])
        self.assertEqual((len(answer["Successful"]), [entry["Id"] for entry in answer["Failed"]]), (9, ["bad"]))
        self.assertEqual(self.counts(url), (1, 0, 0))

    # ---- dead letters

    def test_a_message_received_too_often_goes_to_the_dead_letter_queue(self):
        url, dead = self.with_dead_letters(2, VisibilityTimeout=0)
        sent = self.send(url, "poison", MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}})
        first = self.receive_one(url)
        self.receive_one(url)
        self.assertEqual(self.receive(url), [])
        letter = self.receive_one(dead)
        self.assertEqual((letter["MessageId"], letter["Body"]), (sent["MessageId"], "poison"))
        self.assertEqual(letter["Attributes"]["DeadLetterQueueSourceArn"], self.arn(url))
        self.assertEqual(letter["Attributes"]["ApproximateReceiveCount"], "3")
        self.assertEqual(letter["Attributes"]["SentTimestamp"], first["Attributes"]["SentTimestamp"])
        self.assertEqual(letter["MessageAttributes"]["n"]["StringValue"], "1")

    def test_a_move_task_brings_dead_letters_home(self):
        url, dead = self.with_dead_letters(1, VisibilityTimeout=0)
        other = self.queue()
        for i in range(3):
            self.send(url, str(i))
        self.assertEqual(len(self.receive(url, 10)), 3)
        task = self.done_json("StartMessageMoveTask", SourceArn=self.arn(dead), MaxNumberOfMessagesPerSecond=500)["TaskHandle"]
        self.assertEqual(sorted(self.receive_one(url)["Body"] for _ in range(3)), ["0", "1", "2"])
        result = self.done_json("ListMessageMoveTasks", SourceArn=self.arn(dead), MaxResults=10)["Results"][0]
        self.assertEqual((result["Status"], result["ApproximateNumberOfMessagesMoved"], result["SourceArn"]), ("COMPLETED", 3, self.arn(dead)))
        self.done_json("StartMessageMoveTask", SourceArn=self.arn(dead), DestinationArn=self.arn(other))
        self.assertEqual(sorted(self.receive_one(other)["Body"] for _ in range(3)), ["0", "1", "2"])
        for code, given in (("ResourceNotFoundException", {"SourceArn": self.arn(dead) + "-missing"}), ("InvalidParameterValueException", {"SourceArn": self.arn(url)}),
                            ("InvalidParameterValueException", {"SourceArn": "x"}),
                            ("ResourceNotFoundException", {"SourceArn": self.arn(dead), "DestinationArn": self.arn(dead) + "-missing"})):
            self.assertEqual(self.call_json("StartMessageMoveTask", **given)[2]["__type"].split("#")[1], code)
        self.assertEqual(self.call_json("CancelMessageMoveTask", TaskHandle=task)[2]["__type"].split("#")[1], "UnsupportedOperation")
        self.assertEqual(self.call_json("CancelMessageMoveTask", TaskHandle="x")[2]["__type"].split("#")[1], "InvalidParameterValueException")

    def test_a_slow_move_task_can_be_cancelled(self):
        url, dead = self.with_dead_letters(1, VisibilityTimeout=0)
        for i in range(20):
            self.send(url, str(i))
        for _ in range(2):
            self.receive(url, 10)
        task = self.done_json("StartMessageMoveTask", SourceArn=self.arn(dead), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
        status, _, answer = self.call_json("StartMessageMoveTask", SourceArn=self.arn(dead))
        self.assertEqual((status, answer["__type"].split("#")[1]), (400, "UnsupportedOperation"))
        self.assertEqual(self.done_json("ListMessageMoveTasks", SourceArn=self.arn(dead))["Results"][0]["Status"], "RUNNING")
        self.assertLess(self.done_json("CancelMessageMoveTask", TaskHandle=task)["ApproximateNumberOfMessagesMoved"], 20)
        self.assertEqual(self.done_json("ListMessageMoveTasks", SourceArn=self.arn(dead))["Results"][0]["Status"], "CANCELLED")


if __name__ == "__main__":
    main()
