// Frames <-> commands and replies: everything that is written is read back, and nothing else is accepted.

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

#include "common/wire.hpp"

using namespace remuda;
using namespace remuda::wire;

namespace {

const std::string session(16, 's');

std::string encoded(const Command& command, std::uint64_t request = 7, std::uint64_t settled = 3) {
  std::string frame;
  encode_request({request, settled, command}, frame);
  return frame;
}

/// One request of every kind, with every option set.
std::vector<Command> every_command() {
  const Selection selection{R"({"fare":[1]})", true};
  DeclareQueue declare;
  declare.queue = "rides";
  declare.dead_letter_queue = "rides-dlq";
  declare.max_receives = 5;
  declare.max_messages = 1'000'000;
  declare.max_bytes = 5'000'000'000;
  declare.relaxed = true;
  declare.from_topic = "ride-completion";
  declare.selection = selection;
  declare.fifo = Fifo{"body.customer", "content", "message_group", "block"};
  declare.tags = {{"team", "rides"}, {"cost", ""}};
  return {Hello{1, session, "node", "host"},
          Ping{},
          Send{"rides", {"a", "b"}, 5, {std::nullopt, 7}},
          Send{"rides", {"a"}, std::nullopt, {7}},
          Publish{"topic", {"a"}},
          Receive{"rides", 10, 20'000, 30'000, "try-1"},
          Receive{"rides", 10, 20'000, std::nullopt, "try-1"},
          Receive{"rides", 10, 20'000, std::nullopt, {}, true},
          CancelReceives{},
          Delete{"rides", {"h1", "h2"}},
          ChangeVisibility{"rides", {"h1"}, 5'000},
          RetryLater{"rides", "h1", "cannot", 10},
          RetryLater{"rides", "h1", "cannot", std::nullopt},
          Reject{"rides", "h1", "negative"},
          Release{"rides", {"h1"}},
          Transact{{Delete{"rides", {"h1"}}, Send{"out", {"m"}, std::nullopt}, Publish{"topic", {"m"}},
                    RetryLater{"rides", "h2", "no", 1}, KeepProgress{"rides-outbox", 7, "so far"}}},
          GetProgress{"rides-outbox"},
          Peek{"rides", 5, 20, selection},
          Purge{"rides", selection, true},
          Redrive{"rides-dlq", "rides", 10, selection, true},
          StartMove{"rides-dlq", "rides", selection, 100},
          CancelMove{3},
          ListMoves{},
          GetQueueInfo{"rides"},
          ListQueues{},
          ListTopics{},
          declare,
          DeleteQueue{"rides", true},
          DeclareTopic{"topic", true, "content"},
          DeleteTopic{"topic"},
          Subscribe{"topic", selection, 512},
          Unsubscribe{4},
          Credit{4, 1'000},
          Append{"positions", {"a", "b"}},
          StreamCheckpoint{"lease", 7, "failed", "no good", 100},
          StreamRead{"positions", 1, 100, {"latest", {}, 5}},
          StreamTake{"positions", "lake", 100, 5'000, "latest", 20'000},
          StreamSeek{"positions", "lake", 2, {"oldest", 9, {}}},
          DeclareStream{"positions", 4, "body.customer", 60'000, 1'000, "dead", 3, "rides", {"{}", true}},
          DeleteStream{"positions", true},
          GetStreamInfo{"positions"},
          ListStreams{}};
}

std::string refusal_of(std::string_view frame) {
  Request request;
  const auto decoded = decode_request(frame, request);
  return decoded ? "" : decoded.error().code;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_request_is_read_back_as_it_was_written) {
  for (const auto& command : every_command()) {
    const std::string frame = encoded(command);
    Request request;
    const auto decoded = decode_request(frame, request);
    BOOST_REQUIRE_MESSAGE(decoded, name_of(command));
    BOOST_TEST(request.request == 7U);
    BOOST_TEST(request.settled == 3U);
    BOOST_TEST(request.command.index() == command.index());
    BOOST_TEST((encoded(request.command) == frame), name_of(command));  // the same bytes again: nothing got lost
  }
}

BOOST_AUTO_TEST_CASE(no_prefix_of_a_request_is_a_request) {
  for (const auto& command : every_command()) {
    const std::string frame = encoded(command);
    for (std::size_t size = 0; size < frame.size(); ++size)
      BOOST_TEST(refusal_of(frame.substr(0, size)) != "", name_of(command) << " at " << size);
    BOOST_TEST(refusal_of(frame + '\xc0') == "malformed_request");
  }
}

BOOST_AUTO_TEST_CASE(changed_bytes_are_refused_or_read_but_never_more_than_that) {
  std::mt19937 random{20'260'101};
  for (const auto& command : every_command()) {
    for (int round = 0; round < 200; ++round) {
      std::string frame = encoded(command);
      frame[random() % frame.size()] = static_cast<char>(random());
      Request request;
      if (decode_request(frame, request)) BOOST_TEST(!encoded(request.command).empty());
      static_cast<void>(decode_reply(frame));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_refused_request_still_names_its_number) {
  std::string frame = encoded(Send{"rides", {"a"}, std::nullopt}, 42);
  frame.resize(frame.size() - 1);
  Request request;
  BOOST_REQUIRE(!decode_request(frame, request));
  BOOST_TEST(request.request == 42U);
}

BOOST_AUTO_TEST_CASE(unknown_operations_options_and_steps_are_refused) {
  BOOST_TEST(refusal_of("\x93\xa3zap\x01\x01") == "unknown_operation");
  BOOST_TEST(refusal_of("\x95\xa4peek\x01\x01\xa1q\x81\xa6"
                        "colour\x01") == "malformed_request");
  BOOST_TEST(refusal_of("\x95\xa4peek\x01\x01\xa1q\x82\xa4"
                        "from\x01\xa4"
                        "from\x02") == "malformed_request");                                  // a key twice
  BOOST_TEST(refusal_of("\x94\xa8transact\x01\x01\x91\x91\xa4ping") == "unknown_operation");  // no step
  BOOST_TEST(refusal_of("\x94\xa8transact\x01\x01\x90") == "malformed_request");
}

BOOST_AUTO_TEST_CASE(a_send_has_as_many_delays_as_messages_or_none) {
  BOOST_TEST(refusal_of(encoded(Send{"rides", {"a", "b"}, std::nullopt, {1}})) == "malformed_request");
}

BOOST_AUTO_TEST_CASE(sequences_of_a_send_are_told_one_by_one_or_by_the_first) {
  const auto result_of = [](const std::string& frame) { return std::string{std::get<Ok>(*decode_reply(frame)).result}; };
  std::string frame;
  const std::uint64_t each[] = {4, 2, 5};
  encode_ok(1, std::span<const std::uint64_t>{each}, frame);
  BOOST_TEST((*decode_sequences(result_of(frame), 3) == std::vector<std::uint64_t>{4, 2, 5}));
  BOOST_TEST(!decode_sequences(result_of(frame), 2));
  frame.clear();
  encode_ok(1, std::uint64_t{7}, frame);
  BOOST_TEST((*decode_sequences(result_of(frame), 2) == std::vector<std::uint64_t>{7, 8}));
  frame.clear();
  encode_ok(1, frame);
  BOOST_TEST(decode_sequences(result_of(frame), 2)->empty());
}

BOOST_AUTO_TEST_CASE(lists_have_a_limit) {
  const std::vector<std::string_view> full(batch_size_max, "m");
  BOOST_TEST(refusal_of(encoded(Send{"rides", full, std::nullopt})) == "");
  const std::vector<std::string_view> over(batch_size_max + 1, "m");
  BOOST_TEST(refusal_of(encoded(Send{"rides", over, std::nullopt})) == "over_limit");
  BOOST_TEST(refusal_of(encoded(Send{"rides", {}, std::nullopt})) == "malformed_request");
  BOOST_TEST(refusal_of(encoded(Transact{std::vector<Step>(transaction_steps_max, Delete{"q", {"h"}})})) == "");
  BOOST_TEST(refusal_of(encoded(Transact{std::vector<Step>(transaction_steps_max + 1, Delete{"q", {"h"}})})) == "over_limit");
  BOOST_TEST(refusal_of(encoded(Receive{"rides", 0, 0, std::nullopt})) == "over_limit");
}

BOOST_AUTO_TEST_CASE(a_session_has_exactly_16_bytes) {
  BOOST_TEST(refusal_of(encoded(Hello{1, session, "n", "h"})) == "");
  BOOST_TEST(refusal_of(encoded(Hello{1, session.substr(1), "n", "h"})) == "malformed_request");
}

BOOST_AUTO_TEST_CASE(exactly_the_requests_that_change_something_are_remembered) {
  std::vector<std::string> passing;
  for (const auto& command : every_command()) {
    if (!is_remembered(command)) passing.emplace_back(name_of(command));
  }
  const std::vector<std::string> expected{"hello",           "ping",        "receive",     "receive",     "receive",
                                          "cancel_receives", "progress",    "peek",        "list_moves",  "queue_info",
                                          "list_queues",     "list_topics", "subscribe",   "unsubscribe", "credit",
                                          "stream_read",     "stream_take", "stream_info", "list_streams"};
  BOOST_TEST(passing == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_transaction_encoded_step_by_step_is_the_same_frame) {
  const Transact transact{{Delete{"rides", {"h1"}}, Send{"out", {"m"}, std::nullopt}}};
  std::string steps;
  for (const auto& step : transact.steps) encode_step(step, steps);
  std::string frame;
  encode_transact(7, 3, steps, transact.steps.size(), frame);
  BOOST_TEST((frame == encoded(transact)));
}

// ---- replies ----

BOOST_AUTO_TEST_CASE(received_messages_are_read_back_as_they_were_written) {
  std::string frame;
  begin_received(9, 2, frame);
  append_received({"handle-1", 1, 1'700'000'000'000, 1'700'000'000'001, "message-1"}, frame);
  append_received({"handle-2", 300, 1'700'000'000'000, 0, ""}, frame);
  const auto reply = decode_reply(frame);
  BOOST_REQUIRE(reply);
  const auto& ok = std::get<Ok>(*reply);
  BOOST_TEST(ok.request == 9U);
  const auto received = decode_received(ok.result);
  BOOST_REQUIRE(received);
  BOOST_REQUIRE_EQUAL(received->size(), 2U);
  BOOST_TEST((*received)[0].handle == "handle-1");
  BOOST_TEST((*received)[0].message == "message-1");
  BOOST_TEST((*received)[1].receive_count == 300U);
  for (std::size_t size = 0; size < ok.result.size(); ++size) BOOST_TEST(!decode_received(ok.result.substr(0, size)));
}

BOOST_AUTO_TEST_CASE(handle_results_are_nil_unless_one_was_refused) {
  std::string all_done;
  encode_ok(1, 3, std::span<const HandleError>{}, all_done);
  BOOST_TEST(decode_handle_errors(std::get<Ok>(*decode_reply(all_done)).result)->empty());
  std::string one_refused;
  const std::vector<HandleError> refused{{1, "stale_handle"}};
  encode_ok(1, 3, refused, one_refused);
  BOOST_TEST((*decode_handle_errors(std::get<Ok>(*decode_reply(one_refused)).result) == refused));
}

BOOST_AUTO_TEST_CASE(an_error_keeps_whether_it_is_definite) {
  for (const bool definite : {true, false}) {
    std::string frame;
    encode_error(5, {"storage_full", "no space left", definite}, frame);
    const auto reply = decode_reply(frame);
    BOOST_REQUIRE(reply);
    BOOST_TEST((std::get<Refused>(*reply).error == Error{"storage_full", "no space left", definite}));
  }
}

BOOST_AUTO_TEST_CASE(an_event_carries_messages_with_consecutive_numbers) {
  std::string frame;
  begin_event(3, 100, 2, frame);
  append_event_message("a", frame);
  append_event_message("b", frame);
  const auto reply = decode_reply(frame);
  BOOST_REQUIRE(reply);
  const auto& event = std::get<Event>(*reply);
  BOOST_TEST(event.subscription == 3U);
  BOOST_TEST(event.sequence == 100U);
  BOOST_TEST((event.messages == std::vector<std::string_view>{"a", "b"}));
}

BOOST_AUTO_TEST_CASE(what_operators_see_is_read_back_as_it_was_written) {
  QueueInfo info;
  info.queue = "rides";
  info.from_topic = "ride-completion";
  info.filter_on_attributes = true;
  info.max_bytes = 5'000'000'000;
  info.visible = 4'000'000'000;
  info.expired = 7;
  std::string frame;
  encode_ok(1, info, frame);
  BOOST_TEST((*decode_queue_info(std::get<Ok>(*decode_reply(frame)).result) == info));

  Peeked peeked;
  peeked.sequence = 12;
  peeked.state = "visible";
  peeked.origin_queue = "rides";
  peeked.reason = "received 5 times";
  peeked.attempts = {{"accounting", "host-a", 1'700'000'000'000, "cannot"}};
  peeked.message = "bytes";
  const std::vector<Peeked> messages{peeked, Peeked{}};
  frame.clear();
  encode_ok(1, std::span<const Peeked>{messages}, frame);
  BOOST_TEST((*decode_peeked(std::get<Ok>(*decode_reply(frame)).result) == messages));

  TopicInfo topic;
  topic.topic = "ride-completion";
  topic.queues = {{"rides", "{}", false}};
  topic.subscribers = 2;
  const std::vector<TopicInfo> topics{topic};
  frame.clear();
  encode_ok(1, std::span<const TopicInfo>{topics}, frame);
  BOOST_TEST((*decode_topic_list(std::get<Ok>(*decode_reply(frame)).result) == topics));
}

BOOST_AUTO_TEST_CASE(what_is_no_reply_is_said_to_be_none) {
  const auto reply = decode_reply("\x93\xa2no\x01\xc0");
  BOOST_REQUIRE(!reply);
  BOOST_TEST(reply.error().code == "malformed_reply");
  BOOST_TEST(!reply.error().definite);
}
