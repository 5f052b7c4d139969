"""The flow of the workshop's labs 1 to 3, written against boto3 as its functions were; only the endpoint is ours.

Usage: labs_test.py FOLDER_OF_BINARIES [story...]
"""
import contextlib
import json
import random
import threading
import uuid

from front_door import FrontDoor, main

SERVICES = ("customer-accounting", "customer-notification", "extraordinary-rides")
WORTH_TELLING = {"fare": [{"numeric": [">=", 50]}], "distance": [{"numeric": [">=", 20]}]}


class Labs(FrontDoor):
    def make_topic_and_queues(self, raw, **queue_attributes):
        """The topic's ARN and the three queues, of which the last is filtered by attributes."""
        topic = self.sns.create_topic(Name=self.name("RideCompletionTopic"))["TopicArn"]
        urls = {}
        for service in SERVICES:
            url = self.sqs.create_queue(QueueName=self.name(service), Attributes=queue_attributes)["QueueUrl"]
            arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
            attributes = {"RawMessageDelivery": "true"} if raw else {}
            if service == "extraordinary-rides":
                attributes["FilterPolicy"] = json.dumps(WORTH_TELLING)
            self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
            urls[service] = url
        return topic, urls

    def submit_ride_completion(self, topic, **ride):
        ride["id"] = str(uuid.uuid4())
        self.sns.publish(TopicArn=topic, Message=json.dumps(ride), MessageAttributes={
            name: {"DataType": "Number", "StringValue": str(ride[name])} for name in ("fare", "distance")})
        return ride

    def rides(self, topic):
        """Those that everybody gets, and those of them that are extraordinary."""
        sample = {"from": "Berlin", "to": "Frankfurt", "duration": 420, "customer": "cmr"}
        fares = [(256.50, 600), (50, 20), (49.99, 600), (256.50, 19), (20, 50), (899.99, 1200)]
        rides = [self.submit_ride_completion(topic, fare=fare, distance=distance, **sample) for fare, distance in fares]
        return rides, [ride for ride in rides if ride["fare"] >= 50 and ride["distance"] >= 20]

    def all_of(self, url, count):
        messages = []
        while len(messages) < count:
            batch = self.receive(url, 10, wait=10)
            self.assertTrue(batch, f"only {len(messages)} of {count} messages came to {url}")
            messages += batch
            for message in batch:
                self.delete(url, message)
        self.assertEqual(self.counts(url), (0, 0, 0))
        return messages

    def test_lab_1_fans_out_and_filters(self):
        topic, urls = self.make_topic_and_queues(raw=False)
        rides, extraordinary = self.rides(topic)
        for service, url in urls.items():
            wanted = extraordinary if service == "extraordinary-rides" else rides
            notifications = [json.loads(message["Body"]) for message in self.all_of(url, len(wanted))]
            by_id = {json.loads(each["Message"])["id"]: each for each in notifications}
            self.assertEqual(set(by_id), {ride["id"] for ride in wanted})
            for ride in wanted:
                notification = by_id[ride["id"]]
                self.assertEqual((notification["Type"], notification["TopicArn"], json.loads(notification["Message"])), ("Notification", topic, ride))
                self.assertEqual(notification["MessageAttributes"]["fare"], {"Type": "Number", "Value": str(ride["fare"])})
                for field in ("MessageId", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"):
                    self.assertIn(field, notification)

    def serve(self, url, handle, done):
        """A function behind a queue, with batches of one: what it raises on stays in the queue and comes again."""
        while not done.is_set():
            for message in self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                with contextlib.suppress(ValueError):
                    handle(json.loads(message["Body"]))
                    self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    @contextlib.contextmanager
    def functions(self, *url_and_handler):
        """Each runs beside the story until it ends."""
        done = threading.Event()
        threads = [threading.Thread(target=self.serve, args=(url, handler, done)) for url, handler in url_and_handler]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def test_lab_2_buffers_in_queues_what_services_fail_at(self):
        topic, urls = self.make_topic_and_queues(raw=True, VisibilityTimeout="1")
        chance, lock = random.Random(2), threading.Lock()
        processed = {service: [] for service in SERVICES}
        complete = threading.Event()
        rides, extraordinary = self.rides(topic)
        wanted = {service: extraordinary if service == "extraordinary-rides" else rides for service in SERVICES}

        def service(name):
            def handle(ride):
                with lock:
                    if chance.random() < 0.5:
                        raise ValueError("Unable to process fare")
                    processed[name].append(ride)
                    if all(len(processed[each]) >= len(wanted[each]) for each in SERVICES):
                        complete.set()
            return handle
        with self.functions(*((urls[name], service(name)) for name in SERVICES for _ in range(2))):
            self.assertTrue(complete.wait(60), processed)
        for name in SERVICES:
            self.assertEqual(sorted(ride["id"] for ride in processed[name]), sorted(ride["id"] for ride in wanted[name]))
            self.assertTrue(all(ride in wanted[name] for ride in processed[name]))

    def test_lab_3_scatters_a_request_and_gathers_quotes(self):
        topic = self.sns.create_topic(Name=self.name("RequestForQuotesTopic"))["TopicArn"]
        answers = self.queue(VisibilityTimeout=120)
        responders = {}
        for number in range(1, 11):
            url = self.queue()
            self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn(url), Attributes={"RawMessageDelivery": "true"})
            responders[f"UnicornManagementResource{number}"] = url
        available = set(random.Random(3).sample(sorted(responders), 5))
        store, complete = {}, threading.Event()

        def responder(name):
            def handle(request):
                if name in available:
                    self.sqs.send_message(QueueUrl=answers, MessageBody=json.dumps({"responder": name, "rfq-id": request["rfq-id"], "quote": len(name) + 20}))
            return handle

        def quotes_response(answer):
            store.setdefault(answer["rfq-id"], {})[answer["responder"]] = answer["quote"]
            if len(store) == 3 and all(len(quotes) == len(available) for quotes in store.values()):
                complete.set()
        requests = [{"rfq-id": str(uuid.uuid4()), "from": "Frankfurt", "to": "Las Vegas", "customer": "cmr"} for _ in range(3)]
        with self.functions((answers, quotes_response), *((url, responder(name)) for name, url in responders.items())):
            for request in requests:
                self.sns.publish(TopicArn=topic, Message=json.dumps(request))
            self.assertTrue(complete.wait(60), store)
        self.assertEqual(set(store), {request["rfq-id"] for request in requests})
        for quotes in store.values():
            self.assertEqual(set(quotes), available)


if __name__ == "__main__":
    main()
