// The online backup: a client reads the journal's segments as they were synced last, a piece at a time, while everybody else is
// served. No path comes over the wire: where the copy is kept is the client's business.

#include "broker/broker.hpp"
#include "common/log.hpp"

namespace remuda::broker {

namespace {

// One piece is one read and one reply: small enough that nobody waits long for its turn.
constexpr std::uint32_t piece_size = 256U * 1024;
// Segments that are held take space. A client that stays away this long has given up.
constexpr std::chrono::seconds patience{60};

}  // namespace

bool Broker::may_back_up(Connection& connection) {
  if (settings_.backup_source == nullptr) {
    refuse(connection, request_.request, {"no_backup", "this broker has nothing to back up", true});
  } else if (backup_client_ && *backup_client_ != connection.id) {
    refuse(connection, request_.request, {"backup_running", "somebody else is reading a backup; try again when it is done", true});
  } else {
    return true;
  }
  return false;
}

void Broker::on(Connection& connection, const wire::BeginBackup&) {
  if (!may_back_up(connection)) return;
  std::vector<wire::BackupSegment> segments;
  for (const auto& segment : settings_.backup_source->hold()) {
    segments.push_back({segment.number, segment.capacity, segment.size_bytes});
  }
  backup_client_ = connection.id;
  backup_until_ = moment_.now + patience;
  log_info("a backup begins", {{"client", connection.name}, {"segments", segments.size()}});
  std::string frame;
  wire::encode_ok(request_.request, std::span<const wire::BackupSegment>{segments}, frame);
  answer(connection, std::move(frame));
}

void Broker::on(Connection& connection, const wire::ReadBackup& read) {
  if (!may_back_up(connection)) return;
  const bool possible = backup_client_ && read.segment <= UINT32_MAX;
  auto bytes = possible ? settings_.backup_source->read_segment(static_cast<std::uint32_t>(read.segment), read.offset, piece_size)
                        : fail("no_backup", "begin a backup first; it ends after a minute without a read");
  if (!bytes) return refuse(connection, request_.request, bytes.error());
  backup_until_ = moment_.now + patience;
  std::string frame;
  wire::encode_bytes(request_.request, *bytes, frame);
  answer(connection, std::move(frame));
}

void Broker::on(Connection& connection, const wire::EndBackup&) {
  if (!may_back_up(connection)) return;
  if (backup_client_) end_backup();
  std::string frame;
  wire::encode_ok(request_.request, frame);
  answer(connection, std::move(frame));
}

void Broker::end_backup() {
  backup_client_.reset();
  settings_.backup_source->release();
  log_info("a backup has ended");
}

}  // namespace remuda::broker
