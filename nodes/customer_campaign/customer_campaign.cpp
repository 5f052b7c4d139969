#include "nodes/customer_campaign/customer_campaign.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "common/http/url.hpp"
#include "common/log.hpp"
#include "nodes/customer_campaign/campaign_report.hpp"

namespace remuda::rides {

std::string planned_prebooking(std::uint64_t seed, std::int64_t index) {
  // The places of a ride that the fleet would make.
  const auto planned = make_planned_ride({.seed = seed}, index);
  const auto& ride = *planned.ride;
  return fmt::format(R"({{"customer":"customer-{:05}","from":"{}","to":"{}","when":"2026-12-{:02}T{:02}:{:02}:00Z"}})", index,
                     ride.from, ride.to, 1 + index % 31, index / 31 % 24, index / 744 % 60);
}

NodeDescription CustomerCampaign::describe() const {
  return {.name = "customer_campaign",
          .summary = "customers who prebook within a short time, each once",
          .ports = {},
          .parameters = {{"target", ParameterType::text, "\"127.0.0.1:8080\"", "where the gateway listens"},
                         {"customers", ParameterType::integer, "1000", "how many"},
                         {"within", ParameterType::duration, "\"1s\"", "the time in which they come: the shorter, the harder"},
                         {"connections", ParameterType::integer, "256", "connections at a time"},
                         {"patience", ParameterType::duration, "\"10s\"", "how long a customer waits for an answer"},
                         {"path", ParameterType::text, "\"/submit-prebooking\"", "where prebookings are posted"},
                         {"sqs", ParameterType::boolean, "false",
                          "post them as SQS's SendMessage, for a queue that clients talk to themselves"},
                         {"seed", ParameterType::integer, "1", "which prebookings"},
                         {"report", ParameterType::text, "\"\"", "write the summary to this file as JSON"}}};
}

void CustomerCampaign::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  FleetOptions options;
  options.target = target_of(parameters);
  options.rides = parameters.integer("customers");
  const auto within = std::chrono::duration<double>(parameters.duration("within")).count();
  options.rate = within > 0 ? static_cast<double>(options.rides) / within : 0;
  options.connections = static_cast<int>(parameters.integer("connections"));
  options.timeout = parameters.duration("patience");
  options.run = new_message_id();
  options.path = parameters.text("path");
  options.retry = false;
  const bool sqs = parameters.boolean("sqs");
  if (sqs) options.content_type = "application/x-www-form-urlencoded";
  const auto seed = static_cast<std::uint64_t>(parameters.integer("seed"));
  client_ = std::make_unique<FleetClient>(
      std::move(options),
      [seed, sqs](std::int64_t index) {
        auto json = planned_prebooking(seed, index);
        return PlannedRide{sqs ? "Action=SendMessage&MessageBody=" + http::percent_encode(json) : std::move(json), {}};
      },
      [](const std::string&, const PlannedRide&) {});
  client_->start([this] { context_->post([this] { finish(); }); });
}

Outcome CustomerCampaign::on_message(std::string_view, const Message&, Outbox&) {
  return Outcome::done;
}

void CustomerCampaign::finish() {
  FleetReport& report = client_->report();
  std::fputs(campaign_text(report).c_str(), stdout);
  std::fflush(stdout);
  int exit_code = report.exit_code();
  if (const std::string path = context_->parameters().text("report"); !path.empty()) {
    std::ofstream file{path};
    file << campaign_json(report);
    if (!file.flush()) {
      log_error("cannot write the report", {{"file", path}});
      exit_code = 1;
    }
  }
  reported_ = true;
  context_->finish(exit_code);
}

}  // namespace remuda::rides
