#include "nodes/customer_notification/customer_notification.hpp"

#include "common/http/url.hpp"
#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

CustomerNotification::CustomerNotification()
    : RideService{{.executable = "customer_notification",
                   .summary = "notifies customers of their completed rides",
                   .schema = "CREATE TABLE notification (number INTEGER PRIMARY KEY, customer TEXT NOT NULL, ride TEXT NOT NULL, "
                             "text TEXT NOT NULL);"
                             "CREATE INDEX notification_of_customer ON notification (customer, number);"}} {}

void CustomerNotification::prepare(Database& database) {
  notify_ = database.prepare("INSERT INTO notification (customer, ride, text) VALUES (?, ?, ?)");
  list_ = database.prepare("SELECT number, ride, text FROM notification WHERE customer = ? AND number > ? ORDER BY number LIMIT ?");
  totals_ = database.prepare("SELECT count(*) FROM notification");
}

void CustomerNotification::record(const Ride& ride) {
  const std::string text = "Your ride from " + ride.from + " to " + ride.to + " is complete. Fare: " + ride.fare.text() + ".";
  notify_.run(std::string_view{ride.customer}, std::string_view{ride.id}, std::string_view{text});
}

Message CustomerNotification::answer(const http::RoutedRequest& question) {
  const std::string customer = customer_of(question);
  if (customer.empty()) return totals();
  const auto page = page_of(question);
  if (!page) return http::response_message({400, "the page does not exist", page.error()});
  std::vector<std::string> items;
  std::int64_t last = page->after;
  for (auto& row = list_.rows(std::string_view{customer}, page->after, page->limit); row.step();) {
    last = row.integer(0);
    items.push_back("{\"number\":" + std::to_string(last) + ",\"ride\":" + json_text(row.text(1)) +
                    ",\"text\":" + json_text(row.text(2)) + "}");
  }
  return http::response_message(
      200, page_json("notifications", items, last, *page, "/customers/" + http::percent_encode(customer) + "/notifications"));
}

std::string CustomerNotification::totals_json() {
  totals_.rows().step();
  std::string json = "\"notifications\":" + std::to_string(totals_.integer(0)) + ",";
  totals_.reset();
  return json;
}

}  // namespace remuda::rides
