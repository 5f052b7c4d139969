#pragma once
// Typed parameters of a node: declared in code, set in the launch file (`params = { ... }`) or by `--param NAME=VALUE`
// (VALUE is a TOML value; a bare word is taken as text). Unknown names and wrong types are errors before anything starts.

#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/result.hpp"
#include "common/units.hpp"  // parse_duration, parse_size

namespace remuda {

enum class ParameterType { text, integer, number, boolean, duration, size, list, table, broker };
std::ostream& operator<<(std::ostream& out, ParameterType type);

struct ParameterDescription {
  std::string name;
  ParameterType type = ParameterType::text;
  /// The default as a TOML value (`"127.0.0.1:8080"` with its quotes, `5`, `{ probability = 0.0 }`); empty: the
  /// parameter is required.
  std::string default_value;
  std::string help;
};

/// The values a node runs with: complete and checked against its descriptions. Reading a name that was not declared is our
/// own mistake (assert).
class Parameters {
 public:
  Parameters();
  Parameters(const Parameters&);
  Parameters(Parameters&&) noexcept;
  Parameters& operator=(Parameters);
  ~Parameters();

  /// `given` holds name -> TOML value text. Errors: `invalid_parameter` (definite) naming the parameter, what was expected and the
  /// closest known name.
  static Result<Parameters> make(const std::vector<ParameterDescription>& known,
                                 const std::vector<std::pair<std::string, std::string>>& given);

  [[nodiscard]] std::string text(std::string_view name) const;
  /// Where the broker is reached: "ipc://@..." or "tcp://127.0.0.1:5550". A launch file names the broker, and its plan has the endpoint.
  [[nodiscard]] std::string broker(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] double number(std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view name) const;
  /// "250ms", "10s", "5m", "2h", "4d".
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view name) const;
  /// "64KiB", "1MiB", or a bare number of bytes.
  [[nodiscard]] std::uint64_t size(std::string_view name) const;
  /// A list or table as JSON.
  [[nodiscard]] const nlohmann::json& json(std::string_view name) const;

 private:
  struct Values;
  std::unique_ptr<Values> values_;
};

}  // namespace remuda
