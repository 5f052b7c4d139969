#pragma once
// A page of a mapped file that the disk cannot give, or that is behind the end of a file cut short, is a signal (SIGBUS) which would end
// the process. In the mappings named here such a page shows zeros instead, and the checksum of whatever stood there says the rest.

#include <cstddef>

namespace remuda::broker {

/// Installs the signal's handler, each time. In other memory the signal ends the process as ever. Beyond 65,536 mappings at a time it
/// does nothing.
void show_unreadable_pages_as_zeros(void* begin, std::size_t size);
/// Before the mapping goes.
void forget_unreadable_pages(void* begin);

}  // namespace remuda::broker
