#pragma once
// Reads the sections of one launch file ([hosts], [brokers.*], [queues.*], [nodes.*], ...) into the model, one function per
// section. Names are taken as written: includes, prefixes and what one section means for another are load.cpp's business.

#include "common/topology/launch_file.hpp"
#include "common/topology/table_reader.hpp"

namespace remuda::topology {

/// The [defaults.*] tables; null where there is none.
struct Defaults {
  const Value* node = nullptr;
  const Value* queue = nullptr;
  const Value* broker = nullptr;
};

/// Reads every section that `root` has. `include_host`: where nodes and brokers run that do not say; empty for this machine.
void read_sections(TableReader& root, const Name& include_host, LaunchFile& file);

/// An inventory: [hosts.*] alone, of hosts that `file` has. What it says counts, what it does not say stays.
void read_inventory(TableReader& root, LaunchFile& file);

/// Only [topics.*] and [queues.*]: for a broker's definitions.
void read_topics(TableReader& root, LaunchFile& file);
void read_queues(TableReader& root, const Defaults& defaults, LaunchFile& file);
void read_streams(TableReader& root, LaunchFile& file);

}  // namespace remuda::topology
