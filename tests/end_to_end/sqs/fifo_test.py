"""FIFO queues as boto3 sees them: order, groups, deduplication, attempts. Every story is a rule of Amazon SQS.

Usage: fifo_test.py FOLDER_OF_BINARIES [story...]
"""
from front_door import FrontDoor, main


class Fifo(FrontDoor):
    def send_all(self, url, *messages):
        """Each `group:body`; answers their sequence numbers."""
        return [self.send(url, body, MessageGroupId=group, MessageDeduplicationId=f"{group}-{body}")["SequenceNumber"]
                for group, body in (message.split(":") for message in messages)]

    def test_sequence_numbers_grow_and_come_back_with_the_message(self):
        url = self.fifo()
        numbers = self.send_all(url, "g:a", "g:b", "h:c")
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual([len(number) for number in numbers], [20, 20, 20])
        received = self.receive(url, 10)
        self.assertEqual([message["Attributes"]["SequenceNumber"] for message in received], numbers)
        self.assertEqual([message["Attributes"]["MessageGroupId"] for message in received], ["g", "g", "h"])
        self.assertEqual(received[0]["Attributes"]["MessageDeduplicationId"], "g-a")

    def test_a_group_is_mandatory_and_a_delay_of_one_message_is_refused(self):
        url = self.fifo()
        with self.refused("MissingParameter"):
            self.send(url)
        with self.refused("InvalidParameterValue"):
            self.send(url, MessageGroupId="g")
        with self.refused("InvalidParameterValue"):
            self.send(url, MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=1)
        with self.refused("InvalidParameterValue"):
            self.send(url, MessageGroupId="g" * 129, MessageDeduplicationId="d")
        with self.refused("InvalidParameterValue"):
            self.send(self.queue(), MessageDeduplicationId="d")

    def test_entries_of_a_batch_that_say_too_little_fail_alone(self):
        url = self.fifo()
        answer = self.sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": "a", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "a"}, {"Id": "b", "MessageBody": "b"},
            {"Id": "c", "MessageBody": "c", "MessageGroupId": "g"},
            {"Id": "d", "MessageBody": "d", "MessageGroupId": "g", "MessageDeduplicationId": "d"}])
        self.assertEqual([entry["Id"] for entry in answer["Successful"]], ["a", "d"])
        self.assertEqual({entry["Id"]: entry["Code"] for entry in answer["Failed"]}, {"b": "MissingParameter", "c": "InvalidParameterValue"})
        self.assertEqual(self.bodies(url), ["a", "d"])

    def test_order_holds_inside_a_group_and_a_group_in_flight_holds_back_the_rest(self):
        url = self.fifo(VisibilityTimeout=600)
        self.send_all(url, "1:A", "2:B", "1:C", "2:D")
        a, b = self.receive_one(url), self.receive_one(url)
        self.assertEqual((a["Body"], b["Body"]), ("A", "B"))
        self.assertEqual(self.receive(url), [])
        self.delete(url, b)
        self.assertEqual(self.receive_one(url)["Body"], "D")
        self.delete(url, a)
        self.assertEqual(self.receive_one(url)["Body"], "C")

    def test_one_receive_takes_several_of_a_group_in_order_and_fills_up_with_others(self):
        url = self.fifo(VisibilityTimeout=600)
        self.send_all(url, "1:a", "1:b", "2:c", "1:d")
        bodies = self.bodies(url)
        self.assertEqual([body for body in bodies if body != "c"], ["a", "b", "d"])
        self.assertEqual(len(bodies), 4)

    def test_what_comes_back_comes_first(self):
        url = self.fifo(VisibilityTimeout=600)
        self.send_all(url, "g:a", "g:b")
        self.hide(url, self.receive_one(url), 0)
        self.assertEqual(self.bodies(url), ["a", "b"])

    def test_a_repeated_deduplication_id_is_answered_as_the_first_and_not_stored(self):
        url = self.fifo()
        first = self.send(url, "a", MessageGroupId="g", MessageDeduplicationId="d")
        again = self.send(url, "other body", MessageGroupId="g", MessageDeduplicationId="d")
        self.assertEqual((again["SequenceNumber"], again["MessageId"]), (first["SequenceNumber"], first["MessageId"]))
        message = self.receive_one(url)
        self.delete(url, message)
        third = self.send(url, "a", MessageGroupId="g", MessageDeduplicationId="d")
        self.assertEqual(third["SequenceNumber"], first["SequenceNumber"])
        self.assertEqual(self.counts(url), (0, 0, 0))

    def test_content_based_deduplication_goes_by_the_body_alone(self):
        url = self.fifo(ContentBasedDeduplication="true")
        attribute = {"MessageAttributes": {"n": {"DataType": "Number", "StringValue": "1"}}}
        self.send(url, "same", MessageGroupId="g")
        self.send(url, "same", MessageGroupId="h", **attribute)
        self.send(url, "same", MessageGroupId="g", MessageDeduplicationId="explicit")
        self.send(url, "other", MessageGroupId="g")
        self.assertEqual(self.bodies(url), ["same", "same", "other"])

    def test_the_scope_of_deduplication_may_be_the_group(self):
        url = self.fifo(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
        for group in ("g", "h", "g"):
            self.send(url, group, MessageGroupId=group, MessageDeduplicationId="d")
        self.assertEqual(sorted(self.bodies(url)), ["g", "h"])

    def test_a_receive_with_the_same_attempt_id_gets_the_same_messages(self):
        url = self.fifo(VisibilityTimeout=600)
        self.send_all(url, "g:a", "h:b")
        first = self.receive(url, ReceiveRequestAttemptId="attempt")
        again = self.receive(url, ReceiveRequestAttemptId="attempt")
        self.assertEqual([message["MessageId"] for message in again], [message["MessageId"] for message in first])
        self.assertEqual(self.bodies(url, ReceiveRequestAttemptId="other"), ["b"])
        self.delete(url, again[0])
        self.assertEqual(self.receive(url, ReceiveRequestAttemptId="attempt"), [])

    def test_a_handle_fails_once_its_timeout_has_opened_the_group(self):
        url = self.fifo(VisibilityTimeout=0)
        self.send_all(url, "g:a")
        old = self.receive_one(url)
        with self.refused("InvalidParameterValue"):
            self.delete(url, old)
        answer = self.sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "old", "ReceiptHandle": old["ReceiptHandle"]}])
        self.assertEqual([entry["Code"] for entry in answer["Failed"]], ["InvalidParameterValue"])
        self.delete(url, self.receive_one(url, VisibilityTimeout=60))

    def test_dead_letters_of_a_fifo_queue_go_to_a_fifo_queue_and_are_no_repetitions(self):
        url, dead = self.with_dead_letters(1, self.fifo, VisibilityTimeout=0)
        self.send_all(url, "g:a", "h:b")
        self.assertEqual(sorted(self.bodies(url)), ["a", "b"])
        letters = self.receive(dead, 10, wait=10)
        self.assertEqual(sorted(letter["Body"] for letter in letters), ["a", "b"])
        self.assertEqual({letter["Attributes"]["MessageGroupId"] for letter in letters}, {"g", "h"})

    def test_a_queue_delay_holds_for_fifo_queues(self):
        url = self.fifo(DelaySeconds=1)
        self.send_all(url, "g:a")
        self.assertEqual(self.counts(url), (0, 0, 1))
        self.assertEqual(self.receive_one(url)["Body"], "a")

    def test_the_kind_of_a_queue_is_in_its_name(self):
        with self.refused("InvalidParameterValue"):
            self.sqs.create_queue(QueueName=self.name(suffix=".fifo"))
        with self.refused("InvalidAttributeName"):
            self.sqs.create_queue(QueueName=self.name(), Attributes={"ContentBasedDeduplication": "true"})
        name = self.name(suffix=".fifo")
        self.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})
        with self.refused("QueueAlreadyExists"):
            self.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})


if __name__ == "__main__":
    main()
