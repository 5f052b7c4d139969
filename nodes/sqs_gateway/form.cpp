#include "nodes/sqs_gateway/form.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace remuda::sqs {
namespace {

constexpr std::size_t parameters_max = 1'000;
constexpr std::size_t depth_max = 8;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(16 * high + low);
    i += 2;
  }
  return out;
}

Failure<AwsError> malformed(std::string what) {
  return refuse(Fault::malformed_query_string, "The query string contains a syntax error: " + std::move(what) + ".");
}

/// A list of the form, as JSON has it. `key` and `value` name the two fields of an entry that is one pair of a map.
struct ListName {
  std::string_view in_form;
  std::string_view in_json;
  std::string_view key;
  std::string_view value;
};
constexpr std::array list_names{
    ListName{"Attribute", "Attributes", "Name", "Value"},
    ListName{"AttributeName", "AttributeNames", {}, {}},
    ListName{"MessageAttribute", "MessageAttributes", "Name", "Value"},
    ListName{"MessageAttributeName", "MessageAttributeNames", {}, {}},
    ListName{"MessageSystemAttribute", "MessageSystemAttributes", "Name", "Value"},
    ListName{"MessageSystemAttributeName", "MessageSystemAttributeNames", {}, {}},
    ListName{"SendMessageBatchRequestEntry", "Entries", {}, {}},
    ListName{"DeleteMessageBatchRequestEntry", "Entries", {}, {}},
    ListName{"ChangeMessageVisibilityBatchRequestEntry", "Entries", {}, {}},
    ListName{"Tag", "Tags", "Key", "Value"},
    ListName{"TagKey", "TagKeys", {}, {}},
    ListName{"AWSAccountId", "AWSAccountIds", {}, {}},
    ListName{"ActionName", "Actions", {}, {}},
    // SNS, whose lists are `Name.member.1` and whose maps are `Name.entry.1`
    ListName{"Attributes.entry", "Attributes", "key", "value"},
    ListName{"MessageAttributes.entry", "MessageAttributes", "Name", "Value"},
    ListName{"Tags.member", "Tags", "Key", "Value"},
    ListName{"TagKeys.member", "TagKeys", {}, {}},
    ListName{"PublishBatchRequestEntries.member", "PublishBatchRequestEntries", {}, {}},
};

/// One level of the names: a value, or what stands behind the next dot.
struct Branch {
  std::optional<std::string> value;
  std::map<std::string, Branch, std::less<>> branches;
};

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 4 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Branches that are the places of a list, in their order.
std::optional<std::vector<const Branch*>> places(const Branch& branch) {
  if (branch.branches.empty()) return std::nullopt;
  std::map<int, const Branch*> ordered;
  for (const auto& [name, child] : branch.branches) {
    if (!is_number(name)) return std::nullopt;
    ordered.emplace(std::stoi(name), &child);
  }
  std::vector<const Branch*> out;
  for (const auto& [number, child] : ordered) out.push_back(child);
  return out;
}

nlohmann::json json_of(const Branch& branch);

nlohmann::json list_of(const std::vector<const Branch*>& entries, const ListName* name) {
  const bool is_map = name != nullptr && !name->key.empty();
  auto json = is_map ? nlohmann::json::object() : nlohmann::json::array();
  for (const auto* entry : entries) {
    auto value = json_of(*entry);
    if (!is_map) {
      json.push_back(std::move(value));
      continue;
    }
    const auto key = value.is_object() ? value.find(name->key) : value.end();
    // An entry without a key is kept under the empty one: who reads the map says what is missing.
    const std::string text = key != value.end() && key->is_string() ? key->get<std::string>() : std::string{};
    const auto given = value.is_object() ? value.find(name->value) : value.end();
    json[text] = given == value.end() ? nlohmann::json{} : *given;
  }
  return json;
}

void add(nlohmann::json& json, const std::string& name, const Branch& branch) {
  const auto known = std::find_if(list_names.begin(), list_names.end(), [&](const ListName& list) { return list.in_form == name; });
  const auto* list = known == list_names.end() ? nullptr : &*known;
  if (const auto entries = places(branch)) {
    json[list == nullptr ? name : std::string{list->in_json}] = list_of(*entries, list);
    return;
  }
  for (const std::string_view wrapper : {"member", "entry"}) {
    const auto inner = branch.branches.find(wrapper);
    if (inner != branch.branches.end() && places(inner->second)) return add(json, name + "." + std::string{wrapper}, inner->second);
  }
  json[name] = json_of(branch);
}

nlohmann::json json_of(const Branch& branch) {
  if (branch.value) return *branch.value;
  auto json = nlohmann::json::object();
  for (const auto& [name, child] : branch.branches) add(json, name, child);
  return json;
}

}  // namespace

Answered<Parameters> read_form(std::string_view form) {
  Parameters parameters;
  while (!form.empty()) {
    const auto end = form.find('&');
    const auto pair = form.substr(0, end);
    form = end == std::string_view::npos ? std::string_view{} : form.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = decoded(pair.substr(0, equals));
    auto value = decoded(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    if (!name || !value) return malformed("an escape is broken");
    if (parameters.size() >= parameters_max) return malformed("there are more than 1,000 parameters");
    if (!parameters.emplace(std::move(*name), std::move(*value)).second) return malformed("a parameter is given twice");
  }
  return parameters;
}

Answered<nlohmann::json> tree_of(const Parameters& parameters) {
  Branch root;
  for (const auto& [name, value] : parameters) {
    auto* here = &root;
    std::size_t depth = 0;
    for (std::string_view rest = name;; ++depth) {
      if (depth == depth_max || here->value) return malformed("the name " + name.substr(0, 128) + " fits no structure");
      const auto dot = rest.find('.');
      here = &here->branches[std::string{rest.substr(0, dot)}];
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    if (!here->branches.empty()) return malformed("the name " + name.substr(0, 128) + " fits no structure");
    here->value = value;
  }
  return json_of(root);
}

}  // namespace remuda::sqs
