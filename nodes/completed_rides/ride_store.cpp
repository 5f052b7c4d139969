#include "nodes/completed_rides/ride_store.hpp"

namespace remuda::rides {

namespace {

constexpr std::string_view tables =
    "CREATE TABLE ride (id TEXT PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, customer TEXT NOT NULL, origin TEXT NOT NULL, "
    "destination TEXT NOT NULL,"
    " distance TEXT NOT NULL, duration TEXT NOT NULL, fare_cents INTEGER NOT NULL, completed_ms INTEGER NOT NULL) WITHOUT ROWID;";
constexpr std::string_view columns =
    "SELECT id, customer, origin, destination, distance, duration, fare_cents, completed_ms FROM ride WHERE ";

std::optional<Ride> read(Statement& row) {
  if (!row.step()) return std::nullopt;
  Ride ride;
  ride.id = row.text(0);
  ride.customer = row.text(1);
  ride.from = row.text(2);
  ride.to = row.text(3);
  const auto distance = Decimal::parse(row.text(4));
  const auto duration = Decimal::parse(row.text(5));
  ride.fare.cents = row.integer(6);
  ride.completed_ms = row.integer(7);
  row.reset();
  if (!distance || !duration) throw StoreError{"ride " + ride.id + " is damaged in the store"};
  ride.distance = *distance;
  ride.duration = *duration;
  return ride;
}

}  // namespace

RideStore::RideStore(const std::string& path)
    : database_{path, std::string{tables} + std::string{OutboxRelay::schema}, 1},
      transaction_{database_},
      insert_{database_.prepare("INSERT INTO ride VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")},
      find_{database_.prepare(std::string{columns}.append("id = ?"))},
      find_by_request_{database_.prepare(std::string{columns}.append("request_id = ?"))},
      count_{database_.prepare("SELECT count(*) FROM ride")} {}

void RideStore::add(const Ride& ride, std::string_view request_id) {
  insert_.run(std::string_view{ride.id}, request_id, std::string_view{ride.customer}, std::string_view{ride.from},
              std::string_view{ride.to}, std::string_view{ride.distance.text()}, std::string_view{ride.duration.text()},
              ride.fare.cents, ride.completed_ms);
}

std::optional<Ride> RideStore::find(std::string_view id) {
  return read(find_.rows(id));
}
std::optional<Ride> RideStore::find_by_request(std::string_view request_id) {
  return read(find_by_request_.rows(request_id));
}

std::int64_t RideStore::count() {
  count_.rows().step();
  const std::int64_t rides = count_.integer(0);
  count_.reset();
  return rides;
}

}  // namespace remuda::rides
