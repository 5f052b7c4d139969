#include "common/topology/start_order.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace remuda::topology {
namespace {

/// Grows edge by edge and stays without circles.
class AcyclicGraph {
 public:
  explicit AcyclicGraph(std::size_t size) : before_(size), after_(size) {}

  /// `first` starts before `second`; left out when `second` already has to start before `first`.
  void add(std::size_t first, std::size_t second) {
    if (first == second || reaches(second, first)) return;
    before_[second].push_back(first);
    after_[first].push_back(second);
  }

  /// The longest way to each vertex.
  [[nodiscard]] std::vector<int> depths() const {
    std::vector<int> depth(after_.size(), 0);
    std::vector<std::size_t> waiting(after_.size());
    std::vector<std::size_t> ready;
    for (std::size_t v = 0; v < after_.size(); ++v) {
      waiting[v] = before_[v].size();
      if (waiting[v] == 0) ready.push_back(v);
    }
    while (!ready.empty()) {
      const std::size_t v = ready.back();
      ready.pop_back();
      for (const std::size_t next : after_[v]) {
        depth[next] = std::max(depth[next], depth[v] + 1);
        if (--waiting[next] == 0) ready.push_back(next);
      }
    }
    return depth;
  }

 private:
  std::vector<std::vector<std::size_t>> before_;
  std::vector<std::vector<std::size_t>> after_;

  [[nodiscard]] bool reaches(std::size_t from, std::size_t to) const {
    std::vector<bool> seen(after_.size());
    std::vector<std::size_t> open{from};
    while (!open.empty()) {
      const std::size_t v = open.back();
      open.pop_back();
      if (v == to) return true;
      if (seen[v]) continue;
      seen[v] = true;
      open.insert(open.end(), after_[v].begin(), after_[v].end());
    }
    return false;
  }
};

}  // namespace

std::vector<int> start_ranks(const LaunchFile& file, const std::map<std::string, ChannelUse>& uses) {
  AcyclicGraph graph{file.nodes.size()};
  std::map<std::string, std::size_t> numbers;
  for (std::size_t i = 0; i < file.nodes.size(); ++i) numbers.emplace(file.nodes[i].name.text, i);
  for (std::size_t i = 0; i < file.nodes.size(); ++i) {
    for (const auto& name : file.nodes[i].depends_on) {
      if (const auto other = numbers.find(name.text); other != numbers.end()) graph.add(other->second, i);
    }
  }
  for (const ChannelKind kind : {ChannelKind::request, ChannelKind::pipe, ChannelKind::topic}) {
    for (const auto& [channel, use] : uses) {
      if (file.kind_of(channel) != kind) continue;
      for (const auto& input : use.inputs) {
        for (const auto& output : use.outputs) graph.add(numbers[input.node->name.text], numbers[output.node->name.text]);
      }
    }
  }
  return graph.depths();
}

}  // namespace remuda::topology
