#pragma once
// A campaign: so many customers read "Book now!" and prebook within a given time, each once, none of them patient. It says how long
// they waited and what became of those who were not served. A driver: it has no ports, and ends when every customer was answered
// (exit code 0 all accepted, 3 some, 1 none).

#include <memory>

#include "common/node.hpp"
#include "nodes/unicorn_fleet/fleet_client.hpp"

namespace remuda::rides {

/// The prebooking of customer `index`: a JSON object, equal for equal seeds.
[[nodiscard]] std::string planned_prebooking(std::uint64_t seed, std::int64_t index);

class CustomerCampaign final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  /// Sends no more; what is under way is still answered and reported.
  void drain() override { client_->stop(); }
  [[nodiscard]] bool idle() const override { return reported_; }
  void stop() override { client_.reset(); }

 private:
  NodeContext* context_ = nullptr;
  bool reported_ = false;
  std::unique_ptr<FleetClient> client_;  ///< last: its thread uses the above

  void finish();
};

}  // namespace remuda::rides
