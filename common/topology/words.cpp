#include "common/topology/words.hpp"

#include "common/suggestion.hpp"

namespace remuda::topology {
namespace {

constexpr std::size_t longest_compared = 80;  // the longest name there is; comparing costs the product of both lengths

}  // namespace

std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& known) {
  if (wrong.empty() || wrong.size() > longest_compared) return {};
  const std::vector<std::string_view> words{known.begin(), known.end()};
  std::string_view word = closest_name(wrong, words);
  for (std::size_t i = 0; word.empty() && wrong.size() >= 3 && i < words.size(); ++i) {
    const bool contains = words[i].find(wrong) != std::string_view::npos;
    const bool contained = words[i].size() >= 3 && wrong.find(words[i]) != std::string_view::npos;
    if (contains || contained) word = words[i];
  }
  return word.empty() ? std::string{} : "did you mean " + in_quotes(word) + "?";
}

std::string listed(const std::vector<std::string>& words, std::size_t most) {
  if (words.empty()) return "none";
  std::string out;
  for (std::size_t i = 0; i < words.size() && i < most; ++i) out += (i > 0 ? ", " : "") + words[i];
  if (words.size() > most) out += " and " + std::to_string(words.size() - most) + " more";
  return out;
}

std::string in_quotes(std::string_view word) {
  return std::string{"'"}.append(word).append("'");
}

}  // namespace remuda::topology
