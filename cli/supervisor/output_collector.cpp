#include "cli/supervisor/output_collector.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace remuda::supervisor {

Result<OutputCollector::WritingEnds> OutputCollector::open(std::size_t process) {
  WritingEnds ends;
  for (const bool from_stderr : {false, true}) {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_CLOEXEC) != 0) return fail("failed", std::string{"cannot create a pipe: "} + std::strerror(errno));
    Pipe pipe{FileDescriptor{fds[0]}, {}};
    (from_stderr ? ends.standard_error : ends.standard_output) = FileDescriptor{fds[1]};
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    pipes_[{process, from_stderr}] = std::move(pipe);
  }
  return ends;
}

void OutputCollector::append_poll_items(std::vector<zmq_pollitem_t>& items) const {
  for (const auto& [key, pipe] : pipes_) items.push_back({nullptr, pipe.fd.get(), ZMQ_POLLIN, 0});
}

/// False when the pipe has ended.
bool OutputCollector::read_some(const Key& key, Pipe& pipe, std::vector<Line>& lines) {
  std::array<char, LineSplitter::line_size_max> buffer;  // not zeroed: this runs for every line that any process writes
  const ssize_t size = read(pipe.fd.get(), buffer.data(), buffer.size());
  if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
  for (std::string& text : pipe.splitter.add({buffer.data(), static_cast<std::size_t>(size)})) {
    lines.push_back({key.first, key.second, std::move(text)});
  }
  return true;
}

std::vector<OutputCollector::Line> OutputCollector::on_readable() {
  std::vector<Line> lines;
  for (auto it = pipes_.begin(); it != pipes_.end();) {
    if (read_some(it->first, it->second, lines)) {
      ++it;
      continue;
    }
    std::string rest = it->second.splitter.rest();
    if (!rest.empty()) lines.push_back({it->first.first, it->first.second, std::move(rest)});
    it = pipes_.erase(it);
  }
  return lines;
}

std::vector<OutputCollector::Line> OutputCollector::finish(std::size_t process) {
  std::vector<Line> lines;
  for (const bool from_stderr : {false, true}) {
    const auto it = pipes_.find({process, from_stderr});
    if (it == pipes_.end()) continue;
    // What a pipe can hold at most; a grandchild that keeps writing does not keep us here.
    constexpr int rounds_max = 1 + static_cast<int>((std::size_t{1} << 20) / LineSplitter::line_size_max);
    std::size_t before = lines.size() + 1;
    for (int round = 0; round < rounds_max && before != lines.size(); ++round) {
      before = lines.size();
      if (!read_some(it->first, it->second, lines)) break;
    }
    std::string rest = it->second.splitter.rest();
    if (!rest.empty()) lines.push_back({process, from_stderr, std::move(rest)});
    pipes_.erase(it);
  }
  return lines;
}

}  // namespace remuda::supervisor
