#include "bench/workload.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace remuda::bench {

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all{
      {"W1", "durable life of a message: send, confirm, receive, delete; 1 producer, 1 consumer", durable_life},
      {"W1c", "the same with 4 producers and 4 consumers", durable_life_crowd},
      {"W2", "one message at a time to a waiting consumer: latency", latency},
      {"W3", "a live topic from node to node, 1 publisher, 5 subscribers, nothing lost: deliveries", live_topic},
      {"W4", "a request from node to node: round trip one at a time, then 64 outstanding", requests},
      {"W5", "a backlog: memory, kill -9, restart to first message, drain", backlog},
      {"W6", "one publish into 5 durable queues, each consumed and deleted", fan_out},
      {"stream", "a stream: append, read again, groups at own positions, kill -9, expiry by size and time", stream},
      {"W7", "events against 1, 100 and 10,000 filter policies, with a key and by ranges alone", many_rules},
      {"W8", "20 nodes from `up` to all ready, and from `down` to all gone; 200 of them; one that keeps dying", launching},
      {"W9", "POST a ride over HTTP: 201 with the ride stored and its event durable", http_rides},
      {"W10", "a pipe from node to node, and raw PUSH/PULL beside it", pipe},
      {"sqs", "send, receive and delete through the SQS gateway, 8 connections, batches of ten; a long poll that is woken",
       front_door},
      {"saga", "fare sagas from start to end by their real processes; sagas that wait: memory, kill -9, restart", sagas},
  };
  return all;
}

std::string to_json(const Report& report) {
  nlohmann::ordered_json json;
  json["workload"] = report.workload;
  json["size"] = report.size;
  json["producers"] = report.producers;
  json["consumers"] = report.consumers;
  json["batch"] = report.batch;
  json["window"] = report.window;
  json["messages"] = report.messages;
  json["msgs_per_s"] = report.msgs_per_s;
  const auto optional = [&](const char* name, const std::optional<double>& value) {
    json[name] = value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
  };
  optional("p50_us", report.p50_us);
  optional("p99_us", report.p99_us);
  optional("broker_cpu_us_per_msg", report.broker_cpu_us_per_msg);
  optional("peak_rss_mib", report.peak_rss_mib);
  json["durability"] = report.durability;
  for (const auto& [name, value] : report.more) json[name] = value;
  return json.dump();
}

std::string to_text(const Report& report) {
  std::string text = fmt::format("{}  {} B, {} producer(s), {} consumer(s), window {}, batch {}, {}\n", report.workload,
                                 report.size, report.producers, report.consumers, report.window, report.batch, report.durability);
  const auto line = [&](std::string_view name, double value) { text += fmt::format("  {:<28} {:>14.2f}\n", name, value); };
  text += fmt::format("  {:<28} {:>14}\n", "messages", report.messages);
  text += fmt::format("  {:<28} {:>14.0f}\n", "msgs_per_s", report.msgs_per_s);
  if (report.p50_us) line("p50_us", *report.p50_us);
  if (report.p99_us) line("p99_us", *report.p99_us);
  if (report.broker_cpu_us_per_msg) line("broker_cpu_us_per_msg", *report.broker_cpu_us_per_msg);
  if (report.peak_rss_mib) line("peak_rss_mib", *report.peak_rss_mib);
  for (const auto& [name, value] : report.more) line(name, value);
  return text;
}

}  // namespace remuda::bench
