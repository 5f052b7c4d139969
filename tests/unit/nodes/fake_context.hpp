#pragma once
// A node's surroundings in the hands of a test: what it sends is kept until the test confirms it, timers run when the test says so.

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/node.hpp"

struct FakeContext final : remuda::NodeContext {
  struct Sent {
    std::string port;
    remuda::Message message;
    remuda::ConfirmHandler confirmed;
  };
  struct Asked {
    std::string port;
    remuda::Message message;
    remuda::ReplyHandler handler;
  };

  std::string name = "node";
  std::string folder;
  remuda::Parameters values;
  remuda::ManualClock manual_clock;
  bool draining = false;
  std::string held;
  std::set<std::string, std::less<>> sending_ports;  ///< all others ask
  std::deque<Sent> sent;
  std::function<void(std::string_view port, const remuda::Message& message)> sends = [](std::string_view, const remuda::Message&) {
  };
  std::deque<Asked> asked;
  std::vector<std::function<void()>> timers;
  std::map<std::string, std::int64_t, std::less<>> counts;
  int exit_code = -1;

  [[nodiscard]] const std::string& node_name() const override { return name; }
  [[nodiscard]] int replica() const override { return 0; }
  [[nodiscard]] const std::string& data_folder() const override { return folder; }
  [[nodiscard]] const remuda::Parameters& parameters() const override { return values; }
  [[nodiscard]] const remuda::Clock& clock() const override { return manual_clock; }
  [[nodiscard]] bool is_wired(std::string_view) const override { return true; }
  [[nodiscard]] bool can_ask(std::string_view port) const override { return sending_ports.find(port) == sending_ports.end(); }
  [[nodiscard]] std::string held_back() const override { return held; }
  [[nodiscard]] bool is_draining() const override { return draining; }
  void send(std::string_view port, remuda::Message message, remuda::ConfirmHandler confirmed) override {
    sends(port, message);
    sent.push_back({std::string{port}, std::move(message), std::move(confirmed)});
  }
  void request(std::string_view port, remuda::Message message, std::chrono::milliseconds, remuda::ReplyHandler handler) override {
    asked.push_back({std::string{port}, std::move(message), std::move(handler)});
  }
  void every(std::chrono::milliseconds, std::function<void()> task) override { timers.push_back(std::move(task)); }
  void post(std::function<void()> task) override { task(); }
  void finish(int code) override { exit_code = code; }
  void count(std::string_view figure, std::int64_t by) override { counts[std::string{figure}] += by; }

  void run_timers() {
    for (const auto& timer : timers) timer();
  }
  /// Confirms the oldest message, or says why not.
  std::string confirm(const remuda::Result<void>& result = {}) {
    Sent first = std::move(sent.front());
    sent.pop_front();
    first.confirmed(result);
    return first.message.id;
  }
};

/// The outputs of one handler call.
struct FakeOutbox final : remuda::Outbox {
  std::vector<std::pair<std::string, remuda::Message>> sent;
  std::vector<remuda::Message> replies;
  remuda::Delivery the_delivery;

  void send(std::string_view port, remuda::Message message) override { sent.emplace_back(std::string{port}, std::move(message)); }
  void reply(remuda::Message message) override { replies.push_back(std::move(message)); }
  [[nodiscard]] remuda::Delivery delivery() const override { return the_delivery; }
};
