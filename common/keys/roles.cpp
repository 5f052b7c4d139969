#include "common/keys/roles.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace remuda::keys {

namespace {

constexpr std::uint8_t bit(Role role) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(role));
}
constexpr std::uint8_t looks = bit(Role::observer);
constexpr std::uint8_t works = bit(Role::node);
constexpr std::uint8_t operates = bit(Role::operate);
constexpr std::uint8_t anyone = looks | works | operates;
constexpr std::uint8_t only_admin = 0;  // who may do everything needs no bit

struct Row {
  std::string_view operation;
  std::uint8_t roles;
};
// One line an operation of the wire protocol; broker/access_test.cpp holds it against the protocol's own list.
constexpr std::array table{
    Row{"hello", anyone},
    Row{"ping", anyone},
    Row{"cancel_receives", anyone},
    Row{"unsubscribe", anyone},
    Row{"credit", anyone},
    Row{"send", works},
    Row{"publish", works},
    Row{"receive", works},
    Row{"delete", works},
    Row{"change_visibility", works},
    Row{"retry_later", works},
    Row{"reject", works},
    Row{"release", works},
    Row{"transact", works},
    Row{"append", works},
    Row{"stream_take", works},
    Row{"stream_checkpoint", works},
    Row{"progress", works},
    Row{"subscribe", anyone},
    Row{"queue_info", anyone},
    Row{"stream_info", anyone},
    Row{"stream_read", anyone},
    Row{"peek", looks | operates},
    Row{"list_queues", looks | operates},
    Row{"list_topics", looks | operates},
    Row{"list_streams", looks | operates},
    Row{"list_moves", looks | operates},
    Row{"purge", operates},
    Row{"redrive", operates},
    Row{"start_move", operates},
    Row{"cancel_move", operates},
    Row{"stream_seek", operates},
    Row{"declare_queue", only_admin},
    Row{"delete_queue", only_admin},
    Row{"declare_topic", only_admin},
    Row{"delete_topic", only_admin},
    Row{"declare_stream", only_admin},
    Row{"delete_stream", only_admin},
    Row{"backup", only_admin},
    Row{"backup_read", only_admin},
    Row{"backup_end", only_admin},
};

constexpr std::array roles{Role::observer, Role::node, Role::operate, Role::admin};

}  // namespace

std::string_view name_of(Role role) {
  switch (role) {
    case Role::observer:
      return "observer";
    case Role::node:
      return "node";
    case Role::operate:
      return "operator";
    case Role::admin:
      return "admin";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, Role role) {
  return out << name_of(role);
}

std::optional<Role> role_from(std::string_view name) {
  const auto* const found = std::find_if(roles.begin(), roles.end(), [&](Role role) { return name_of(role) == name; });
  return found == roles.end() ? std::nullopt : std::optional{*found};
}

bool allows(Role role, std::string_view operation) {
  const auto* const row = std::find_if(table.begin(), table.end(), [&](const Row& each) { return each.operation == operation; });
  if (row == table.end()) return false;
  return role == Role::admin || (row->roles & bit(role)) != 0;
}

bool matches(std::string_view pattern, std::string_view name) {
  // Where the last `*` stood and how much of the name it has taken: going back there is enough, so time is bounded by the product.
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  std::size_t i = 0;
  while (i < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      taken = i;
    } else if (at < pattern.size() && pattern[at] == name[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return matches(pattern, name); });
}

}  // namespace remuda::keys
