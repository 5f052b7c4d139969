#pragma once
// Writes a file so that after any crash it is there whole or not at all: temporary name, fsync, rename, fsync of the folder.

#include <string>
#include <string_view>

namespace remuda::rides {

/// Writes `folder`/`name`, replacing what is there; makes the folders that are missing. Returns once it is on stable storage.
/// Throws StoreError; then the old file, or none, is there, and no temporary one.
void write_durably(const std::string& folder, const std::string& name, std::string_view content);

}  // namespace remuda::rides
