#pragma once
// RuleIndex: which of many rules an event matches, at a cost that grows slower than their number. A rule is a compiled filter
// policy of body scope, or a compiled event pattern; it matches here exactly when matches_packed_body() says so.
//
// The event is walked once for all rules, and the values that any rule asks for are kept. Then each alternative of a rule is
// reached in the cheapest of three ways:
// - by key: one of its fields lists plain values, so it hangs in a hash table under each of them, and is looked at only when
//   the event has that value. The field with the most different values in all rules is taken;
// - by ranges: the bounds of all ranges on a field are sorted and cut the numbers into regions; a region's rules are a set of
//   bits, kept for every 64th region with the changes in between. One binary search for each field, and the sets are and-ed a
//   machine word at a time;
// - one by one, when it has neither.
// What is reached is then checked in its other fields. An event with arrays in a place that rules ask for is checked by the matcher
// itself, since fields below one array must be satisfied by the same element.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/filter/compiled_policy.hpp"

namespace remuda::filter {

class RuleIndex {
 public:
  /// Rules are known by their position. All are of one dialect. Null: a rule that wants everything.
  explicit RuleIndex(std::vector<std::shared_ptr<const CompiledPolicy>> rules);

  /// Puts the positions of the matching rules into `matching`, each once, in no particular order. Not for several threads at once.
  void match(std::string_view packed_body, std::vector<std::size_t>& matching);

 private:
  using Word = std::uint64_t;
  using Bits = std::vector<Word>;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class Value>
  using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
  using Positions = std::vector<std::uint32_t>;

  struct Place {
    int path = -1;           ///< a field ends here
    bool is_inside = false;  ///< fields go on below
  };
  struct Candidate {  ///< one alternative of a rule
    std::uint32_t rule = 0;
    bool is_ranges_alone = false;                                ///< the sets of bits decide it
    std::vector<std::pair<std::uint32_t, const Field*>> fields;  ///< path and what is asked of it
  };
  struct Keys {  ///< of one path
    TextMap<Positions> texts;
    std::map<Number, Positions> numbers;
    Positions is_true, is_false, is_null;
  };
  struct Ranges {  ///< of one path
    static constexpr std::size_t regions_between_sets = 64;
    std::vector<Number> bounds;      ///< sorted; region 2i is below bounds[i], region 2i + 1 is bounds[i] itself
    std::vector<Positions> changes;  ///< bits that change where a region begins
    std::vector<Bits> sets;          ///< of every 64th region
    Bits indifferent;                ///< asks nothing of this path
  };

  // constant after construction
  std::vector<std::shared_ptr<const CompiledPolicy>> rules_;
  bool numbers_are_doubles_ = false;
  TextMap<Place> places_;
  std::vector<std::string> paths_;
  std::vector<Candidate> candidates_;
  std::vector<Keys> keys_;                  ///< by path
  std::map<std::uint32_t, Ranges> ranges_;  ///< by path
  Positions in_ranges_;                     ///< candidate of each bit
  Positions one_by_one_;
  std::vector<std::size_t> always_;

  // of the event at hand
  std::vector<std::vector<Scalar>> values_;  ///< by path
  std::vector<std::uint32_t> touched_;
  std::string place_;
  bool has_arrays_ = false;
  bool is_too_deep_ = false;
  std::vector<std::uint64_t> matched_at_;  ///< by rule: the event that it matched last
  std::uint64_t event_ = 0;
  Bits left_, region_;

  class Walk;
  std::uint32_t path_of(const std::string& path);
  void place_by_key(std::uint32_t candidate, std::uint32_t path, const Field& field);
  void build_ranges(const std::vector<std::uint32_t>& members);
  void check(std::uint32_t candidate, std::string_view body, std::vector<std::size_t>& matching);
  void match_keys(std::string_view body, std::vector<std::size_t>& matching);
  void match_ranges(std::string_view body, std::vector<std::size_t>& matching);
  void region_of(const Ranges& ranges, Number value);
};

}  // namespace remuda::filter
