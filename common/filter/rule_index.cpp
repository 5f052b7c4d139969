#include "common/filter/rule_index.hpp"

#include <algorithm>
#include <bit>
#include <set>

#include "common/filter/policy_matcher.hpp"
#include "common/msgpack_reader.hpp"

namespace remuda::filter {

namespace {

using Kind = MsgpackReader::Kind;

bool is_keyed(const Field& field) {
  return std::all_of(field.rules.begin(), field.rules.end(), [](const Rule& rule) { return std::holds_alternative<Equals>(rule); });
}

const NumericRange* range_of(const Field& field) {
  return field.rules.size() == 1 ? std::get_if<NumericRange>(&field.rules.front()) : nullptr;
}

}  // namespace

/// Collects the values of an event that any rule asks for.
class RuleIndex::Walk {
 public:
  Walk(RuleIndex& index, std::string_view body) : index_{index}, in_{body} {}

  bool read() {
    if (in_.peek() != Kind::map) return false;
    index_.place_.clear();
    object(1);
    return (in_.ok() && in_.at_end()) || index_.is_too_deep_;
  }

 private:
  RuleIndex& index_;
  MsgpackReader in_;

  void object(int depth) {
    if (depth > MsgpackReader::depth_max) return too_deep();
    const std::size_t prefix = index_.place_.size();
    const std::uint32_t pairs = in_.map();
    for (std::uint32_t i = 0; i < pairs && in_.ok() && !index_.is_too_deep_; ++i) {
      if (in_.peek() != Kind::string) {
        in_.skip();
        in_.skip();
        continue;
      }
      index_.place_ += in_.string();
      const auto place = index_.places_.find(std::string_view{index_.place_});
      if (place == index_.places_.end())
        in_.skip();
      else
        value(place->second, depth + 1);
      index_.place_.resize(prefix);
    }
  }

  void value(const Place& place, int depth) {
    if (in_.peek() == Kind::map) {
      if (!place.is_inside) {
        in_.skip();
        return;
      }
      index_.place_ += '.';
      object(depth);
      index_.place_.pop_back();
      return;
    }
    if (in_.peek() == Kind::array) {
      if (depth > MsgpackReader::depth_max) return too_deep();
      index_.has_arrays_ = true;
      const std::uint32_t count = in_.array();
      for (std::uint32_t i = 0; i < count && in_.ok() && !index_.is_too_deep_; ++i) value(place, depth + 1);
      return;
    }
    scalar(place);
  }

  void scalar(const Place& place) {
    const auto token = in_.next();
    if (place.path < 0 || !in_.ok()) return;
    Scalar scalar = Opaque{};
    if (token.kind == Kind::nil) scalar = nullptr;
    if (token.kind == Kind::boolean) scalar = token.boolean;
    if (token.kind == Kind::unsigned_integer) scalar = static_cast<Number>(token.unsigned_integer);
    if (token.kind == Kind::signed_integer) scalar = static_cast<Number>(token.signed_integer);
    if (token.kind == Kind::floating) scalar = static_cast<Number>(token.floating);
    if (token.kind == Kind::string) scalar = token.bytes;
    if (auto* number = std::get_if<Number>(&scalar); number != nullptr && index_.numbers_are_doubles_)
      *number = static_cast<Number>(static_cast<double>(*number));
    auto& values = index_.values_[static_cast<std::size_t>(place.path)];
    if (values.empty()) index_.touched_.push_back(static_cast<std::uint32_t>(place.path));
    values.push_back(scalar);
  }

  void too_deep() { index_.is_too_deep_ = true; }
};

RuleIndex::RuleIndex(std::vector<std::shared_ptr<const CompiledPolicy>> rules)
    : rules_{std::move(rules)}, matched_at_(rules_.size(), 0) {
  std::map<std::uint32_t, std::set<std::string>> texts;  // of each path: what it may equal
  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    if (!rules_[i]) {
      always_.push_back(i);
      continue;
    }
    numbers_are_doubles_ = rules_[i]->numbers_are_doubles;
    for (const Alternative& alternative : rules_[i]->alternatives) {
      Candidate candidate{i, false, {}};
      for (const Field& field : alternative.fields) {
        candidate.fields.emplace_back(path_of(field.path), &field);
        for (const Rule& rule : field.rules) {
          const auto* equals = std::get_if<Equals>(&rule);
          const auto* text = equals == nullptr ? nullptr : std::get_if<std::string>(&equals->value);
          if (text != nullptr) texts[candidate.fields.back().first].insert(*text);
        }
      }
      candidates_.push_back(std::move(candidate));
    }
  }
  values_.resize(paths_.size());
  keys_.resize(paths_.size());
  std::vector<std::uint32_t> ranged;
  for (std::uint32_t i = 0; i < candidates_.size(); ++i) {
    const std::pair<std::uint32_t, const Field*>* key = nullptr;
    bool has_range = false;
    for (const auto& field : candidates_[i].fields) {
      has_range = has_range || range_of(*field.second) != nullptr;
      if (is_keyed(*field.second) && (key == nullptr || texts[field.first].size() > texts[key->first].size())) key = &field;
    }
    if (key != nullptr)
      place_by_key(i, key->first, *key->second);
    else
      (has_range ? ranged : one_by_one_).push_back(i);
  }
  build_ranges(ranged);
}

