// A tour of all verbs of SQS and SNS with the SDK for JavaScript, which checks every MD5 by itself. Its SQS speaks JSON, its SNS forms.
const assert = require("node:assert");
const sqs = require("@aws-sdk/client-sqs");
const sns = require("@aws-sdk/client-sns");

const endpoint = process.argv[2];
const options = {endpoint, region: "us-east-1", credentials: {accessKeyId: "any", secretAccessKey: "any"}, maxAttempts: 1};
const queues = new sqs.SQSClient(options);
const topics = new sns.SNSClient(options);
const call = (verb, input) => queues.send(new sqs[verb + "Command"](input));
const callTopic = (verb, input) => topics.send(new sns[verb + "Command"](input));
const arn = (url) => "arn:aws:sqs:us-east-1:000000000000:" + url.split("/").pop();

async function refused(name, promise) {
  await assert.rejects(promise, (error) => {
    assert.strictEqual(error.name, name);
    assert.ok(error.$metadata.requestId);
    return true;
  });
}

async function tour() {
  const dead = (await call("CreateQueue", {QueueName: "js-dead"})).QueueUrl;
  const url = (await call("CreateQueue", {
    QueueName: "js", tags: {team: "rides"},
    Attributes: {VisibilityTimeout: "0", RedrivePolicy: JSON.stringify({deadLetterTargetArn: arn(dead), maxReceiveCount: 1})},
  })).QueueUrl;
  assert.strictEqual((await call("GetQueueUrl", {QueueName: "js"})).QueueUrl, url);
  assert.deepStrictEqual((await call("ListQueues", {QueueNamePrefix: "js"})).QueueUrls.sort(), [dead, url].sort());
  assert.deepStrictEqual((await call("ListDeadLetterSourceQueues", {QueueUrl: dead})).queueUrls, [url]);
  await call("TagQueue", {QueueUrl: url, Tags: {stage: "dev"}});
  await call("UntagQueue", {QueueUrl: url, TagKeys: ["team"]});
  assert.deepStrictEqual((await call("ListQueueTags", {QueueUrl: url})).Tags, {stage: "dev"});

  const sent = await call("SendMessage", {
    QueueUrl: url, MessageBody: "hello", MessageAttributes: {
      n: {DataType: "Number", StringValue: "1"}, raw: {DataType: "Binary", BinaryValue: Buffer.from([0, 1, 255])}},
  });
  assert.ok(sent.MD5OfMessageAttributes);
  const received = await call("ReceiveMessage", {
    QueueUrl: url, WaitTimeSeconds: 5, VisibilityTimeout: 60, MessageSystemAttributeNames: ["All"], MessageAttributeNames: ["All"]});
  const message = received.Messages[0];
  assert.deepStrictEqual([message.MessageId, message.Body, message.Attributes.ApproximateReceiveCount], [sent.MessageId, "hello", "1"]);
  assert.deepStrictEqual([...message.MessageAttributes.raw.BinaryValue], [0, 1, 255]);
  assert.strictEqual(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
  const handle = {QueueUrl: url, ReceiptHandle: message.ReceiptHandle};
  await call("ChangeMessageVisibility", {...handle, VisibilityTimeout: 600});
  await call("DeleteMessage", handle);

  const batch = await call("SendMessageBatch", {QueueUrl: url, Entries: [{Id: "a", MessageBody: "a"}, {Id: "b", MessageBody: "b"}, {Id: "c", MessageBody: ""}]});
  assert.deepStrictEqual([batch.Successful.length, batch.Failed[0].Code], [2, "MissingParameter"]);
  const two = (await call("ReceiveMessage", {QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: 60})).Messages;
  const entries = two.map((each, i) => ({Id: String(i), ReceiptHandle: each.ReceiptHandle}));
  const hidden = await call("ChangeMessageVisibilityBatch", {QueueUrl: url, Entries: entries.map((each) => ({...each, VisibilityTimeout: 30}))});
  assert.strictEqual(hidden.Successful.length, 2);
  assert.strictEqual((await call("DeleteMessageBatch", {QueueUrl: url, Entries: entries})).Successful.length, 2);

  await call("SendMessage", {QueueUrl: url, MessageBody: "poison"});
  await call("ReceiveMessage", {QueueUrl: url, WaitTimeSeconds: 5});
  const letter = (await call("ReceiveMessage", {QueueUrl: dead, WaitTimeSeconds: 5, VisibilityTimeout: 0, MessageSystemAttributeNames: ["All"]})).Messages[0];
  assert.strictEqual(letter.Attributes.DeadLetterQueueSourceArn, arn(url));
  const task = await call("StartMessageMoveTask", {SourceArn: arn(dead)});
  assert.ok(task.TaskHandle);
  assert.strictEqual((await call("ReceiveMessage", {QueueUrl: url, WaitTimeSeconds: 5})).Messages[0].Body, "poison");
  assert.strictEqual((await call("ListMessageMoveTasks", {SourceArn: arn(dead)})).Results[0].Status, "COMPLETED");
  await refused("UnsupportedOperation", call("CancelMessageMoveTask", task));

  await call("SetQueueAttributes", {QueueUrl: url, Attributes: {DelaySeconds: "1"}});
  assert.deepStrictEqual((await call("GetQueueAttributes", {QueueUrl: url, AttributeNames: ["DelaySeconds"]})).Attributes, {DelaySeconds: "1"});
  await call("AddPermission", {QueueUrl: url, Label: "l", AWSAccountIds: ["111111111111"], Actions: ["SendMessage"]});
  await call("RemovePermission", {QueueUrl: url, Label: "l"});
  await call("PurgeQueue", {QueueUrl: url});
  await refused("PurgeQueueInProgress", call("PurgeQueue", {QueueUrl: url}));
  await call("DeleteQueue", {QueueUrl: url});
  await refused("QueueDoesNotExist", call("SendMessage", {QueueUrl: url, MessageBody: "x"}));
  await refused("ReceiptHandleIsInvalid", call("DeleteMessage", {QueueUrl: dead, ReceiptHandle: "x"}));
}

async function tourOfTopics() {
  const url = (await call("CreateQueue", {QueueName: "js-topics"})).QueueUrl;
  const {TopicArn} = await callTopic("CreateTopic", {Name: "js"});
  assert.ok((await callTopic("ListTopics", {})).Topics.some((topic) => topic.TopicArn === TopicArn));
  assert.strictEqual((await callTopic("GetTopicAttributes", {TopicArn})).Attributes.TopicArn, TopicArn);
  const {SubscriptionArn} = await callTopic("Subscribe", {TopicArn, Protocol: "sqs", Endpoint: arn(url), Attributes: {RawMessageDelivery: "true"}});
  await callTopic("SetSubscriptionAttributes", {SubscriptionArn, AttributeName: "FilterPolicy", AttributeValue: '{"n": ["1"]}'});
  assert.strictEqual((await callTopic("GetSubscriptionAttributes", {SubscriptionArn})).Attributes.FilterPolicy, '{"n": ["1"]}');
  assert.strictEqual((await callTopic("ListSubscriptions", {})).Subscriptions.length, 1);
  assert.strictEqual((await callTopic("ListSubscriptionsByTopic", {TopicArn})).Subscriptions[0].Endpoint, arn(url));
  const MessageAttributes = {n: {DataType: "String", StringValue: "1"}};
  assert.ok((await callTopic("Publish", {TopicArn, Message: "a", MessageAttributes})).MessageId);
  const batch = await callTopic("PublishBatch", {TopicArn, PublishBatchRequestEntries: [{Id: "b", Message: "b", MessageAttributes}, {Id: "c", Message: "c"}]});
  assert.strictEqual(batch.Successful.length, 2);
  const bodies = [];
  while (bodies.length < 2) {
    const {Messages} = await call("ReceiveMessage", {QueueUrl: url, WaitTimeSeconds: 10, MaxNumberOfMessages: 10});
    bodies.push(...Messages.map((message) => message.Body));
  }
  assert.deepStrictEqual(bodies.sort(), ["a", "b"]);
  await callTopic("Unsubscribe", {SubscriptionArn});
  await callTopic("DeleteTopic", {TopicArn});
  await refused("NotFoundException", callTopic("Publish", {TopicArn, Message: "x"}));
  await call("DeleteQueue", {QueueUrl: url});
}

tour().then(tourOfTopics).then(() => console.log("the SDK for JavaScript has made its tour of SQS and SNS"), (error) => {
  console.error(error);
  process.exitCode = 1;
});
