#include "nodes/forwarder/route.hpp"

#include <algorithm>
#include <array>

#include "common/message.hpp"

namespace remuda::forwarder {

namespace {

constexpr char progress_format = 1;
constexpr std::size_t key_size = 16;

void put_u64(std::string& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(value >> shift);
}
std::uint64_t read_u64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// FNV-1a. Two different messages of one sequence, of which one was stored, would have to agree in it to be mistaken.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14'695'981'039'346'656'037ULL;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  return value;
}

}  // namespace

Item item_of(std::string_view handle, std::string_view packed) {
  constexpr std::size_t sequence_size = 8;
  const std::uint64_t sequence = handle.size() < sequence_size ? 0 : read_u64(handle.substr(handle.size() - sequence_size));
  const auto message = view_message(packed);
  return {std::string{handle}, {sequence, hash(message ? message->id : packed)}, std::string{packed}};
}

std::string progress_text(const std::vector<Key>& keys) {
  std::string text(1, progress_format);
  text.reserve(1 + keys.size() * key_size);
  for (const auto& [sequence, id] : keys) {
    put_u64(text, sequence);
    put_u64(text, id);
  }
  return text;
}

Result<std::vector<Key>> parse_progress(std::string_view text) {
  std::vector<Key> keys;
  if (text.empty()) return keys;
  if (text.front() != progress_format || text.size() % key_size != 1)
    return fail("malformed_progress", "what is kept of this outbox's progress was written by another version of the forwarder");
  for (std::string_view rest = text.substr(1); !rest.empty(); rest.remove_prefix(key_size))
    keys.emplace_back(read_u64(rest), read_u64(rest.substr(8)));
  return keys;
}

bool never_succeeds(std::string_view code) {
  static constexpr std::array codes{"message_too_large", "malformed_message", "missing_group_id", "missing_deduplication_id",
                                    "invalid_argument",  "over_limit",        "record_too_large"};
  return std::any_of(codes.begin(), codes.end(), [&](const char* known) { return code == known; });
}

// ---- what to do next ----

std::optional<Action> Route::next(Instant now) {
  if (now < paused_until_ && !draining_) return std::nullopt;
  if (!to_delete_.empty() && !deleting_) {
    deleting_ = true;
    confirming_ = std::exchange(keys_to_delete_, {});
    for (const auto& [key, gone] : kept_) {
      if (gone) confirming_.push_back(key);
    }
    return Delete{std::exchange(to_delete_, {})};
  }
  if (diverting_) return std::nullopt;
  if (draining_) return give_back();
  if (!known_) {
    if (asking_) return std::nullopt;
    asking_ = true;
    return AskProgress{};
  }
  if (hand_.empty()) {  // also while a delete is under way: the outbox does one after the other
    if (asking_ || receiving_) return std::nullopt;
    receiving_ = true;
    return Receive{static_cast<std::uint32_t>(batch_max)};
  }
  if (asking_ || deleting_ || receiving_) return std::nullopt;
  if (to_divert_) {
    diverting_ = true;
    return Divert{hand_.front().handle, *to_divert_};
  }
  asking_ = true;
  return store();
}

std::optional<Action> Route::give_back() {
  if (asking_ || deleting_ || hand_.empty()) return std::nullopt;
  Release release;
  for (const Item& item : hand_) release.handles.push_back(item.handle);
  hand_.clear();
  return release;
}

Instant Route::next_deadline() const {
  return paused_until_ == Instant{} ? Instant::max() : paused_until_;
}

bool Route::idle() const {
  return hand_.empty() && to_delete_.empty() && !asking_ && !receiving_ && !deleting_ && !diverting_;
}

/// As much of the hand as one transaction takes, and all that may be stored there and still be here.
Store Route::store() {
  std::size_t bytes = 0;
  storing_ = 0;
  while (storing_ < std::min(hand_.size(), limit_)) {
    bytes += hand_[storing_].packed.size();
    if (storing_ > 0 && bytes > batch_bytes_max) break;
    ++storing_;
  }
  std::vector<Key> keys;
  for (const auto& [key, unused] : kept_) keys.push_back(key);
  for (std::size_t i = 0; i < storing_; ++i) keys.push_back(hand_[i].key);
  return {std::span{hand_}.first(storing_), version_, progress_text(keys)};
}

