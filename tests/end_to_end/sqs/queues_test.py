"""Queues as boto3 sees them: how they are made, described, changed and deleted. Every story is a rule of Amazon SQS.

Usage: queues_test.py FOLDER_OF_BINARIES [story...]
"""
import json

from front_door import ACCOUNT, PREFIX, FrontDoor, main


class Queues(FrontDoor):
    def test_a_queue_is_created_found_listed_and_deleted(self):
        name = self.name("tour")
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.assertEqual(url, f"http://{self.address}/{ACCOUNT}/{name}")
        self.assertEqual(self.sqs.get_queue_url(QueueName=name)["QueueUrl"], url)
        self.assertEqual(self.sqs.list_queues(QueueNamePrefix=name)["QueueUrls"], [url])
        self.sqs.delete_queue(QueueUrl=url)
        with self.refused(PREFIX + "NonExistentQueue"):
            self.sqs.get_queue_url(QueueName=name)
        self.assertNotIn("QueueUrls", self.sqs.list_queues(QueueNamePrefix=name))

    def test_creation_is_idempotent_unless_an_attribute_differs(self):
        name = self.name()
        attributes = {"VisibilityTimeout": "5", "ReceiveMessageWaitTimeSeconds": "3"}
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        for same in (attributes, {"VisibilityTimeout": "5"}, {}, {"DelaySeconds": "0"}):
            self.assertEqual(self.sqs.create_queue(QueueName=name, Attributes=same)["QueueUrl"], url)
        for other in ({"VisibilityTimeout": "6"}, {"Policy": "{}"}, {"DelaySeconds": "1"}):
            with self.refused("QueueAlreadyExists"):
                self.sqs.create_queue(QueueName=name, Attributes=other)
        self.assertEqual(self.attributes(url, "VisibilityTimeout"), {"VisibilityTimeout": "5"})

    def test_names_have_1_to_80_letters_digits_hyphens_and_underscores(self):
        for name in ("x" * 80, self.name("A_z-9")):
            self.sqs.create_queue(QueueName=name)
        for name in ("x" * 81, "a b", "ä", "a.b", "a/b", ".fifo", "a.fifo"):
            with self.refused("InvalidParameterValue"):
                self.sqs.create_queue(QueueName=name)
        with self.refused("MissingParameter"):
            self.sqs.create_queue(QueueName="")
        with self.refused("InvalidParameterValue"):
            self.sqs.create_queue(QueueName="no-suffix", Attributes={"FifoQueue": "true"})

    def test_attributes_have_amazons_defaults(self):
        found = self.attributes(self.queue())
        expected = {"VisibilityTimeout": "30", "MessageRetentionPeriod": "345600", "DelaySeconds": "0", "MaximumMessageSize": "1048576",
                    "ReceiveMessageWaitTimeSeconds": "0", "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0",
                    "ApproximateNumberOfMessagesDelayed": "0"}
        self.assertEqual({name: found[name] for name in expected}, expected)
        self.assertGreater(int(found["CreatedTimestamp"]), 1_700_000_000)
        self.assertTrue(found["QueueArn"].startswith(f"arn:aws:sqs:us-east-1:{ACCOUNT}:"))
        self.assertNotIn("FifoQueue", found)

    def test_every_settable_attribute_comes_back(self):
        attributes = {"VisibilityTimeout": "0", "MessageRetentionPeriod": "60", "DelaySeconds": "900", "MaximumMessageSize": "1024",
                      "ReceiveMessageWaitTimeSeconds": "20", "Policy": '{"Version": "2012-10-17"}', "KmsMasterKeyId": "alias/aws/sqs",
                      "KmsDataKeyReusePeriodSeconds": "300", "SqsManagedSseEnabled": "true", "RedriveAllowPolicy": '{"redrivePermission":"denyAll"}'}
        url = self.queue()
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        self.assertEqual(self.attributes(url, *attributes), attributes)
        fifo = {"ContentBasedDeduplication": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        url = self.fifo(**fifo)
        self.assertEqual(self.attributes(url, *fifo, "FifoQueue"), {**fifo, "FifoQueue": "true"})

    def test_attributes_out_of_range_or_unknown_are_refused_and_nothing_is_changed(self):
        url = self.queue()
        before = self.attributes(url)
        for name, value in (("VisibilityTimeout", "43201"), ("VisibilityTimeout", "-1"), ("DelaySeconds", "901"), ("MessageRetentionPeriod", "59"),
                            ("MaximumMessageSize", "1048577"), ("ReceiveMessageWaitTimeSeconds", "21"), ("VisibilityTimeout", "soon")):
            with self.refused("InvalidAttributeValue"):
                self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "7", name: value})
        for name in ("Nonsense", "FifoQueue", "ContentBasedDeduplication", "QueueArn"):
            with self.refused("InvalidAttributeName"):
                self.sqs.set_queue_attributes(QueueUrl=url, Attributes={name: "true"})
        with self.refused("InvalidAttributeName"):
            self.attributes(url, "Nonsense")
        self.assertEqual(self.attributes(url), before)

    def test_a_redrive_policy_names_a_queue_of_the_same_kind_that_is_there(self):
        def policy(arn, count=3):
            return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})}
        url, dead, fifo = self.queue(), self.queue(), self.fifo()
        denying = self.queue(RedriveAllowPolicy='{"redrivePermission":"denyAll"}')
        for bad in (policy(self.arn(dead) + "-missing"), policy(self.arn(fifo)), policy(self.arn(dead), 0), policy(self.arn(dead), 1001),
                    policy("dead"), policy(self.arn(denying)), {"RedrivePolicy": "x"}):
            with self.refused("InvalidParameterValue"):
                self.sqs.set_queue_attributes(QueueUrl=url, Attributes=bad)
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes=policy(self.arn(dead), 1000))
        self.assertEqual(json.loads(self.attributes(url)["RedrivePolicy"]), {"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": 1000})
        self.assertEqual(self.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [url])
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
        self.assertNotIn("RedrivePolicy", self.attributes(url))
        self.assertEqual(self.sqs.list_dead_letter_source_queues(QueueUrl=dead).get("queueUrls", []), [])

    def test_who_may_send_dead_letters_here_is_said_in_full(self):
        url, source = self.queue(), "arn:aws:sqs:us-east-1:000000000000:source"
        def allow(policy):
            text = policy if isinstance(policy, str) else json.dumps(policy)
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedriveAllowPolicy": text})
        for wrong in ("x", "[]", {"redrivePermission": "perhaps"}, {"redrivePermission": "byQueue"}, {"redrivePermission": "denyAll", "sourceQueueArns": [source]},
                      {"redrivePermission": "byQueue", "sourceQueueArns": [source] * 11}, {"redrivePermission": "byQueue", "sourceQueueArns": ["source"]}):
            with self.refused("InvalidParameterValue"):
                allow(wrong)
        self.assertNotIn("RedriveAllowPolicy", self.attributes(url))
        for right in ({"redrivePermission": "denyAll"}, {"redrivePermission": "allowAll"}, {"redrivePermission": "byQueue", "sourceQueueArns": [source] * 10}):
            allow(right)
            self.assertEqual(json.loads(self.attributes(url)["RedriveAllowPolicy"]), right)
        allow("")
        self.assertNotIn("RedriveAllowPolicy", self.attributes(url))

    def test_attributes_that_do_not_go_together_are_refused(self):
        with self.refused("InvalidAttributeValue"):
            self.fifo(FifoThroughputLimit="perMessageGroupId")
        url = self.fifo(FifoThroughputLimit="perMessageGroupId", DeduplicationScope="messageGroup")
        with self.refused("InvalidAttributeValue"):
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "queue"})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"})
        with self.refused("InvalidAttributeValue"):
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": "not JSON"})

    def test_lists_come_in_pages(self):
        prefix = self.name("page")
        urls = sorted(self.sqs.create_queue(QueueName=f"{prefix}-{i}")["QueueUrl"] for i in range(5))
        pages = list(self.sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2}))
        self.assertEqual([len(page["QueueUrls"]) for page in pages], [2, 2, 1])
        self.assertEqual([url for page in pages for url in page["QueueUrls"]], urls)
        for max_results in (0, 1001):
            with self.refused("InvalidParameterValue"):
                self.sqs.list_queues(MaxResults=max_results)

    def test_a_deleted_queue_is_gone_and_its_name_rests_for_a_while(self):
        url = self.queue()
        self.send(url)
        self.sqs.delete_queue(QueueUrl=url)
        for call in (lambda: self.send(url), lambda: self.receive(url), lambda: self.sqs.purge_queue(QueueUrl=url), lambda: self.attributes(url),
                     lambda: self.sqs.delete_queue(QueueUrl=url), lambda: self.sqs.list_queue_tags(QueueUrl=url),
                     lambda: self.sqs.list_dead_letter_source_queues(QueueUrl=url)):
            with self.refused(PREFIX + "NonExistentQueue"):
                call()
        with self.refused(PREFIX + "QueueDeletedRecently"):
            self.sqs.create_queue(QueueName=url.rsplit("/", 1)[1])

    def test_a_dead_letter_queue_can_be_deleted_before_its_source(self):
        url, dead = self.with_dead_letters(1)
        self.sqs.delete_queue(QueueUrl=dead)
        self.assertNotIn("RedrivePolicy", self.attributes(url))

    def test_a_receive_that_waits_is_told_that_its_queue_is_gone(self):
        url = self.queue()
        with self.background(lambda: self.receive(url, wait=20)) as waiting:
            self.wait_until_waiting(url)
            self.sqs.delete_queue(QueueUrl=url)
            self.assertIn("NonExistentQueue", str(waiting.exception(20)))

    def test_purge_takes_everything_and_only_once_a_minute(self):
        url = self.queue(VisibilityTimeout=600)
        for _ in range(3):
            self.send(url)
        self.send(url, DelaySeconds=900)
        self.receive_one(url)
        self.assertEqual(self.counts(url), (2, 1, 1))
        self.sqs.purge_queue(QueueUrl=url)
        self.assertEqual(self.counts(url), (0, 0, 0))
        with self.refused(PREFIX + "PurgeQueueInProgress", 403):
            self.sqs.purge_queue(QueueUrl=url)

    def test_tags_are_added_replaced_and_removed(self):
        url = self.sqs.create_queue(QueueName=self.name(), tags={"team": "rides"})["QueueUrl"]
        self.sqs.tag_queue(QueueUrl=url, Tags={"stage": "dev", "team": "fares", "empty": ""})
        self.assertEqual(self.sqs.list_queue_tags(QueueUrl=url)["Tags"], {"stage": "dev", "team": "fares", "empty": ""})
        self.sqs.untag_queue(QueueUrl=url, TagKeys=["team", "unknown"])
        self.assertEqual(self.sqs.list_queue_tags(QueueUrl=url)["Tags"], {"stage": "dev", "empty": ""})
        for tags in ({"aws:x": "y"}, {"k" * 129: "v"}, {"k": "v" * 257}, {str(i): "v" for i in range(51)}):
            with self.refused("InvalidParameterValue"):
                self.sqs.tag_queue(QueueUrl=url, Tags=tags)

    def test_permissions_are_kept_in_the_policy(self):
        url = self.queue()
        self.sqs.add_permission(QueueUrl=url, Label="rides", AWSAccountIds=["111111111111"], Actions=["SendMessage", "*"])
        statement = json.loads(self.attributes(url)["Policy"])["Statement"][0]
        self.assertEqual((statement["Sid"], statement["Action"]), ("rides", ["SQS:SendMessage", "SQS:*"]))
        with self.refused("InvalidParameterValue"):
            self.sqs.add_permission(QueueUrl=url, Label="rides", AWSAccountIds=["111111111111"], Actions=["*"])
        self.sqs.remove_permission(QueueUrl=url, Label="rides")
        self.assertNotIn("Policy", self.attributes(url))
        with self.refused("InvalidParameterValue"):
            self.sqs.remove_permission(QueueUrl=url, Label="rides")

    def test_an_address_that_names_no_queue_is_invalid(self):
        for url in (f"http://{self.address}/", f"http://{self.address}/rides", f"http://{self.address}/{ACCOUNT}/a/b"):
            status, _, body = self.call_json("SendMessage", QueueUrl=url, MessageBody="x")
            self.assertEqual((status, body["__type"]), (404, "com.amazonaws.sqs#InvalidAddress"))

    def test_queues_made_by_others_are_the_same_queues(self):
        self.topology.verb("queue", "create", "native")
        url = self.sqs.get_queue_url(QueueName="native")["QueueUrl"]
        self.topology.verb("queue", "send", "native", '{"fare": 61.5}')
        message = self.receive_one(url)
        self.assertEqual(json.loads(message["Body"]), {"fare": 61.5})
        self.delete(url, message)
        self.send(url, '{"from": "sdk"}', MessageAttributes={"n": {"DataType": "Number.int", "StringValue": "1"}})
        peeked = self.topology.rows("queue", "peek", "native")[0]
        self.assertEqual((peeked["body"], peeked["attributes"]["n"]["Type"]), ({"from": "sdk"}, "Number.int"))


if __name__ == "__main__":
    main()
