// Names for processes that are never given twice: what files that a process leaves behind are told by.
//
// "MACHINE-PID-START": 12 hexadecimal digits of a hash of the machine's boot and the process's PID namespace, the process
// id, and when it started in clock ticks since the boot. So a process with the same number after this one, or one in another
// container, has another identity.
#pragma once

#include <string>
#include <string_view>

namespace quantbench {

/// Of this process; of a child after fork its own.
std::string this_process();

/// True when the process ran on this machine, since its last boot and in this PID namespace, and has ended. False for a
/// process that lives, that ran elsewhere, or for what is no identity: nothing is known of it here.
bool known_to_have_ended(std::string_view identity);

}  // namespace quantbench
