#pragma once
// Every kind of channel over its real transport, behind one vocabulary. A kind says what it promises; the suites hold it to that.

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "common/channels/direct_input.hpp"
#include "common/channels/memory.hpp"
#include "common/channels/pipe.hpp"
#include "common/channels/pubsub.hpp"
#include "common/channels/queue.hpp"
#include "common/channels/request_delivery.hpp"
#include "common/channels/stream.hpp"
#include "common/channels/topic.hpp"
#include "tests/conformance/channels/broker_process.hpp"

namespace remuda::test {

/// What becomes of a message that is sent while nobody is there to take it.
enum class Absence {
  kept,    ///< by the channel, for as long as it takes
  waits,   ///< with the sender, which is not confirmed before
  lost,    ///< and nobody is told
  refused  ///< to the sender
};

/// The sending end and up to two receiving ends of a channel of some kind.
struct Ends {
  Context context;
  SystemClock clock;
  std::vector<EventSource*> sources;
  std::unique_ptr<OutputChannel> output;
  std::vector<std::unique_ptr<InputChannel>> inputs;
  InputChannel* input = nullptr;  ///< the first

  void add(std::unique_ptr<InputChannel> receiver) {
    sources.push_back(receiver.get());
    inputs.push_back(std::move(receiver));
    input = inputs.front().get();
  }
};

/// A direct channel on which receivers listen: one endpoint for each.
struct ListeningReceivers : Ends {
  std::vector<std::string> endpoints{fresh_endpoint(), fresh_endpoint()};
};

struct MemoryQueue : Ends {
  static constexpr bool acknowledges = true;         ///< a failed message comes again
  static constexpr bool waits_for_handling = false;  ///< the sender hears what became of it
  static constexpr bool to_all = false;              ///< each receiver gets every message
  static constexpr Absence absence = Absence::kept;
  static constexpr const char* stale_code = "stale_handle";
  MemoryBroker broker;
  explicit MemoryQueue(std::size_t receivers) {
    broker.declare("rides");
    output = std::make_unique<BrokerOutput>(broker, BrokerOutput::Kind::queue, "rides");
    sources = {&broker, output.get()};
    while (inputs.size() < receivers) join();
  }
  void join() { add(std::make_unique<QueueInput>(broker, "rides", 64)); }
};

struct Pipe : ListeningReceivers {
  static constexpr bool acknowledges = false;
  static constexpr bool waits_for_handling = false;
  static constexpr bool to_all = false;
  static constexpr Absence absence = Absence::waits;
  explicit Pipe(std::size_t receivers) {
    output = std::make_unique<PipeOutput>(context, endpoints);
    sources = {output.get()};
    while (inputs.size() < receivers) join();
  }
  void join() { add(DirectInput::pipe(context, {endpoints.at(inputs.size())})); }
};

struct PubSub : Ends {
  static constexpr bool acknowledges = false;
  static constexpr bool waits_for_handling = false;
  static constexpr bool to_all = true;
  static constexpr Absence absence = Absence::lost;
  std::string endpoint = fresh_endpoint();
  explicit PubSub(std::size_t receivers) {
    output = std::make_unique<PubSubOutput>(context, std::vector{endpoint}, "ticks", receivers, clock);
    sources = {output.get()};
    while (inputs.size() < receivers) join();
  }
  void join(const LiveFilter& filter = {}) {
    add(DirectInput::subscription(context, {endpoint}, filter));
    const auto& publisher = static_cast<const PubSubOutput&>(*output);
    BOOST_REQUIRE(pump_until(sources, clock, [&] { return publisher.subscribers() == inputs.size(); }));
  }
};

struct Request : ListeningReceivers {
  static constexpr bool acknowledges = false;
  static constexpr bool waits_for_handling = true;
  static constexpr bool to_all = false;
  static constexpr Absence absence = Absence::refused;
  explicit Request(std::size_t receivers) {
    output = std::make_unique<RequestDelivery>(context, endpoints, std::chrono::milliseconds{receivers == 0 ? 1 : 20'000}, clock);
    sources = {output.get()};
    while (inputs.size() < receivers) join();
  }
  void join() { add(std::make_unique<RequestInput>(context, std::vector{endpoints.at(inputs.size())}, clock)); }
};

/// A broker of one's own, with a queue `rides`, a topic `ticks` and a stream `bookings`.
struct OverBroker : Ends {
  BrokerProcess process{"[queues.rides]\nvisibility_timeout = \"30s\"\n[topics.ticks]\n[streams.bookings]\n"};
  std::unique_ptr<BrokerConnection> broker = connect_broker(process.endpoint(), {"suite", "here"}, clock);
  ~OverBroker() {
    inputs.clear();  // before the connection they use
    output.reset();
  }
};

struct Queue : OverBroker {
  static constexpr bool acknowledges = true;
  static constexpr bool waits_for_handling = false;
  static constexpr bool to_all = false;
  static constexpr Absence absence = Absence::kept;
  static constexpr const char* stale_code = "stale_handle";
  explicit Queue(std::size_t receivers) {
    output = std::make_unique<BrokerOutput>(*broker, BrokerOutput::Kind::queue, "rides");
    sources = {broker.get(), output.get()};
    while (inputs.size() < receivers) join();
  }
  void join() { add(std::make_unique<QueueInput>(*broker, "rides", 64)); }
};

struct Stream : OverBroker {
  static constexpr bool acknowledges = true;
  static constexpr bool waits_for_handling = false;
  static constexpr bool to_all = false;  // within a consumer group
  static constexpr Absence absence = Absence::kept;
  static constexpr const char* stale_code = "stale_lease";
  explicit Stream(std::size_t receivers) {
    output = std::make_unique<BrokerOutput>(*broker, BrokerOutput::Kind::stream, "bookings");
    sources = {broker.get(), output.get()};
    while (inputs.size() < receivers) join();
  }
  void join(const std::string& group = "lake") { add(std::make_unique<StreamInput>(*broker, StreamReader{"bookings", group})); }
};

struct Topic : OverBroker {
  static constexpr bool acknowledges = false;
  static constexpr bool waits_for_handling = false;
  static constexpr bool to_all = true;
  static constexpr Absence absence = Absence::lost;
  explicit Topic(std::size_t receivers) {
    output = std::make_unique<BrokerOutput>(*broker, BrokerOutput::Kind::topic, "ticks");
    sources = {broker.get(), output.get()};
    while (inputs.size() < receivers) join();
  }
  void join(const LiveFilter& filter = {}) {
    add(std::make_unique<TopicInput>(*broker, "ticks", filter));
    BOOST_REQUIRE(pump_until(sources, clock, [this] { return inputs.back()->ready(); }));
  }
};

using Kinds = boost::mpl::list<MemoryQueue, Pipe, PubSub, Request, Queue, Stream, Topic>;
using AcknowledgingKinds = boost::mpl::list<MemoryQueue, Queue, Stream>;
using LiveKinds = boost::mpl::list<PubSub, Topic>;

inline Message ride(int number, std::string body = "ride") {
  Message message;
  message.id = "ride-" + std::to_string(number);
  message.body = std::move(body);
  return message;
}

/// The verbs of the stories, over a kind of channel.
template <class Kind>
struct Channel : Kind {
  explicit Channel(std::size_t receivers = 1) : Kind{receivers} {}

  int confirmed = 0;
  std::vector<std::string> refused;  ///< the codes

  void pump(const std::function<bool()>& happened) { BOOST_REQUIRE(pump_until(this->sources, this->clock, happened)); }
  void send(const std::vector<Message>& messages) {
    std::vector<std::string> packed;
    for (const auto& message : messages) packed.push_back(pack(message));
    const std::vector<std::string_view> views{packed.begin(), packed.end()};
    this->output->send(views, [this](const Result<void>& answer) {
      if (answer) {
        ++confirmed;
      } else {
        refused.push_back(answer.error().code);
      }
    });
  }
  Incoming take(std::size_t receiver = 0) {
    Incoming incoming;
    pump([&] { return this->inputs.at(receiver)->take(incoming); });
    return incoming;
  }
  void settle(const Incoming& incoming, const Outcome& outcome, std::size_t receiver = 0) {
    auto& from = *this->inputs.at(receiver);
    bool settled = from.broker() == nullptr;
    if (!settled) {
      Transaction transaction;
      const std::array<std::string_view, 1> ticket{incoming.ticket};
      from.add_settlement(ticket, outcome, transaction);
      from.broker()->transact(transaction, [&](const Result<Unit>& answer) { settled = answer.ok(); });
    }
    pump([&] { return settled; });
    from.settled(incoming.ticket, {outcome, ride(0, "the answer, where one is waited for")});
  }
};

}  // namespace remuda::test
