#include "nodes/sqs_gateway/forwarder.hpp"

#include <algorithm>
#include <utility>

#include "common/log.hpp"
#include "nodes/sqs_gateway/envelope.hpp"

namespace remuda::sqs {
namespace {

constexpr std::chrono::seconds look_every{3};
constexpr std::chrono::seconds receive_wait{20};
constexpr std::chrono::milliseconds retry_after{500};
constexpr std::uint32_t batch_max = 5;  // notifications of the largest messages that SNS takes, together less than a frame

/// Whether trying again later may help.
bool is_temporary(const Error& error) {
  return !error.definite || error.code == "queue_full" || error.code == "storage_full" || error.code == "unreachable" ||
         error.code == "timed_out";
}

}  // namespace

void Forwarder::start() {
  look_around();
}

void Forwarder::look_around() {
  if (stopped_) return;
  desk_.with_queues([this](const Answered<std::vector<wire::QueueInfo>>& queues) {
    if (queues) {
      for (const auto& queue : *queues) {
        if (is_own_queue(queue)) carry(*subscription_of(queue));
      }
    }
    desk_.link().at(desk_.clock().now() + look_every, [this] { look_around(); });
  });
}

void Forwarder::found(const std::string& queue) {
  desk_.with_fresh_queue(queue, [this](const Answered<const wire::QueueInfo*>& info) {
    if (info && is_own_queue(**info)) carry(*subscription_of(**info));
  });
}

void Forwarder::carry(const Subscription& subscription) {
  auto& carrier = carriers_[subscription.id];
  if (carrier == nullptr) carrier = std::make_shared<Carrier>();
  carrier->subscription = subscription;
  if (!carrier->busy) receive(carrier);
}

void Forwarder::receive(const CarrierPointer& carrier) {
  if (stopped_) return;
  carrier->busy = true;
  const ReceiveCommand command{queue_name_of(carrier->subscription), batch_max, receive_wait, {}, {}};
  desk_.link().receive(command, [this, carrier](const Result<BrokerLink::Received>& received) {
    if (!received && received.error().code == "no_such_queue") {
      carriers_.erase(carrier->subscription.id);  // unsubscribed
      return;
    }
    if (!received) return rest(carrier);
    if (received->empty()) return receive(carrier);
    // What arrived is copied: it is looked at again once the endpoint is known.
    auto items = std::make_shared<std::vector<std::pair<std::string, std::string>>>();
    for (const auto& each : *received) items->emplace_back(each.handle, each.message);
    desk_.with_queue(carrier->subscription.endpoint, [this, carrier, items](const Answered<const wire::QueueInfo*>& endpoint) {
      const bool to_fifo = endpoint && (*endpoint)->fifo;
      Items out;
      for (const auto& [handle, packed] : *items) {
        const auto published = unpack_message(packed);
        if (!published) continue;
        const auto delivery = delivery_of(*published, carrier->subscription, to_fifo, base_url_);
        out.push_back({handle, delivery ? pack(*delivery) : packed, delivery.ok()});
      }
      forward(carrier, std::move(out));
    });
  });
}

void Forwarder::move(const CarrierPointer& carrier, const std::string& to, const Items& items, Callback<Unit> done) {
  std::vector<std::string_view> messages;
  std::vector<std::string_view> handles;
  for (const auto& item : items) {
    messages.emplace_back(item.packed);
    handles.emplace_back(item.handle);
  }
  Transaction transaction;
  if (!to.empty()) transaction.send(to, messages);
  transaction.delete_messages(queue_name_of(carrier->subscription), handles);
  desk_.broker().transact(transaction, std::move(done));
}

void Forwarder::forward(const CarrierPointer& carrier, Items items) {
  if (std::any_of(items.begin(), items.end(), [](const Item& item) { return !item.deliverable; }))
    return forward_one_by_one(carrier, std::move(items));
  const auto shared = std::make_shared<Items>(std::move(items));
  move(carrier, carrier->subscription.endpoint, *shared, [this, carrier, shared](const Result<Unit>& moved) {
    if (moved) return receive(carrier);
    if (is_temporary(moved.error())) return give_back_and_rest(carrier, *shared);
    forward_one_by_one(carrier, std::move(*shared));
  });
}

void Forwarder::forward_one_by_one(const CarrierPointer& carrier, Items items) {
  if (items.empty()) return receive(carrier);
  auto item = std::move(items.front());
  items.erase(items.begin());
  if (!item.deliverable) return divert(carrier, std::move(items), std::move(item));
  const auto rest_of_them = std::make_shared<std::pair<Item, Items>>(std::move(item), std::move(items));
  move(carrier, carrier->subscription.endpoint, {rest_of_them->first}, [this, carrier, rest_of_them](const Result<Unit>& moved) {
    auto& [first, left] = *rest_of_them;
    if (!moved && is_temporary(moved.error())) {
      left.insert(left.begin(), std::move(first));
      return give_back_and_rest(carrier, left);
    }
    // A stale handle: the message is on its way again by itself.
    if (moved || moved.error().code == "stale_handle") return forward_one_by_one(carrier, std::move(left));
    log_warning("a message cannot be delivered", {{"subscription", carrier->subscription.id},
                                                  {"endpoint", carrier->subscription.endpoint},
                                                  {"error", moved.error().message}});
    divert(carrier, std::move(left), std::move(first));
  });
}

void Forwarder::divert(const CarrierPointer& carrier, Items left, Item item) {
  const auto shared = std::make_shared<Items>(std::move(left));
  move(carrier, dead_letter_queue_of(carrier->subscription), {item}, [this, carrier, shared, item](const Result<Unit>& moved) {
    if (!moved && is_temporary(moved.error())) {
      shared->insert(shared->begin(), item);
      return give_back_and_rest(carrier, *shared);
    }
    if (moved || moved.error().code == "stale_handle") return forward_one_by_one(carrier, std::move(*shared));
    // Not even the dead-letter queue takes it.
    move(carrier, {}, {item}, [this, carrier, shared](const Result<Unit>&) { forward_one_by_one(carrier, std::move(*shared)); });
  });
}

void Forwarder::give_back_and_rest(const CarrierPointer& carrier, const Items& items) {
  std::vector<std::string_view> handles;
  for (const auto& item : items) handles.emplace_back(item.handle);
  desk_.broker().release(queue_name_of(carrier->subscription), handles,
                         [this, carrier](const Result<std::vector<wire::HandleError>>&) { rest(carrier); });
}

void Forwarder::rest(const CarrierPointer& carrier) {
  desk_.link().at(desk_.clock().now() + retry_after, [this, carrier] { receive(carrier); });
}

}  // namespace remuda::sqs
