#include "nodes/customer_loyalty/customer_loyalty.hpp"

#include "nodes/wild_rydes/questions.hpp"

namespace remuda::rides {

CustomerLoyalty::CustomerLoyalty()
    : RideService{{.executable = "customer_loyalty",
                   .summary = "gives customers a point for each whole unit of fare",
                   .schema = "CREATE TABLE loyalty (customer TEXT PRIMARY KEY, points INTEGER NOT NULL, rides INTEGER NOT NULL) "
                             "WITHOUT ROWID;"}} {}

void CustomerLoyalty::prepare(Database& database) {
  earn_ =
      database.prepare("INSERT INTO loyalty VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET points = points + ?2, rides = rides + 1");
  account_ = database.prepare("SELECT points, rides FROM loyalty WHERE customer = ?");
  totals_ = database.prepare("SELECT coalesce(sum(points), 0), coalesce(sum(rides), 0) FROM loyalty");
}

void CustomerLoyalty::record(const Ride& ride) {
  earn_.run(std::string_view{ride.customer}, ride.fare.cents / 100);
}

Message CustomerLoyalty::answer(const http::RoutedRequest& question) {
  const std::string customer = customer_of(question);
  if (customer.empty()) return totals();
  std::int64_t points = 0;
  std::int64_t rides = 0;
  if (account_.rows(std::string_view{customer}).step()) {
    points = account_.integer(0);
    rides = account_.integer(1);
  }
  account_.reset();
  return http::response_message(200, "{\"customer\":" + json_text(customer) + ",\"points\":" + std::to_string(points) +
                                         ",\"rides\":" + std::to_string(rides) + "}");
}

std::string CustomerLoyalty::totals_json() {
  totals_.rows().step();
  std::string json = "\"points\":" + std::to_string(totals_.integer(0)) + ",\"rides\":" + std::to_string(totals_.integer(1)) + ",";
  totals_.reset();
  return json;
}

}  // namespace remuda::rides
