// A request channel over queues: return address and correlation id on a real broker.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "common/channels/queued_request.hpp"
#include "tests/conformance/channels/broker_process.hpp"

using namespace remuda;
using namespace remuda::test;
using namespace std::chrono_literals;

namespace {

Message question(const std::string& id) {
  Message message;
  message.id = id;
  message.body = "what does " + id + " cost?";
  return message;
}

/// The machine's clocks with time that passes when the test says so.
class MachineClockAhead final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return machine_.now() + ahead_; }
  [[nodiscard]] WallTime wall_now() const override { return machine_.wall_now() + ahead_; }
  void wait_until(Instant deadline) const override { machine_.wait_until(deadline - ahead_); }
  void advance(std::chrono::milliseconds by) { ahead_ += by; }

 private:
  SystemClock machine_;
  std::chrono::milliseconds ahead_{0};
};

/// A broker with a queue for questions and one for the answers to each of two askers.
struct QueuedFixture {
  SystemClock clock;              ///< of the connections, which wait for a real broker
  MachineClockAhead since_asked;  ///< of those who ask and answer
  BrokerProcess process{
      "[queues.quote]\nvisibility_timeout = \"30s\"\n[queues.replies-1]\nvisibility_timeout = "
      "\"30s\"\n[queues.replies-2]\nvisibility_timeout = "
      "\"30s\"\n"};
  std::unique_ptr<BrokerConnection> asking = connect_broker(process.endpoint(), {"asker", "here"}, clock);
  std::unique_ptr<BrokerConnection> asking_too = connect_broker(process.endpoint(), {"another", "here"}, clock);
  std::unique_ptr<BrokerConnection> answering = connect_broker(process.endpoint(), {"answerer", "here"}, clock);
  std::unique_ptr<QueuedRequestOutput> first =
      std::make_unique<QueuedRequestOutput>(*asking, "quote", "replies-1", 64, since_asked);
  std::unique_ptr<QueuedRequestOutput> second =
      std::make_unique<QueuedRequestOutput>(*asking_too, "quote", "replies-2", 64, since_asked);
  std::unique_ptr<QueuedRequestInput> answerer = std::make_unique<QueuedRequestInput>(*answering, "quote", 64, since_asked);
  std::map<std::string, std::string> answers;  ///< by question: the body, or the error's code

