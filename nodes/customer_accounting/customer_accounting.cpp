#include "nodes/customer_accounting/customer_accounting.hpp"

#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

CustomerAccounting::CustomerAccounting()
    : RideService{{.executable = "customer_accounting",
                   .summary = "charges each ride's fare to its customer",
                   .schema = "CREATE TABLE account (customer TEXT PRIMARY KEY, balance_cents INTEGER NOT NULL, rides INTEGER NOT "
                             "NULL) WITHOUT ROWID;"}} {}

void CustomerAccounting::prepare(Database& database) {
  charge_ = database.prepare(
      "INSERT INTO account VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET balance_cents = balance_cents + ?2, rides = rides + 1");
  account_ = database.prepare("SELECT balance_cents, rides FROM account WHERE customer = ?");
  totals_ = database.prepare("SELECT coalesce(sum(balance_cents), 0), coalesce(sum(rides), 0) FROM account");
}

void CustomerAccounting::record(const Ride& ride) {
  charge_.run(std::string_view{ride.customer}, ride.fare.cents);
}

Message CustomerAccounting::answer(const http::RoutedRequest& question) {
  const std::string customer = customer_of(question);
  if (customer.empty()) return totals();
  Money balance;
  std::int64_t rides = 0;
  if (account_.rows(std::string_view{customer}).step()) {
    balance.cents = account_.integer(0);
    rides = account_.integer(1);
  }
  account_.reset();
  return http::response_message(
      200, "{\"customer\":" + json_text(customer) + ",\"balance\":" + balance.text() + ",\"rides\":" + std::to_string(rides) + "}");
}

std::string CustomerAccounting::totals_json() {
  totals_.rows().step();
  std::string json = "\"balance\":" + Money{totals_.integer(0)}.text() + ",\"rides\":" + std::to_string(totals_.integer(1)) + ",";
  totals_.reset();
  return json;
}

}  // namespace remuda::rides
