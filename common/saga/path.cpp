#include "common/saga/path.hpp"

#include <algorithm>

namespace remuda::saga {

namespace {

using Nodes = std::vector<const Json*>;
using Step = Path::Step;

void collect_below(const Json& value, Nodes& found) {
  found.push_back(&value);
  if (!value.is_structured()) return;
  for (const Json& child : value) collect_below(child, found);
}

void slice(const Json& array, const Step& step, Nodes& found) {
  const auto size = static_cast<std::int64_t>(array.size());
  const auto bound = [size](std::optional<std::int64_t> given, std::int64_t otherwise) {
    if (!given) return otherwise;
    return std::clamp(*given < 0 ? *given + size : *given, std::int64_t{0}, size);
  };
  const std::int64_t to = bound(step.to, size);
  for (std::int64_t at = bound(step.from, 0); at < to; at += std::min(step.stride, size)) {
    found.push_back(&array[static_cast<std::size_t>(at)]);
  }
}

void take(const Json& value, const Step& step, const Json& root, Nodes& found) {
  switch (step.kind) {
    case Step::Kind::names:
      if (!value.is_object()) return;
      for (const std::string& name : step.names) {
        if (const auto member = value.find(name); member != value.end()) found.push_back(&*member);
      }
      return;
    case Step::Kind::indexes:
      if (!value.is_array()) return;
      for (std::int64_t index : step.indexes) {
        if (index < 0) index += static_cast<std::int64_t>(value.size());
        if (index >= 0 && index < static_cast<std::int64_t>(value.size())) found.push_back(&value[static_cast<std::size_t>(index)]);
      }
      return;
    case Step::Kind::slice:
      if (value.is_array()) slice(value, step, found);
      return;
    case Step::Kind::every:
      if (!value.is_structured()) return;
      for (const Json& child : value) found.push_back(&child);
      return;
    case Step::Kind::filter:
      if (value.is_object() && !step.anywhere_below && step.filter->holds(value, root)) found.push_back(&value);
      if (!value.is_array() && !(value.is_object() && step.anywhere_below)) return;
      for (const Json& child : value) {
        if (step.filter->holds(child, root)) found.push_back(&child);
      }
      return;
  }
}

bool is_plain(const Step& step) {
  if (step.anywhere_below) return false;
  return (step.kind == Step::Kind::names && step.names.size() == 1) ||
         (step.kind == Step::Kind::indexes && step.indexes.size() == 1);
}

bool compare(const Json& left, const std::string& comparison, const Json& right) {
  if (comparison == "==") return left == right;
  if (comparison == "!=") return left != right;
  const bool comparable = (left.is_number() && right.is_number()) || (left.is_string() && right.is_string());
  if (!comparable) return false;
  if (comparison == "<") return left < right;
  if (comparison == "<=") return left <= right;
  if (comparison == ">") return right < left;
  return right <= left;
}

std::optional<Json> value_of(const FilterTest::Operand& operand, const Json& item, const Json& root) {
  if (!operand.path) return operand.literal;
  return operand.path->select(operand.of_item ? item : root);
}

}  // namespace

bool Path::is_definite() const {
  return std::all_of(steps_.begin(), steps_.end(), is_plain);
}

bool Path::is_reference() const {
  return std::all_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return is_plain(step) && (step.indexes.empty() || step.indexes.front() >= 0); });
}

std::vector<const Json*> Path::find(const Json& root) const {
  Nodes nodes{&root};
  for (const Step& step : steps_) {
    Nodes from;
    if (step.anywhere_below) {
      for (const Json* node : nodes) collect_below(*node, from);
    } else {
      from = std::move(nodes);
    }
    nodes.clear();
    for (const Json* node : from) take(*node, step, root, nodes);
  }
  return nodes;
}

std::optional<Json> Path::select(const Json& root) const {
  const Nodes nodes = find(root);
  if (is_definite()) {
    if (nodes.empty()) return std::nullopt;
    return *nodes.front();
  }
  Json all = Json::array();
  for (const Json* node : nodes) all.push_back(*node);
  return all;
}

bool Path::put(Json& target, Json value) const {
  Json* at = &target;
  for (const Step& step : steps_) {
    if (step.kind == Step::Kind::indexes) {
      const auto index = static_cast<std::size_t>(step.indexes.front());
      if (!at->is_array() || index >= at->size()) return false;
      at = &(*at)[index];
      continue;
    }
    if (!at->is_object()) return false;
    const auto [member, created] = at->emplace(step.names.front(), Json::object());
    static_cast<void>(created);
    at = &*member;
  }
  *at = std::move(value);
  return true;
}

bool Path::can_put(const Json& target) const {
  constexpr std::size_t few = 8;
  const Json* at = &target;
  if (steps_.size() > few) return false;
  for (const Step& step : steps_) {
    if (step.kind != Step::Kind::names) return false;
    if (at == nullptr) continue;  // put() creates this one and what follows
    if (!at->is_object()) return false;
    const auto found = at->find(step.names.front());
    at = found == at->end() ? nullptr : &*found;
  }
  return true;
}

bool FilterTest::holds(const Json& item, const Json& root) const {
  const auto part_holds = [&](const FilterTest& part) { return part.holds(item, root); };
  switch (kind) {
    case Kind::any_of:
      return std::any_of(parts.begin(), parts.end(), part_holds);
    case Kind::all_of:
      return std::all_of(parts.begin(), parts.end(), part_holds);
    case Kind::none_of:
      return std::none_of(parts.begin(), parts.end(), part_holds);
    case Kind::exists:
      if (!left.path) return left.literal == Json(true);
      return !left.path->find(left.of_item ? item : root).empty();
    case Kind::compare: {
      const auto first = value_of(left, item, root);
      const auto second = value_of(right, item, root);
      if (!first || !second) return comparison == "!=" && first.has_value() != second.has_value();
      return compare(*first, comparison, *second);
    }
  }
  return false;
}

}  // namespace remuda::saga