  void pump(const std::function<bool()>& happened) {
    std::vector<EventSource*> connections{asking.get(), asking_too.get()};
    std::vector<EventSource*> people{first.get(), second.get()};
    if (answerer) {
      connections.push_back(answering.get());
      people.push_back(answerer.get());
    }
    BOOST_REQUIRE(pump_until(connections, clock, [&] {
      for (auto* one : people) one->turn(since_asked.now());
      return happened();
    }));
  }
  void ask(QueuedRequestOutput& asker, const std::string& id, std::chrono::milliseconds deadline = 20s) {
    asker.ask(question(id), deadline, [this, id](const Result<Message>& answer) {
      BOOST_TEST(!answers.contains(id));
      answers[id] = answer ? answer->body : answer.error().code;
    });
  }
  // A process that ends takes its connection with it.
  void end_answerer() {
    answerer.reset();
    answering.reset();
  }
  void start_answerer() {
    answering = connect_broker(process.endpoint(), {"answerer", "here"}, clock);
    answerer = std::make_unique<QueuedRequestInput>(*answering, "quote", 64, since_asked);
  }
  void restart_first() {
    first.reset();
    asking = connect_broker(process.endpoint(), {"asker", "here"}, clock);
    first = std::make_unique<QueuedRequestOutput>(*asking, "quote", "replies-1", 64, since_asked);
  }
  Incoming take() {
    Incoming incoming;
    pump([&] { return answerer->take(incoming); });
    return incoming;
  }
  /// As the node runtime settles: the answer and the deletion are one transaction.
  void settle(const Incoming& incoming, const Outcome& outcome) {
    Transaction transaction;
    const std::array<std::string_view, 1> ticket{incoming.ticket};
    if (outcome.kind() == Outcome::Kind::done) {
      Message reply;
      reply.id = "answer-to-" + incoming.message.id;
      reply.body = "price of " + incoming.message.id;
      answerer->add_reply(incoming.ticket, reply, transaction);
    }
    answerer->add_settlement(ticket, outcome, transaction);
    answering->transact(transaction, [](const Result<Unit>& answer) { BOOST_TEST(answer.ok()); });
    answerer->settled(incoming.ticket, {outcome, {}});
  }
  ~QueuedFixture() {
    answerer.reset();  // before the connections they use
    first.reset();
    second.reset();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(queued_requests, QueuedFixture)

BOOST_AUTO_TEST_CASE(a_question_says_where_its_answer_goes) {
  ask(*first, "ride-1");
  const auto incoming = take();
  BOOST_TEST(incoming.message.reply_to == "replies-1");
  BOOST_TEST(incoming.message.body == "what does ride-1 cost?");
  settle(incoming, Outcome::done);
  pump([&] { return answers.contains("ride-1"); });
  BOOST_TEST(answers["ride-1"] == "price of ride-1");
}

BOOST_AUTO_TEST_CASE(two_askers_with_a_thousand_questions_each_get_exactly_their_own_answers_in_whatever_order) {
  constexpr int questions = 1'000;
  for (int i = 0; i < questions; ++i) {
    ask(*first, "first-" + std::to_string(i));
    ask(*second, "second-" + std::to_string(i));
  }
  ask(*first, "late", 1ms);
  BOOST_TEST(first->outstanding() == questions + 1U);
  std::vector<Incoming> taken;
  pump([&] {
    for (Incoming incoming; answerer->take(incoming);) taken.push_back(std::move(incoming));
    // All of them are outstanding at a time only for an answerer that takes more than it has answered.
    if (taken.size() >= 64 || answers.size() + taken.size() >= 2 * questions) {
      std::shuffle(taken.begin(), taken.end(), std::mt19937{7});
      for (const auto& incoming : taken) settle(incoming, Outcome::done);
      taken.clear();
    }
    return answers.size() == 2 * questions + 1U;
  });
  BOOST_TEST(answers["late"] == "timed_out");
  answers.erase("late");
  for (const auto& [id, body] : answers) BOOST_TEST(body == "price of " + id);
  BOOST_TEST(first->outstanding() + second->outstanding() == 0U);
}

BOOST_AUTO_TEST_CASE(an_answerer_that_is_away_answers_when_it_is_back) {
  end_answerer();
  ask(*first, "ride-1");
  pump([&] { return asking->unanswered() == 0; });
  start_answerer();
  settle(take(), Outcome::done);
  pump([&] { return answers.contains("ride-1"); });
  BOOST_TEST(answers["ride-1"] == "price of ride-1");
}

BOOST_AUTO_TEST_CASE(a_question_that_failed_comes_again_and_a_rejected_one_is_refused) {
  ask(*first, "ride-1");
  settle(take(), Outcome::retry_later.because("no map yet").after(0ms));
  const auto again = take();
  BOOST_TEST(again.delivery.receive_count == 2U);
  settle(again, Outcome::reject.because("no such place"));
  pump([&] { return answers.contains("ride-1"); });
  BOOST_TEST(answers["ride-1"] == "rejected");
  ask(*first, "ride-2");
  BOOST_TEST(take().message.id == "ride-2");  // nothing is left of the first
}

BOOST_AUTO_TEST_CASE(a_late_answer_does_no_harm_and_a_question_nobody_waits_for_is_not_started) {
  ask(*first, "ride-1", 60s);
  const auto incoming = take();
  BOOST_TEST(answers.empty());
  since_asked.advance(60s);
  pump([&] { return answers.contains("ride-1"); });
  BOOST_TEST(answers["ride-1"] == "timed_out");
  settle(incoming, Outcome::done);
  pump([&] { return first->dropped_replies() == 1; });
  end_answerer();
  ask(*first, "ride-2", 1ms);
  ask(*second, "ride-3");
  pump([&] { return answers.contains("ride-2"); });
  start_answerer();
  BOOST_TEST(take().message.id == "ride-3");
  BOOST_TEST(answerer->expired() == 1U);
}

BOOST_AUTO_TEST_CASE(answers_to_an_earlier_life_of_the_asker_are_dropped) {
  ask(*first, "ride-1");
  const auto incoming = take();
  pump([&] { return asking->unanswered() == 0; });
  restart_first();
  settle(incoming, Outcome::done);
  pump([&] { return first->dropped_replies() == 1; });
  ask(*first, "ride-2");
  settle(take(), Outcome::done);
  pump([&] { return answers.contains("ride-2"); });
  BOOST_TEST(answers["ride-2"] == "price of ride-2");
  BOOST_TEST(!answers.contains("ride-1"));
}

BOOST_AUTO_TEST_CASE(a_question_without_a_return_address_is_handled_and_answered_nowhere) {
  const auto packed = pack(question("ride-1"));
  const std::array<std::string_view, 1> messages{packed};
  Transaction transaction;
  transaction.send("quote", messages);
  asking->transact(transaction, [](const Result<Unit>&) {});
  const auto incoming = take();
  settle(incoming, Outcome::done);
  pump([&] { return answering->unanswered() == 0; });
}

BOOST_AUTO_TEST_SUITE_END()
