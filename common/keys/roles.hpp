#pragma once
// What a known client may do: a role is a set of operations of the wire protocol, and patterns say on which queues, topics and
// streams. What no role names is denied. Pure. The table is in KEYS.md.

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace remuda::keys {

enum class Role {
  observer,  ///< looks, changes nothing
  node,      ///< sends and receives
  operate,   ///< written `operator`: looks, and moves or purges what waits
  admin,     ///< everything, also declarations and backups
};
std::ostream& operator<<(std::ostream& out, Role role);
std::string_view name_of(Role role);
std::optional<Role> role_from(std::string_view name);

/// `operation` is its name on the wire. Unknown operations are nobody's.
[[nodiscard]] bool allows(Role role, std::string_view operation);

/// `*` stands for any text, also none; everything else for itself.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name);
[[nodiscard]] bool matches_any(const std::vector<std::string>& patterns, std::string_view name);

}  // namespace remuda::keys
