#include "nodes/unicorn_fleet/unicorn_fleet.hpp"

#include <unistd.h>

#include <stdexcept>

#include "common/log.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

namespace {

constexpr std::chrono::milliseconds progress_interval{100};
constexpr std::chrono::seconds line_interval{5};  ///< where nobody watches: a line in a log

}  // namespace

NodeDescription UnicornFleet::describe() const {
  return {.name = "unicorn_fleet",
          .summary = "submits completed rides to the gateway, from a seed or a file",
          .ports = {},
          .parameters = {
              {"target", ParameterType::text, "\"127.0.0.1:8080\"", "where the gateway listens"},
              {"rides", ParameterType::integer, "2000", "how many rides to make"},
              {"seed", ParameterType::integer, "1", "which rides to make"},
              {"file", ParameterType::text, "\"\"", "submit the rides of this file of JSON lines instead"},
              {"rate", ParameterType::number, "0.0", "rides per second; 0: as fast as they are answered"},
              {"connections", ParameterType::integer, "8", "connections at a time"},
              {"poison_every", ParameterType::integer, "0", "each so-manieth ride has the customer `poison`; 0: none"},
              {"run", ParameterType::text, "\"\"",
               "names the run in the Idempotency-Keys; empty: a new name. The same name and seed submit the same rides again"},
              {"give_up", ParameterType::duration, "\"60s\"", "how long a ride is tried again"},
              {"report", ParameterType::text, "\"\"", "write the summary to this file as JSON"},
              {"accepted", ParameterType::text, "\"\"", "write each accepted ride to this file as a JSON line"}}};
}

void UnicornFleet::start(NodeContext& context) {
  context_ = &context;
  const Parameters& parameters = context.parameters();
  FleetOptions options;
  options.target = target_of(parameters);
  options.rides = parameters.integer("rides");
  options.rate = parameters.number("rate");
  options.connections = static_cast<int>(parameters.integer("connections"));
  options.give_up = parameters.duration("give_up");
  options.run = parameters.text("run").empty() ? new_message_id() : parameters.text("run");
  MadeRides made;
  made.seed = static_cast<std::uint64_t>(parameters.integer("seed"));
  made.count = options.rides;
  made.poison_every = parameters.integer("poison_every");
  FleetClient::Source source = [made](std::int64_t index) { return make_planned_ride(made, index); };
  if (const std::string file = parameters.text("file"); !file.empty()) {
    auto planned = read_planned_rides(file);
    if (!planned) throw std::invalid_argument{planned.error().message};
    options.rides = std::ssize(*planned);
    source = [rides = std::make_shared<std::vector<PlannedRide>>(std::move(*planned))](std::int64_t index) {
      return rides->at(static_cast<std::size_t>(index));
    };
  }
  if (const std::string path = parameters.text("accepted"); !path.empty()) {
    accepted_file_.open(path);
    if (!accepted_file_) throw std::invalid_argument{"parameter accepted: cannot write '" + path + "'"};
  }
  rides_ = options.rides;
  began_ = last_line_ = context.clock().now();
  client_ = std::make_unique<FleetClient>(
      std::move(options), std::move(source), [this](const std::string& id, const PlannedRide& planned) {
        if (!accepted_file_.is_open()) return;
        accepted_file_ << "{\"id\":" << json_text(id);
        if (planned.ride)
          accepted_file_ << ",\"customer\":" << json_text(planned.ride->customer) << ",\"fare\":" << planned.ride->fare
                         << ",\"distance\":" << planned.ride->distance;
        accepted_file_ << "}\n";
      });
  client_->start([this] { context_->post([this] { finish(); }); });
  context.every(progress_interval, [this] { show_progress(); });
}

Outcome UnicornFleet::on_message(std::string_view, const Message&, Outbox&) {
  return Outcome::done;
}

void UnicornFleet::show_progress() {
  const Instant now = context_->clock().now();
  const auto line = progress_line(client_->answered(), rides_, client_->retries(),
                                  std::chrono::duration_cast<std::chrono::microseconds>(now - began_));
  if (isatty(STDERR_FILENO) == 1) {
    std::fprintf(stderr, "\r%s\033[K", line.c_str());
  } else if (now - last_line_ >= line_interval) {
    last_line_ = now;
    log_info(line);
  }
}

void UnicornFleet::finish() {
  if (isatty(STDERR_FILENO) == 1) std::fprintf(stderr, "\r\033[K");
  FleetReport& report = client_->report();
  std::fputs(summary_text(report).c_str(), stdout);
  std::fflush(stdout);
  int exit_code = report.exit_code();
  if (const std::string path = context_->parameters().text("report"); !path.empty()) {
    std::ofstream file{path};
    file << summary_json(report);
    if (!file.flush()) {
      log_error("cannot write the report", {{"file", path}});
      exit_code = 1;
    }
  }
  if (accepted_file_.is_open() && !accepted_file_.flush()) {
    log_error("cannot write the accepted rides");
    exit_code = 1;
  }
  reported_ = true;
  context_->finish(exit_code);
}

void UnicornFleet::stop() {
  client_.reset();
}

}  // namespace remuda::rides