// ---- what follows from the answers ----

void Route::on_progress(Result<std::pair<std::uint64_t, std::string>> progress, Instant now) {
  asking_ = false;
  if (!progress) return pause(progress.error(), now);
  const auto keys = parse_progress(progress->second);
  if (!keys) return pause(keys.error(), now);
  known_ = true;
  version_ = progress->first;
  kept_.clear();
  for (const Key& key : *keys) kept_.emplace(key, false);
  went_well();
}

void Route::on_received(Result<std::vector<Item>> items, Instant now) {
  receiving_ = false;
  if (!items) return items.error().code == "unreachable" ? void() : pause(items.error(), now);
  if (items->empty() || !known_) return;  // not known any more: they are received again
  // They are the oldest that there are: what was stored, is older and not among them has left.
  for (auto& [key, gone] : kept_) gone = gone || key.first <= items->back().key.first;
  for (Item& item : *items) {
    const auto stored = kept_.find(item.key);
    if (stored == kept_.end()) {
      hand_.push_back(std::move(item));
      continue;
    }
    stored->second = false;
    to_delete_.push_back(std::move(item.handle));
    keys_to_delete_.push_back(item.key);
    ++repeats_;
  }
}

void Route::on_stored(const Result<void>& stored, Instant now) {
  asking_ = false;
  const std::size_t count = std::exchange(storing_, 0);
  if (stored) {
    ++version_;
    stored_count_ += count;
    limit_ = std::min(limit_ * 2, batch_max);
    delete_first(count);
    return went_well();
  }
  const Error& error = stored.error();
  // Another version, or nobody knows whether it was done: the progress tells what was stored.
  if (error.code == "progress_moved" || !error.definite) {
    start_again();
    return error.code == "progress_moved" ? void() : pause(error, now);
  }
  const bool never = never_succeeds(error.code);
  if (count > 1 && (never || error.code == "queue_full")) {
    limit_ = count / 2;  // which of them, or as many as there is room for
  } else if (!never) {
    pause(error, now);
  } else {
    to_divert_ = error.code + ": " + error.message;
  }
}

/// Those that were stored are to leave the outbox, and kept until they have.
void Route::delete_first(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    kept_.emplace(hand_[i].key, false);
    keys_to_delete_.push_back(hand_[i].key);
    to_delete_.push_back(std::move(hand_[i].handle));
  }
  hand_.erase(hand_.begin(), hand_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Route::on_deleted(const Result<std::vector<std::size_t>>& refused, Instant now) {
  deleting_ = false;
  const std::vector<Key> keys = std::exchange(confirming_, {});
  if (!refused) {  // they come again, and are known then
    start_again();
    return pause(refused.error(), now);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    // One that is refused is held by somebody else: that one comes again, too.
    if (std::find(refused->begin(), refused->end(), i) == refused->end()) kept_.erase(keys[i]);
  }
}

void Route::on_diverted(const Result<void>& diverted, Instant now) {
  diverting_ = false;
  to_divert_.reset();
  if (!diverted) {
    start_again();
    return pause(diverted.error(), now);
  }
  hand_.erase(hand_.begin());
  ++diverted_;
}

void Route::give_up_asking() {
  asking_ = false;
  storing_ = 0;
}

/// The hand is left where it is: an exclusive receive brings it again.
void Route::start_again() {
  known_ = false;
  hand_.clear();
  to_delete_.clear();
  keys_to_delete_.clear();
  to_divert_.reset();
}

void Route::pause(const Error& error, Instant now) {
  trouble_ = error.code + ": " + error.message;
  paused_until_ = now + pause_;
  pause_ = std::min(pause_ * 2, pause_max);
}

void Route::went_well() {
  trouble_.clear();
  pause_ = pause_min;
  paused_until_ = Instant{};
}

}  // namespace remuda::forwarder