std::uint32_t RuleIndex::path_of(const std::string& path) {
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1))
    places_[path.substr(0, dot)].is_inside = true;
  Place& place = places_[path];
  if (place.path < 0) {
    place.path = static_cast<int>(paths_.size());
    paths_.push_back(path);
  }
  return static_cast<std::uint32_t>(place.path);
}

void RuleIndex::place_by_key(std::uint32_t candidate, std::uint32_t path, const Field& field) {
  Keys& keys = keys_[path];
  for (const Rule& rule : field.rules) {
    const Literal& literal = std::get<Equals>(rule).value;
    if (const auto* text = std::get_if<std::string>(&literal)) keys.texts[*text].push_back(candidate);
    if (const auto* number = std::get_if<Number>(&literal)) keys.numbers[*number].push_back(candidate);
    if (const auto* boolean = std::get_if<bool>(&literal)) (*boolean ? keys.is_true : keys.is_false).push_back(candidate);
    if (std::holds_alternative<std::nullptr_t>(literal)) keys.is_null.push_back(candidate);
  }
}

void RuleIndex::build_ranges(const std::vector<std::uint32_t>& members) {
  in_ranges_ = members;
  const std::size_t words = (members.size() + 63) / 64;
  const auto flip = [](Bits& bits, std::uint32_t bit) { bits[bit / 64] ^= Word{1} << (bit % 64); };
  std::map<std::uint32_t, std::vector<std::pair<std::uint32_t, const NumericRange*>>> of_path;
  for (std::uint32_t bit = 0; bit < members.size(); ++bit) {
    std::set<std::uint32_t> seen;  // a second range on one path, and what is no range, is left to check()
    for (const auto& [path, field] : candidates_[members[bit]].fields) {
      const auto* range = range_of(*field);
      if (range != nullptr && seen.insert(path).second) of_path[path].emplace_back(bit, range);
    }
    candidates_[members[bit]].is_ranges_alone = seen.size() == candidates_[members[bit]].fields.size();
  }
  for (const auto& [path, members_of_path] : of_path) {
    Ranges& ranges = ranges_[path];
    for (const auto& [bit, range] : members_of_path) {
      if (range->lower) ranges.bounds.push_back(range->lower->value);
      if (range->upper) ranges.bounds.push_back(range->upper->value);
    }
    std::sort(ranges.bounds.begin(), ranges.bounds.end());
    ranges.bounds.erase(std::unique(ranges.bounds.begin(), ranges.bounds.end()), ranges.bounds.end());
    const std::size_t regions = 2 * ranges.bounds.size() + 1;
    ranges.changes.resize(regions);
    ranges.indifferent.assign(words, 0);
    for (std::uint32_t bit = 0; bit < members.size(); ++bit) flip(ranges.indifferent, bit);
    const auto at = [&](Number bound) {
      return 2 *
             static_cast<std::size_t>(std::lower_bound(ranges.bounds.begin(), ranges.bounds.end(), bound) - ranges.bounds.begin());
    };
    for (const auto& [bit, range] : members_of_path) {
      flip(ranges.indifferent, bit);
      const std::size_t first = range->lower ? at(range->lower->value) + (range->lower->inclusive ? 1 : 2) : 0;
      const std::size_t last = range->upper ? at(range->upper->value) + (range->upper->inclusive ? 2 : 1) : regions;
      ranges.changes[first].push_back(bit);
      if (last < regions) ranges.changes[last].push_back(bit);
    }
    Bits now = ranges.indifferent;
    for (std::size_t region = 0; region < regions; ++region) {
      for (const std::uint32_t bit : ranges.changes[region]) flip(now, bit);
      if (region % Ranges::regions_between_sets == 0) ranges.sets.push_back(now);
    }
  }
}

