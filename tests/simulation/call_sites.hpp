#pragma once
// The places of the journal that change the disk, by the name that the disk's calls give them away with.

#include <set>
#include <string>

#include "broker/journal/segment_files.hpp"
#include "tests/simulation/broker_life.hpp"

namespace remuda::broker::test {

/// Every place of the journal that changes the disk, as the disk sees it. A new one has to be added here, and to be reached.
inline const std::set<std::string> call_sites{
    // Journal::open, recovery
    "start: create LOCK",
    "start: write LOCK",
    "start: create segment.tmp",
    "start: allocate segment.tmp",
    "start: write zeros to segment.tmp",
    "start: write segment.tmp",
    "start: sync segment.tmp",
    "start: rename segment.tmp to segment",
    "start: sync folder after rename segment.tmp to segment",
    "start: remove segment.tmp",
    "start: remove spare.tmp",
    "start: remove index.tmp",
    "start: remove index",
    "start: remove spare",
    "start: write segment",
    "start: write zeros to segment",
    "start: sync segment",
    "start: sync folder",
    // spares: at the start, and whenever one was used
    "start: create spare.tmp",
    "start: allocate spare.tmp",
    "start: write zeros to spare.tmp",
    "start: sync spare.tmp",
    "start: rename spare.tmp to spare",
    "start: sync folder after rename spare.tmp to spare",
    "serve: create spare.tmp",
    "serve: allocate spare.tmp",
    "serve: write zeros to spare.tmp",
    "serve: sync spare.tmp",
    "serve: rename spare.tmp to spare",
    "serve: sync folder after rename spare.tmp to spare",
    "serve: remove spare.tmp",
    // records, rollover
    "serve: write segment",
    "serve: sync segment",
    "serve: write spare",
    "serve: sync spare",
    "serve: rename spare to segment",
    "serve: sync folder after rename spare to segment",
    "stop: write segment",
    "stop: sync segment",
    // indexes: of a segment just sealed, or left without one by a crash
    "serve: create index.tmp",
    "serve: write index.tmp",
    "serve: sync index.tmp",
    "serve: rename index.tmp to index",
    "serve: sync folder after rename index.tmp to index",
    "serve: remove index.tmp",
    "start: create index.tmp",
    "start: write index.tmp",
    "start: sync index.tmp",
    "start: rename index.tmp to index",
    "start: sync folder after rename index.tmp to index",
    // the mark of the known end
    "start: create mark.tmp",
    "start: write mark.tmp",
    "start: sync mark.tmp",
    "start: rename mark.tmp to mark",
    "start: sync folder after rename mark.tmp to mark",
    "start: remove mark.tmp",
    "stop: create mark.tmp",
    "stop: write mark.tmp",
    "stop: sync mark.tmp",
    "stop: rename mark.tmp to mark",
    "stop: sync folder after rename mark.tmp to mark",
    // truncation
    "serve: remove index",
    "serve: rename segment to spare",
    "serve: sync folder after rename segment to spare",
    "serve: remove segment",
    "serve: sync folder after remove segment",
};

inline std::string kind_of(const std::string& name) {
  switch (parse_file_name(name).kind) {
    case FileKind::segment:
      return "segment";
    case FileKind::index:
      return "index";
    case FileKind::spare:
      return "spare";
    case FileKind::mark:
      return "mark";
    case FileKind::unfinished:
      return kind_of(name.substr(0, name.rfind('.'))) + ".tmp";
    case FileKind::other:
      break;
  }
  return name;
}

/// Names the calls of one life by their place in the journal.
class CallNames {
 public:
  std::string name(BrokerLife::Phase phase, const testing::DiskCall& call) {
    const std::string what = describe(call);
    const bool of_records = what == "write segment" || what == "sync segment" || what.find("mark") != std::string::npos;
    const std::string when = phase == BrokerLife::Phase::start                ? "start: "
                             : phase == BrokerLife::Phase::stop && of_records ? "stop: "
                                                                              : "serve: ";
    const bool segment_goes = call.kind == testing::DiskCall::Kind::remove && kind_of(call.name) == "segment";
    if (call.kind == testing::DiskCall::Kind::rename || segment_goes) name_change_ = " after " + what;
    if (call.kind == testing::DiskCall::Kind::sync_folder) name_change_.clear();
    return when + what;
  }

 private:
  [[nodiscard]] std::string describe(const testing::DiskCall& call) const {
    switch (call.kind) {
      case testing::DiskCall::Kind::create:
        return "create " + kind_of(call.name);
      case testing::DiskCall::Kind::write:
        return (call.zeros ? "write zeros to " : "write ") + kind_of(call.name);
      case testing::DiskCall::Kind::sync:
        return "sync " + kind_of(call.name);
      case testing::DiskCall::Kind::allocate:
        return "allocate " + kind_of(call.name);
      case testing::DiskCall::Kind::rename:
        return "rename " + kind_of(call.name) + " to " + kind_of(call.to);
      case testing::DiskCall::Kind::remove:
        return "remove " + kind_of(call.name);
      case testing::DiskCall::Kind::sync_folder:
        break;
    }
    return "sync folder" + name_change_;
  }

  std::string name_change_;
};

}  // namespace remuda::broker::test
