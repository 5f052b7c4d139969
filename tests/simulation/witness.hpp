#pragma once
// What the clients of one queue node were told, message by message, and what must therefore be found in it after a power cut
// (RELIABILITY I1 to I5). Knows neither records nor the engine's state: a message is its text, and a place is a queue.

#include <algorithm>
#include <cstdint>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace remuda::broker::test {

/// One copy of a message: its text and the queue it was sent to. A dead letter stays the copy of the queue it came from.
using CopyName = std::pair<std::string, std::string>;

class Witness {
 public:
  /// A request: the copies it stores and the copies it removes, all or none of it.
  struct Request {
    std::vector<CopyName> stores;
    std::vector<CopyName> removes;
  };

  /// The request has been made and nobody has an answer.
  std::uint64_t ask(const Request& request) {
    const std::uint64_t number = ++requests_;
    for (const auto& name : request.stores) copies_[name] = Copy{number};
    for (const auto& name : request.removes) copies_.at(name).removal = number;
    open_[number] = request;
    return number;
  }
  /// Its answer has left: done.
  void confirm(std::uint64_t number) {
    const auto request = open_.extract(number);
    for (const auto& name : request.mapped().stores) copies_.at(name).stored = true;
    for (const auto& name : request.mapped().removes) copies_.at(name).removed = true;
    if (!request.mapped().stores.empty()) confirmed_sends_ += request.mapped().stores.size();
  }
  /// Its answer has left: definitely not done.
  void refuse(std::uint64_t number) {
    const auto request = open_.extract(number);
    for (const auto& name : request.mapped().stores) copies_.at(name).removed = true;  // it never was: it must not appear
    for (const auto& name : request.mapped().removes) copies_.at(name).removal = 0;
  }

  /// Compares with what is found after a restart; throws std::runtime_error with the first broken promise. From then on what was
  /// found is what is known: it has been served.
  void compare(const std::map<CopyName, std::uint64_t>& found) {
    for (const auto& [name, count] : found) {
      const auto known = copies_.find(name);
      if (known == copies_.end()) broken(name, "was never sent (I2)");
      if (count != 1) broken(name, "is there " + std::to_string(count) + " times (I4, I5)");
      if (known->second.removed) broken(name, "came back (I3)");
    }
    for (const auto& [name, copy] : copies_) {
      if (copy.stored && !copy.removed && copy.removal == 0 && !found.contains(name))
        broken(name, "was confirmed and is lost (I1)");
    }
    for (const auto& [number, request] : open_) compare_halves(request, found);
    for (auto& [name, copy] : copies_) {
      copy.stored = found.contains(name);
      copy.removed = !copy.stored;
      copy.removal = 0;
    }
    open_.clear();
  }

  [[nodiscard]] std::uint64_t confirmed_sends() const { return confirmed_sends_; }

 private:
  struct Copy {
    std::uint64_t request = 0;
    bool stored = false;        // confirmed
    std::uint64_t removal = 0;  // the request without answer that removes it
    bool removed = false;       // confirmed, or it never was
  };

  /// A request without answer took place as a whole or not at all.
  void compare_halves(const Request& request, const std::map<CopyName, std::uint64_t>& found) const {
    std::size_t done = 0;
    std::size_t not_done = 0;
    for (const auto& name : request.stores) {
      if (copies_.at(name).removal == 0) ++(found.contains(name) ? done : not_done);
    }
    for (const auto& name : request.removes) {
      if (copies_.at(name).stored) ++(found.contains(name) ? not_done : done);
    }
    if (done > 0 && not_done > 0) {
      const auto& all = request.stores.empty() ? request.removes : request.stores;
      broken(all.front(), "belongs to a request that was done in part (I5)");
    }
  }

  [[noreturn]] static void broken(const CopyName& name, const std::string& how) {
    throw std::runtime_error("'" + name.first.substr(0, 16) + "' of " + name.second + " " + how);
  }

  std::map<CopyName, Copy> copies_;
  std::map<std::uint64_t, Request> open_;
  std::uint64_t requests_ = 0;
  std::uint64_t confirmed_sends_ = 0;
};

}  // namespace remuda::broker::test
