#pragma once
// Reads a stream from a position on, its partitions together in the order of time, without any group noticing.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/broker_client.hpp"

namespace remuda::cli {

struct ReadRecord {
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  std::int64_t time_ms = 0;
  std::string message;  ///< packed
};

class StreamCursor {
 public:
  /// `client` must outlive the cursor. Errors: those of the broker: no_such_stream, invalid_position (beyond the end).
  static Result<StreamCursor> open(BlockingBrokerClient& client, std::string stream, std::optional<std::uint32_t> partition,
                                   const wire::StreamPosition& from);

  /// The next record; nothing when all there is has been read. A stream grows: a later call gives what was appended meanwhile.
  Result<std::optional<ReadRecord>> next();

 private:
  static constexpr std::uint32_t page = 500;
  struct Part {
    std::uint32_t partition = 0;
    std::uint64_t next = 0;
    std::deque<ReadRecord> records;  ///< read, not given out
  };
  StreamCursor(BlockingBrokerClient& client, std::string stream) : client_{&client}, stream_{std::move(stream)} {}
  Result<void> read(Part& part, const wire::StreamPosition& from);

  BlockingBrokerClient* client_;
  std::string stream_;
  std::vector<Part> parts_;
};

}  // namespace remuda::cli
