#pragma once
// The rides that were submitted, and for each the event that says so, written in one transaction (outbox_relay.hpp publishes it).

#include <optional>
#include <string>
#include <string_view>

#include "nodes/wild_rydes/outbox_relay.hpp"
#include "nodes/wild_rydes/ride.hpp"
#include "nodes/wild_rydes/store.hpp"

namespace remuda::rides {

class RideStore {
 public:
  /// Throws StoreError, as does everything below.
  explicit RideStore(const std::string& path);

  /// Keeps `ride` under the id of the request that brought it, within the present transaction.
  void add(const Ride& ride, std::string_view request_id);
  [[nodiscard]] std::optional<Ride> find(std::string_view id);
  /// The ride that an earlier request of the same id brought: a client that got no answer asks again with its old id.
  [[nodiscard]] std::optional<Ride> find_by_request(std::string_view request_id);
  [[nodiscard]] std::int64_t count();

  [[nodiscard]] Database& database() { return database_; }
  [[nodiscard]] BatchTransaction& transaction() { return transaction_; }

 private:
  Database database_;
  BatchTransaction transaction_;
  Statement insert_;
  Statement find_;
  Statement find_by_request_;
  Statement count_;
};

}  // namespace remuda::rides
