#include "common/topology/substitution.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "common/topology/words.hpp"

namespace remuda::topology {
namespace {

class Substitution {
 public:
  Substitution(const std::vector<ArgumentSpec>& arguments, const Environment& environment, Diagnostics& diagnostics,
               const FileReader& read_file)
      : arguments_{arguments}, environment_{environment}, diagnostics_{diagnostics}, read_file_{read_file} {}

  void apply(Value& value) {
    for (auto& item : value.items) apply(item);
    for (auto& entry : value.entries) apply(entry.value);
    if (value.is(Value::Kind::text) && value.text.find("${") != std::string::npos) replace(value);
  }

 private:
  const std::vector<ArgumentSpec>& arguments_;
  const Environment& environment_;
  Diagnostics& diagnostics_;
  const FileReader& read_file_;

  void replace(Value& value) {
    const std::string_view text = value.text;
    if (text.substr(0, 2) == "${" && text.find('}') == text.size() - 1) {
      auto whole = resolve(text.substr(2, text.size() - 3), value.place);
      whole.place = value.place;
      value = std::move(whole);
      return;
    }
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t found = text.find("${", at);
      out += text.substr(at, found - at);
      if (found == std::string_view::npos) break;
      if (found > at && text[found - 1] == '$') {  // $${ was copied up to its second dollar
        out += "{";
        at = found + 2;
        continue;
      }
      const std::size_t end = text.find('}', found);
      if (end == std::string_view::npos) {
        diagnostics_.error(value.place, "T012", "a '${' is never closed", "write '$${' for the two characters themselves");
        value.broken = true;
        return;
      }
      const Value part = resolve(text.substr(found + 2, end - found - 2), value.place);
      if (part.broken) {
        value.broken = true;
        return;
      }
      out += part.is(Value::Kind::text) ? part.text : to_toml(part);
      at = end + 1;
    }
    value.text = std::move(out);
  }

  Value resolve(std::string_view reference, const Place& place) {
    if (reference.substr(0, 4) == "env:") return variable(reference.substr(4), place);
    if (reference.substr(0, 5) == "file:" && read_file_) return content(std::string{reference.substr(5)}, place);
    return argument(reference, place);
  }

  Value content(const std::string& path, const Place& place) {
    Value value;
    value.kind = Value::Kind::text;
    auto text = read_file_(path);
    if (text) {
      value.text = std::move(*text);
    } else {
      diagnostics_.error(place, "T014", "cannot read " + in_quotes(path) + ": " + text.error().message,
                         "a path is relative to the file that names it");
      value.broken = true;
    }
    return value;
  }

  Value variable(std::string_view reference, const Place& place) {
    const std::size_t split = reference.find(":-");
    const std::string name{reference.substr(0, split)};
    Value value;
    value.kind = Value::Kind::text;
    value.from_environment = true;
    auto found = environment_ ? environment_(name) : std::nullopt;
    if (!found && split != std::string_view::npos) found = std::string{reference.substr(split + 2)};
    if (found) {
      value.text = std::move(*found);
    } else {
      diagnostics_.error(place, "T013", "the environment has no " + in_quotes(name),
                         "set it, or give a default: '${env:" + name + ":-...}'");
      value.broken = true;
    }
    return value;
  }

  Value argument(std::string_view name, const Place& place) {
    const auto spec = std::find_if(arguments_.begin(), arguments_.end(), [&](const auto& known) { return known.name == name; });
    Value value;
    value.broken = true;
    if (spec != arguments_.end()) return spec->value.value_or(value);
    std::vector<std::string> names;
    for (const auto& known : arguments_) names.push_back(known.name);
    diagnostics_.error(place, "T012", "there is no argument " + in_quotes(name) + "; [args] declares: " + listed(names),
                       did_you_mean(name, names));
    return value;
  }
};

}  // namespace

void substitute(Value& value, const std::vector<ArgumentSpec>& arguments, const Environment& environment, Diagnostics& diagnostics,
                const FileReader& read_file) {
  Substitution{arguments, environment, diagnostics, read_file}.apply(value);
}

}  // namespace remuda::topology
