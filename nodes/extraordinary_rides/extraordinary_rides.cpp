#include "nodes/extraordinary_rides/extraordinary_rides.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

ExtraordinaryRides::ExtraordinaryRides()
    : RideService{
          {.executable = "extraordinary_rides",
           .summary = "lists the rides that are out of the ordinary",
           .schema = "CREATE TABLE ride (number INTEGER PRIMARY KEY, id TEXT NOT NULL, customer TEXT NOT NULL, fare_cents "
                     "INTEGER NOT NULL,"
                     " distance TEXT NOT NULL);",
           .parameters = {{"wants", ParameterType::table, "{}",
                           "SNS filter policy on the body: rides that do not match are dropped; empty: keep every ride"}}}} {}

void ExtraordinaryRides::start(NodeContext& node_context) {
  auto policy = FilterPolicy::compile(node_context.parameters().json("wants").dump(), FilterScope::body);
  if (!policy) throw std::invalid_argument{"parameter wants: " + policy.error().message};
  wanted_ = std::move(*policy);
  RideService::start(node_context);
}

void ExtraordinaryRides::prepare(Database& database) {
  keep_ = database.prepare("INSERT INTO ride (id, customer, fare_cents, distance) VALUES (?, ?, ?, ?)");
  list_ = database.prepare("SELECT number, id, customer, fare_cents, distance FROM ride WHERE number > ? ORDER BY number LIMIT ?");
  totals_ = database.prepare("SELECT count(*) FROM ride");
}

void ExtraordinaryRides::record(const Ride& ride) {
  keep_.run(std::string_view{ride.id}, std::string_view{ride.customer}, ride.fare.cents, std::string_view{ride.distance.text()});
}

Message ExtraordinaryRides::answer(const http::RoutedRequest& question) {
  const auto page = page_of(question);
  if (!page) return http::response_message({400, "the page does not exist", page.error()});
  std::vector<std::string> items;
  std::int64_t last = page->after;
  for (auto& row = list_.rows(page->after, page->limit); row.step();) {
    last = row.integer(0);
    items.push_back("{\"number\":" + std::to_string(last) + ",\"id\":" + json_text(row.text(1)) + ",\"customer\":" +
                    json_text(row.text(2)) + ",\"fare\":" + Money{row.integer(3)}.text() + ",\"distance\":" + row.text(4) + "}");
  }
  return http::response_message(200, page_json("rides", items, last, *page, "/extraordinary-rides"));
}

std::string ExtraordinaryRides::totals_json() {
  totals_.rows().step();
  const std::string json = "\"rides\":" + std::to_string(totals_.integer(0)) + ",";
  totals_.reset();
  return json;
}

}  // namespace remuda::rides
