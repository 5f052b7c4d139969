#include "nodes/wild_rydes/outbox_relay.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace remuda::rides {

OutboxRelay::OutboxRelay(Database& database, BatchTransaction& transaction, NodeContext& context, std::string port,
                         const std::string& lock_path)
    : transaction_{transaction},
      context_{context},
      port_{std::move(port)},
      lock_{lock_path},
      insert_{database.prepare("INSERT INTO outbox (message) VALUES (?)")},
      read_{database.prepare("SELECT row, message FROM outbox WHERE row > ? ORDER BY row LIMIT ?")},
      read_one_{database.prepare("SELECT message FROM outbox WHERE row = ?")},
      delete_{database.prepare("DELETE FROM outbox WHERE row <= ?")},
      count_{database.prepare("SELECT count(*) FROM outbox")} {}

void OutboxRelay::add(const Message& message) {
  insert_.run(Blob{pack(message)});
}

void OutboxRelay::relay() {
  if (context_.is_draining() || in_flight_.size() >= in_flight_max || !lock_.try_lock()) return;
  const auto room = static_cast<std::int64_t>(in_flight_max - in_flight_.size());
  // Read whole before anything is sent: a confirm may come at once and use the statements.
  std::vector<std::pair<std::int64_t, std::string>> rows;
  for (auto& row = read_.rows(read_up_to_, room); row.step();) rows.emplace_back(row.integer(0), row.text(1));
  if (!rows.empty()) read_up_to_ = rows.back().first;
  for (const auto& [row, packed] : rows) in_flight_.emplace(row, State::sent);
  for (const auto& [row, packed] : rows) send(row, packed);
}

void OutboxRelay::send(std::int64_t row, const std::string& packed) {
  auto message = unpack_message(packed);
  if (!message) throw StoreError{"row " + std::to_string(row) + " of the outbox is damaged: " + message.error().message};
  context_.send(port_, std::move(*message), [this, row, alive = std::weak_ptr<bool>{alive_}](const Result<void>& confirmed) {
    if (!alive.expired()) on_confirmed(row, confirmed);
  });
}

void OutboxRelay::on_confirmed(std::int64_t row, const Result<void>& confirmed) {
  const auto found = in_flight_.find(row);
  if (found == in_flight_.end()) return;
  if (!confirmed) {
    found->second = State::failed;
    context_.count("outbox_failed");
    return;
  }
  found->second = State::confirmed;
  // Rows are deleted as one range, up to the first that is not confirmed.
  while (!in_flight_.empty() && in_flight_.begin()->second == State::confirmed) {
    deletable_up_to_ = in_flight_.begin()->first;
    in_flight_.erase(in_flight_.begin());
  }
  if (in_flight_.size() == in_flight_max / 2) relay();
}

void OutboxRelay::delete_confirmed() {
  if (deletable_up_to_ == 0) return;
  transaction_.apply([&] { delete_.run(deletable_up_to_); });
  deletable_up_to_ = 0;
}

void OutboxRelay::tick() {
  std::vector<std::int64_t> failed;
  for (const auto& [row, state] : in_flight_) {
    if (state == State::failed) failed.push_back(row);
  }
  for (const std::int64_t row : failed) {
    const bool found = read_one_.rows(row).step();
    const std::string packed = found ? read_one_.text(0) : std::string{};
    read_one_.reset();
    in_flight_[row] = State::sent;
    if (found) send(row, packed);
  }
  relay();
  commit_deletion();
}

void OutboxRelay::stop() {
  commit_deletion();
}

void OutboxRelay::commit_deletion() {
  if (deletable_up_to_ == 0) return;
  const std::int64_t deletable = deletable_up_to_;
  try {
    delete_confirmed();
    transaction_.commit();
  } catch (const StoreError&) {
    deletable_up_to_ = std::max(deletable_up_to_, deletable);  // nothing is wrong but the disk: next time
    transaction_.roll_back();
  }
}

std::int64_t OutboxRelay::waiting() {
  count_.rows().step();
  const std::int64_t rows = count_.integer(0);
  count_.reset();
  return rows;
}

}  // namespace remuda::rides
