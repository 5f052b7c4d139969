// ReceiveMessage: a long poll is a receive that waits in the queue node, which answers the moment something is visible.

#include <algorithm>

#include "nodes/sqs_gateway/message_output.hpp"
#include "nodes/sqs_gateway/verbs.hpp"

namespace remuda::sqs {
namespace {

struct Receiving {
  ReceiveCommand command;
  Selection selection;
  bool fifo = false;
};

Answered<Receiving> read_receive(const Call& call, const wire::QueueInfo& queue) {
  Input in{call.input};
  Receiving receiving;
  auto& command = receiving.command;
  command.queue = queue.queue;
  receiving.fifo = queue.fifo;
  command.max =
      static_cast<std::uint32_t>(in.integer("MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided.").value_or(1));
  const auto wait = in.integer("WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided.");
  command.wait = std::chrono::seconds{wait.value_or(default_wait_s(queue))};
  if (const auto timeout = in.integer("VisibilityTimeout", 0, 43'200, "Must be >= 0 and <= 43200, if provided."))
    command.visibility_timeout = std::chrono::seconds{*timeout};
  const auto attempt = in.text_if_any("ReceiveRequestAttemptId");
  if (attempt && !queue.fifo)
    in.refuse(Fault::invalid_parameter_value,
              invalid_value(*attempt, "ReceiveRequestAttemptId",
                            "The request includes a parameter that is not valid for this queue type."));
  command.attempt_id = attempt.value_or("");
  if (in.error()) return Failure{*in.error()};
  auto selection = read_selection(call.input);
  if (!selection) return Failure{selection.error()};
  receiving.selection = std::move(*selection);
  return receiving;
}

/// Owns what a receive returned, while something is still to be asked for.
struct Delivery {
  std::string handle;
  std::string message;
  wire::Received received;
  std::string origin_queue;
};

/// A delivery to a client that has hung up goes back, uncounted.
void give_back(Desk& desk, const std::string& queue, std::span<const wire::Received> received) {
  std::vector<std::string_view> handles;
  for (const auto& each : received) handles.push_back(each.handle);
  desk.broker().release(queue, handles, [](const Result<std::vector<wire::HandleError>>&) {});
}

void show(const Visit& visit, const Receiving& receiving, std::span<const wire::Received> received,
          const std::function<std::string_view(std::size_t)>& origin_of) {
  auto output = Output::object();
  for (std::size_t i = 0; i < received.size(); ++i) {
    auto message = show_message(received[i], receiving.selection, receiving.fifo, origin_of(i));
    if (!message) return visit.done(Failure{message.error()});
    output["Messages"].push_back(std::move(*message));
  }
  visit.done(std::move(output));
}

/// Asks where dead letters came from, then shows them. A message that comes for the first time cannot be one.
void show_with_origins(Desk& desk, const Visit& visit, const Receiving& receiving, std::span<const wire::Received> received) {
  struct Asked {
    std::vector<Delivery> deliveries;
    std::size_t unanswered = 0;
  };
  const auto asked = std::make_shared<Asked>();
  asked->deliveries.resize(received.size());
  asked->unanswered = received.size();
  for (std::size_t i = 0; i < received.size(); ++i) {
    auto& delivery = asked->deliveries[i];
    delivery.handle = received[i].handle;
    delivery.message = received[i].message;
    delivery.received = received[i];
    delivery.received.handle = delivery.handle;
    delivery.received.message = delivery.message;
  }
  for (std::size_t i = 0; i < received.size(); ++i) {
    const auto sequence = sequence_of(asked->deliveries[i].handle);
    desk.broker().peek({receiving.command.queue, sequence, 1, {}}, [asked, i, sequence, visit,
                                                                    receiving](const Result<std::vector<wire::Peeked>>& found) {
      if (found && !found->empty() && found->front().sequence == sequence)
        asked->deliveries[i].origin_queue = found->front().origin_queue;
      if (--asked->unanswered > 0) return;
      std::vector<wire::Received> all;
      for (const auto& delivery : asked->deliveries) all.push_back(delivery.received);
      show(visit, receiving, all, [&](std::size_t k) { return std::string_view{asked->deliveries[k].origin_queue}; });
    });
  }
}

}  // namespace

void receive_message(Desk& desk, Visit visit) {
  const auto queue = queue_of(visit.call);
  if (!queue) return visit.done(Failure{queue.error()});
  desk.with_queue(*queue, [&desk, visit = std::move(visit)](const Answered<const wire::QueueInfo*>& found) {
    if (!found) return visit.done(Failure{found.error()});
    const auto receiving = read_receive(visit.call, **found);
    if (!receiving) return visit.done(Failure{receiving.error()});
    desk.link().receive(receiving->command, [&desk, visit, receiving = *receiving](const Result<BrokerLink::Received>& received) {
      if (!received && received.error().code == "over_limit" && receiving.fifo)
        return visit.done(Output::object());  // Amazon's FIFO queues say nothing of their limit of messages in flight
      if (!received) return visit.done(Failure{from_broker(received.error())});
      if (!received->empty() && !visit.is_wanted()) {
        give_back(desk, receiving.command.queue, *received);
        return visit.done(Output::object());
      }
      const bool may_be_dead_letters =
          std::any_of(received->begin(), received->end(), [](const wire::Received& each) { return each.receive_count > 1; });
      if (may_be_dead_letters && receiving.selection.wants_system("DeadLetterQueueSourceArn"))
        return show_with_origins(desk, visit, receiving, *received);
      show(visit, receiving, *received, [](std::size_t) { return std::string_view{}; });
    });
  });
}

}  // namespace remuda::sqs