void RuleIndex::check(std::uint32_t candidate, std::string_view body, std::vector<std::size_t>& matching) {
  const Candidate& alternative = candidates_[candidate];
  if (matched_at_[alternative.rule] == event_) return;
  const bool holds = has_arrays_ ? matches_packed_body(*rules_[alternative.rule], body)
                                 : std::all_of(alternative.fields.begin(), alternative.fields.end(), [&](const auto& each) {
                                     const auto& field = each.second;  // clang 14 captures no structured binding
                                     const auto& values = values_[each.first];
                                     if (values.empty()) return field->absence_satisfies;
                                     return std::any_of(values.begin(), values.end(), [&](const Scalar& value) {
                                       return std::any_of(field->rules.begin(), field->rules.end(),
                                                          [&](const Rule& rule) { return satisfies(rule, value); });
                                     });
                                   });
  if (!holds) return;
  matched_at_[alternative.rule] = event_;
  matching.push_back(alternative.rule);
}

void RuleIndex::match(std::string_view packed_body, std::vector<std::size_t>& matching) {
  matching = always_;
  for (const std::uint32_t path : touched_) values_[path].clear();
  touched_.clear();
  has_arrays_ = is_too_deep_ = false;
  ++event_;
  if (!Walk{*this, packed_body}.read()) return;
  if (is_too_deep_) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (rules_[i] && matches_packed_body(*rules_[i], packed_body)) matching.push_back(i);
    }
    return;
  }
  match_keys(packed_body, matching);
  match_ranges(packed_body, matching);
  for (const std::uint32_t candidate : one_by_one_) check(candidate, packed_body, matching);
}

void RuleIndex::match_keys(std::string_view body, std::vector<std::size_t>& matching) {
  for (const std::uint32_t path : touched_) {
    const Keys& keys = keys_[path];
    for (const Scalar& value : values_[path]) {
      const Positions* reached = nullptr;
      if (const auto* text = std::get_if<std::string_view>(&value)) {
        if (const auto found = keys.texts.find(*text); found != keys.texts.end()) reached = &found->second;
      } else if (const auto* number = std::get_if<Number>(&value)) {
        if (const auto found = *number == *number ? keys.numbers.find(*number) : keys.numbers.end(); found != keys.numbers.end())
          reached = &found->second;
      } else if (const auto* boolean = std::get_if<bool>(&value)) {
        reached = *boolean ? &keys.is_true : &keys.is_false;
      } else if (std::holds_alternative<std::nullptr_t>(value)) {
        reached = &keys.is_null;
      }
      if (reached == nullptr) continue;
      for (const std::uint32_t candidate : *reached) check(candidate, body, matching);
    }
  }
}

void RuleIndex::region_of(const Ranges& ranges, Number value) {
  const auto bound = std::lower_bound(ranges.bounds.begin(), ranges.bounds.end(), value);
  const bool is_bound = bound != ranges.bounds.end() && *bound == value;
  const std::size_t region = 2 * static_cast<std::size_t>(bound - ranges.bounds.begin()) + (is_bound ? 1 : 0);
  const std::size_t set = region / Ranges::regions_between_sets;
  region_ = ranges.sets[set];
  for (std::size_t i = set * Ranges::regions_between_sets + 1; i <= region; ++i) {
    for (const std::uint32_t bit : ranges.changes[i]) region_[bit / 64] ^= Word{1} << (bit % 64);
  }
}

void RuleIndex::match_ranges(std::string_view body, std::vector<std::size_t>& matching) {
  if (in_ranges_.empty()) return;
  if (has_arrays_) {
    for (const std::uint32_t candidate : in_ranges_) check(candidate, body, matching);
    return;
  }
  left_.assign((in_ranges_.size() + 63) / 64, ~Word{0});
  if (in_ranges_.size() % 64 != 0) left_.back() = (Word{1} << (in_ranges_.size() % 64)) - 1;
  bool is_exact = true;
  for (const auto& [path, ranges] : ranges_) {
    const Scalar* value = values_[path].size() == 1 ? values_[path].data() : nullptr;
    if (values_[path].size() > 1) {  // one path written in two ways: left to check()
      is_exact = false;
      continue;
    }
    const auto* number = value == nullptr ? nullptr : std::get_if<Number>(value);
    const bool is_number = number != nullptr && *number == *number;
    if (is_number) region_of(ranges, *number);
    const Bits& allowed = is_number ? region_ : ranges.indifferent;
    for (std::size_t i = 0; i < left_.size(); ++i) left_[i] &= allowed[i];
  }
  for (std::size_t word = 0; word < left_.size(); ++word) {
    for (Word bits = left_[word]; bits != 0; bits &= bits - 1) {
      const std::uint32_t candidate = in_ranges_[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
      const Candidate& alternative = candidates_[candidate];
      if (!is_exact || !alternative.is_ranges_alone) {
        check(candidate, body, matching);
      } else if (matched_at_[alternative.rule] != event_) {
        matched_at_[alternative.rule] = event_;
        matching.push_back(alternative.rule);
      }
    }
  }
}

}  // namespace remuda::filter
