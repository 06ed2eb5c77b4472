// Folders of control groups: made, emptied, removed.
#pragma once

#include <string>

namespace mabeam::supervisor {

/// Makes the folder; one that is there is as good. Returns an errno, or 0.
int make_group(const std::string& folder);

/// True if the file is there and may be written.
bool has_control(const std::string& folder, const char* file);

/// The file of a group into which a new process writes "0" to be in it.
std::string door_of(const std::string& folder);

/// Lets groups inside of this one have that controller, where the kernel allows it. A group with
/// processes of its own may not (version 2): if this process is all that is in it, it moves into
/// one inside, `leaf`.
bool enable_controller(const std::string& folder, const std::string& controller,
                       const std::string& leaf);

/// Sends SIGKILL to all that is in the group; by one write, where the kernel can.
void kill_group(const std::string& folder);

/// True if no process is in it, or there is no such group.
bool is_group_empty(const std::string& folder);

/// Kills what is in it and in those inside of it, waits a moment, and removes them. Returns an
/// errno, or 0: EBUSY if something in it does not die.
int remove_group(const std::string& folder);

}  // namespace mabeam::supervisor
