#pragma once
// The unicorn fleet: drives completed rides into the gateway, as many unicorns reporting home would, and says what became of
// them. A driver: it has no ports, and ends when its rides are answered (exit code 0 all accepted, 3 some, 1 none).

#include <cstdio>
#include <fstream>
#include <memory>

#include "common/node.hpp"
#include "nodes/unicorn_fleet/fleet_client.hpp"

namespace remuda::rides {

class UnicornFleet final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  /// Sends no more; what is under way is still answered and reported.
  void drain() override { client_->stop(); }
  [[nodiscard]] bool idle() const override { return reported_; }
  void stop() override;

 private:
  NodeContext* context_ = nullptr;
  std::int64_t rides_ = 0;
  Instant began_;
  Instant last_line_;
  bool reported_ = false;
  std::ofstream accepted_file_;
  std::unique_ptr<FleetClient> client_;  ///< last: its thread uses the above

  void show_progress();
  void finish();
};

}  // namespace remuda::rides
