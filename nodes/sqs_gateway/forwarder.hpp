#pragma once
// Carries messages from the queues of subscriptions to their endpoints. Taking out of one and putting into the other is one transaction of
// the queue node, so each message arrives exactly once. One receive at a time for each subscription: that keeps the order of a group.
//
// An endpoint that refuses for good (it is gone, the message is too large for it) loses the message to the subscription's dead-letter
// queue, or altogether; one that cannot take it now (full) is tried again. On the link's thread.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nodes/sqs_gateway/desk.hpp"
#include "nodes/sqs_gateway/subscription.hpp"

namespace remuda::sqs {

class Forwarder {
 public:
  /// `base_url`: where unsubscribe links lead.
  Forwarder(Desk& desk, std::string base_url) : desk_{desk}, base_url_{std::move(base_url)} {}

  /// Finds the subscriptions that there are, now and every few seconds: another gateway may have made some.
  void start();
  /// The subscription that this queue holds was made or changed.
  void found(const std::string& queue);
  /// Begins nothing new.
  void stop() { stopped_ = true; }

 private:
  struct Carrier {
    Subscription subscription;
    bool busy = false;
  };
  /// A message on its way, packed for its endpoint.
  struct Item {
    std::string handle;
    std::string packed;
    bool deliverable = true;
  };
  using Items = std::vector<Item>;
  using CarrierPointer = std::shared_ptr<Carrier>;

  void look_around();
  void carry(const Subscription& subscription);
  void receive(const CarrierPointer& carrier);
  void forward(const CarrierPointer& carrier, Items items);
  void forward_one_by_one(const CarrierPointer& carrier, Items items);
  void divert(const CarrierPointer& carrier, Items rest, Item item);
  void give_back_and_rest(const CarrierPointer& carrier, const Items& items);
  void rest(const CarrierPointer& carrier);
  void move(const CarrierPointer& carrier, const std::string& to, const Items& items, Callback<Unit> done);

  Desk& desk_;
  std::string base_url_;
  bool stopped_ = false;
  std::map<std::string, CarrierPointer> carriers_;  ///< by id of the subscription
};

}  // namespace remuda::sqs
