#pragma once
// The inside of the helper process that spawner.hpp describes, and the packets between the two: msgpack arrays
// ["spawn", process, path, [argument...], [variable...], [memory_max, nofile, nice]] + 2 descriptors, ["signal", process, number, whole_group] one way,
// ["spawned", process, pid], ["failed", process, why], ["exited", process, exit code, signal] the other.

#include <string>
#include <string_view>
#include <vector>

#include "cli/supervisor/spawner.hpp"

namespace remuda::supervisor {

/// Runs until `socket` is closed at the other end, then kills everything it started. The exit code of the helper.
int run_spawner_helper(int socket, int life_line);

std::string encode_spawn(const SpawnRequest& request);
std::string encode_signal(std::uint32_t process, int number, bool whole_group);
/// A packet that cannot be read is SpawnerGone: the two ends are one program, so it cannot happen but by a defect.
SpawnEvent decode_event(std::string_view packet);
/// False with errno EAGAIN when it would have to wait and `wait` is false.
bool send_packet(int socket, std::string_view packet, const std::vector<int>& descriptors, bool wait = true);

}  // namespace remuda::supervisor
