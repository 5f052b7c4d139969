"""Topics as boto3 sees them: SNS verbs on the same port, subscriptions of queues with filters, envelopes and dead letters.

Usage: topics_test.py FOLDER_OF_BINARIES [story...]
"""
import json

from front_door import ACCOUNT, FrontDoor, main


class Topics(FrontDoor):
    def topic(self, name=None, **attributes):
        return self.sns.create_topic(Name=name or self.name("topic"), Attributes=attributes)["TopicArn"]

    def fifo_topic(self, **attributes):
        return self.topic(self.name("topic", ".fifo"), FifoTopic="true", **attributes)

    def subscribe(self, topic, url, **attributes):
        given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
        return self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn(url), Attributes=given, ReturnSubscriptionArn=True)["SubscriptionArn"]

    def publish(self, topic, message="hello", **more):
        return self.sns.publish(TopicArn=topic, Message=message, **more)

    def got(self, url):
        """The body of the next message, which is then deleted."""
        message = self.receive_one(url)
        self.delete(url, message)
        return message["Body"]

    # ---- topics

    def test_a_topic_is_created_listed_and_deleted(self):
        name = self.name("tour")
        arn = self.topic(name)
        self.assertEqual(arn, f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}")
        self.assertEqual(self.topic(name), arn)
        self.assertIn({"TopicArn": arn}, self.sns.list_topics()["Topics"])
        self.assertEqual(self.sns.get_topic_attributes(TopicArn=arn)["Attributes"]["TopicArn"], arn)
        self.sns.delete_topic(TopicArn=arn)
        self.assertNotIn({"TopicArn": arn}, self.sns.list_topics()["Topics"])
        self.sns.delete_topic(TopicArn=arn)
        with self.refused("NotFound", 404):
            self.publish(arn)
        with self.refused("NotFound", 404):
            self.subscribe(arn, self.queue())

    def test_names_and_parameters_are_checked(self):
        for name in ("", "a b", "a.fifo", "x" * 257):
            with self.refused("InvalidParameter"):
                self.sns.create_topic(Name=name)
        topic = self.topic()
        for arn in ("x", "", self.arn(self.queue())):
            with self.refused("InvalidParameter"):
                self.publish(arn)
        for more in ({"message": ""}, {"message": "x" * 262_145}, {"Subject": "x" * 101}, {"message": "no JSON", "MessageStructure": "json"},
                     {"message": '{"sqs": "x"}', "MessageStructure": "json"}, {"MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}}):
            with self.refused("InvalidParameter"):
                self.publish(topic, **more)
        with self.refused("InvalidParameter"):
            self.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@b.c")
        with self.refused("InvalidParameter"):
            self.subscribe(topic, self.fifo())

    def test_many_topics_come_in_pages(self):
        arns = {self.topic() for _ in range(105)}
        found = [topic["TopicArn"] for page in self.sns.get_paginator("list_topics").paginate() for topic in page["Topics"]]
        self.assertTrue(arns <= set(found))
        self.assertEqual(len(found), len(set(found)))

    # ---- delivery

    def test_a_subscribed_queue_gets_a_notification(self):
        topic, url = self.topic(), self.queue()
        subscription = self.subscribe(topic, url)
        published = self.publish(topic, 'quotes "and" <more>', Subject="the subject", MessageAttributes={
            "fare": {"DataType": "Number", "StringValue": "61.5"}, "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}})
        envelope = json.loads(self.got(url))
        expected = {"Type": "Notification", "MessageId": published["MessageId"], "TopicArn": topic, "Subject": "the subject", "Message": 'quotes "and" <more>',
                    "MessageAttributes": {"fare": {"Type": "Number", "Value": "61.5"}, "raw": {"Type": "Binary", "Value": "AP8="}}}
        self.assertEqual({name: envelope[name] for name in expected}, expected)
        self.assertRegex(envelope["Timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIn(subscription, envelope["UnsubscribeURL"])
        for field in ("SignatureVersion", "Signature", "SigningCertURL"):
            self.assertIn(field, envelope)

    def test_raw_delivery_is_the_message_itself(self):
        topic, url = self.topic(), self.queue()
        self.subscribe(topic, url, RawMessageDelivery="true")
        self.publish(topic, "as it is", MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}})
        message = self.receive_one(url)
        self.assertEqual((message["Body"], message["MessageAttributes"]["n"]["StringValue"]), ("as it is", "1"))

    def test_each_queue_gets_what_its_filter_wants(self):
        topic, all_of_them, by_attribute, by_body = self.topic(), self.queue(), self.queue(), self.queue()
        self.subscribe(topic, all_of_them, RawMessageDelivery="true")
        self.subscribe(topic, by_attribute, RawMessageDelivery="true", FilterPolicy={"fare": [{"numeric": [">=", 50]}]})
        self.subscribe(topic, by_body, RawMessageDelivery="true", FilterPolicyScope="MessageBody", FilterPolicy={"from": ["Berlin"]})
        for fare, city in (("49.99", "Berlin"), ("50", "Potsdam"), ("100", "Berlin")):
            self.publish(topic, json.dumps({"from": city, "fare": fare}), MessageAttributes={"fare": {"DataType": "Number", "StringValue": fare}})

        def fares(url, count):
            return sorted(json.loads(self.got(url))["fare"] for _ in range(count))
        self.assertEqual(fares(all_of_them, 3), ["100", "49.99", "50"])
        self.assertEqual(fares(by_attribute, 2), ["100", "50"])
        self.assertEqual(fares(by_body, 2), ["100", "49.99"])
        self.assertEqual([self.counts(url) for url in (all_of_them, by_attribute, by_body)], [(0, 0, 0)] * 3)

    def test_a_message_can_say_different_things_to_different_protocols(self):
        topic, url = self.topic(), self.queue()
        self.subscribe(topic, url, RawMessageDelivery="true")
        for message, expected in (({"default": "for all", "sqs": "for queues"}, "for queues"), ({"default": "for all", "email": "x"}, "for all")):
            self.publish(topic, json.dumps(message), MessageStructure="json")
            self.assertEqual(self.got(url), expected)

    def test_a_batch_is_published_together_and_fails_entry_by_entry(self):
        topic, url = self.topic(), self.queue()
        self.subscribe(topic, url, RawMessageDelivery="true")
        answer = self.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
            {"Id": "a", "Message": "a", "MessageAttributes": {"n": {"DataType": "String", "StringValue": "x"}}}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "c"}])
        self.assertEqual([entry["Id"] for entry in answer["Successful"]], ["a", "c"])
        self.assertEqual([(entry["Id"], entry["Code"]) for entry in answer["Failed"]], [("b", "InvalidParameter")])
        self.assertEqual(sorted(self.got(url) for _ in range(2)), ["a", "c"])
        for code, ids in (("EmptyBatchRequest", ""), ("TooManyEntriesInBatchRequest", "abcdefghijk"), ("BatchEntryIdsNotDistinct", "aa"), ("InvalidBatchEntryId", " ")):
            with self.refused(code):
                self.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": i, "Message": "x"} for i in ids])
        with self.refused("BatchRequestTooLong"):
            self.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": i, "Message": "x" * 131_073} for i in "ab"])

    # ---- subscriptions

    def test_subscriptions_are_listed_described_changed_and_ended(self):
        topic, url = self.topic(), self.queue()
        arn = self.subscribe(topic, url)
        row = {"SubscriptionArn": arn, "Owner": ACCOUNT, "Protocol": "sqs", "Endpoint": self.arn(url), "TopicArn": topic}
        self.assertEqual(self.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"], [row])
        self.assertIn(row, [each for page in self.sns.get_paginator("list_subscriptions").paginate() for each in page["Subscriptions"]])
        self.assertEqual(self.subscribe(topic, url), arn)
        with self.refused("InvalidParameter"):
            self.subscribe(topic, url, RawMessageDelivery="true")

        def change(name, value):
            self.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
        change("RawMessageDelivery", "true")
        change("FilterPolicy", '{"colour": ["red"]}')
        attributes = self.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        self.assertEqual((attributes["RawMessageDelivery"], attributes["FilterPolicy"], attributes["FilterPolicyScope"]),
                         ("true", '{"colour": ["red"]}', "MessageAttributes"))
        for colour in ("green", "red"):
            self.publish(topic, colour, MessageAttributes={"colour": {"DataType": "String", "StringValue": colour}})
        self.assertEqual(self.got(url), "red")
        for name, value in (("FilterPolicy", '{"colour": "red"}'), ("FilterPolicy", "x"), ("RawMessageDelivery", "maybe"), ("FilterPolicyScope", "Body"),
                            ("RedrivePolicy", "x"), ("Nonsense", "1")):
            with self.refused("InvalidParameter"):
                change(name, value)
        change("FilterPolicy", "{}")
        self.publish(topic, "blue")
        self.assertEqual(self.got(url), "blue")
        self.sns.unsubscribe(SubscriptionArn=arn)
        self.assertEqual(self.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"], [])
        self.publish(topic, "nobody hears it")
        self.assertEqual(self.receive(url), [])
        with self.refused("NotFound", 404):
            change("RawMessageDelivery", "true")
        self.sns.unsubscribe(SubscriptionArn=arn)

    def test_the_queues_of_subscriptions_are_not_shown_as_queues(self):
        topic, url = self.topic(), self.queue()
        before = self.sqs.list_queues()["QueueUrls"]
        self.subscribe(topic, url)
        self.assertEqual(self.sqs.list_queues()["QueueUrls"], before)

    def test_one_queue_may_subscribe_several_topics(self):
        url, topics = self.queue(), [self.topic() for _ in range(3)]
        for topic in topics:
            self.subscribe(topic, url, RawMessageDelivery="true")
        for topic in topics:
            self.publish(topic, topic)
        self.assertEqual(sorted(self.got(url) for _ in topics), sorted(topics))

    def test_what_cannot_be_delivered_goes_to_the_subscriptions_dead_letter_queue(self):
        topic, url, dead = self.topic(), self.queue(), self.queue()
        self.subscribe(topic, url, RawMessageDelivery="true", RedrivePolicy={"deadLetterTargetArn": self.arn(dead)})
        self.sqs.delete_queue(QueueUrl=url)
        self.publish(topic, "to nobody")
        self.assertEqual(self.got(dead), "to nobody")
        many = self.queue()
        self.subscribe(topic, many, RawMessageDelivery="true", RedrivePolicy={"deadLetterTargetArn": self.arn(dead)})
        self.publish(topic, "eleven", MessageAttributes={f"a{i}": {"DataType": "String", "StringValue": "x"} for i in range(11)})
        self.assertEqual({self.got(dead), self.got(dead)}, {"eleven"})
        self.assertEqual(self.counts(many), (0, 0, 0))

    def test_queues_that_others_have_chained_are_subscriptions(self):
        topic = self.topic("native-topic")
        self.topology.verb("queue", "create", "chained", "--from", "native-topic", "--filter", '{"fare": [{"numeric": [">=", 50]}]}')
        url = self.sqs.get_queue_url(QueueName="chained")["QueueUrl"]
        rows = self.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        self.assertEqual([row["Endpoint"] for row in rows], [self.arn(url)])
        attributes = self.sns.get_subscription_attributes(SubscriptionArn=rows[0]["SubscriptionArn"])["Attributes"]
        self.assertEqual((attributes["RawMessageDelivery"], attributes["FilterPolicyScope"]), ("true", "MessageBody"))
        self.publish(topic, '{"fare": 10}')
        self.publish(topic, '{"fare": 60}')
        self.topology.verb("topic", "pub", "native-topic", '{"fare": 70}')
        self.assertEqual(sorted(json.loads(self.got(url))["fare"] for _ in range(2)), [60, 70])
        self.sns.unsubscribe(SubscriptionArn=rows[0]["SubscriptionArn"])
        self.assertEqual(self.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"], [])

    def test_published_messages_and_subscriptions_survive_kill_9(self):
        topic, url = self.topic(), self.queue()
        self.subscribe(topic, url)
        for i in range(10):
            self.publish(topic, str(i))
        self.topology.kill("sqs")
        self.topology.kill("main")
        bodies = [json.loads(self.got(url))["Message"] for _ in range(10)]
        self.assertEqual(sorted(bodies), [str(i) for i in range(10)])
        self.assertEqual(self.counts(url), (0, 0, 0))

    # ---- FIFO topics

    def test_a_fifo_topic_keeps_the_order_of_each_group_for_every_queue(self):
        topic, urls = self.fifo_topic(), [self.fifo(), self.fifo()]
        for url in urls:
            self.subscribe(topic, url, RawMessageDelivery="true")
        numbers = [self.publish(topic, f"{group}{i}", MessageGroupId=group, MessageDeduplicationId=f"{group}{i}")["SequenceNumber"] for i in range(10) for group in "gh"]
        self.assertEqual(numbers, sorted(set(numbers)))
        for url in urls:
            bodies = []
            while len(bodies) < 20:
                messages = self.receive(url, 10, wait=10)
                self.assertTrue(messages)
                for message in messages:
                    self.assertEqual(message["Attributes"]["MessageGroupId"], message["Body"][0])
                    self.assertEqual(message["Attributes"]["MessageDeduplicationId"], message["Body"])
                    bodies.append(message["Body"])
                    self.delete(url, message)
            for group in "gh":
                self.assertEqual([body for body in bodies if body[0] == group], [f"{group}{i}" for i in range(10)])

    def test_a_fifo_topic_wants_a_group_and_passes_over_repetitions(self):
        topic, url = self.fifo_topic(), self.fifo()
        self.subscribe(topic, url, RawMessageDelivery="true")
        for more in ({}, {"MessageGroupId": "g"}, {"MessageDeduplicationId": "d"}):
            with self.refused("InvalidParameter"):
                self.publish(topic, **more)
        for body in ("first", "repeated"):
            self.publish(topic, body, MessageGroupId="g", MessageDeduplicationId="d")
        self.publish(topic, "last", MessageGroupId="g", MessageDeduplicationId="e")
        self.assertEqual([self.got(url) for _ in range(2)], ["first", "last"])
        by_content = self.fifo_topic(ContentBasedDeduplication="true")
        other = self.fifo()
        self.subscribe(by_content, other)
        for body in ("same", "same", "last"):
            self.publish(by_content, body, MessageGroupId="g")
        self.assertEqual([json.loads(self.got(other))["Message"] for _ in range(2)], ["same", "last"])

    def test_a_standard_queue_of_a_fifo_topic_gets_no_group(self):
        topic, url = self.fifo_topic(), self.queue()
        self.subscribe(topic, url, RawMessageDelivery="true")
        self.publish(topic, "a", MessageGroupId="g", MessageDeduplicationId="d")
        self.assertNotIn("MessageGroupId", self.receive_one(url)["Attributes"])


if __name__ == "__main__":
    main()
