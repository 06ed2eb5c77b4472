// How commands reach a runtime: as a client, or as an observer of it or of a file.
#pragma once

#include "tools/cli/arguments.hpp"
#include "tools/cli/failure.hpp"

#include "mabeam/client.hpp"
#include "mabeam/observer.hpp"

#include <string>
#include <string_view>

namespace mabeam::tools {

/// --file, which every view of a segment takes.
inline constexpr Option kFileOption{"file", "FILE", "look into a copy of a segment instead"};

/// The runtime that --name, --runtime or MABEAM_NAME names.
Outcome<Client> attach_client(const Arguments& arguments, ClientOptions options = {});

/// The same, or the file that --file names.
Outcome<Observer> open_view(const Arguments& arguments);

/// An agent by its name or its id. Errors: refused (not_found).
Outcome<AgentId> find_agent(const Client& client, std::string_view agent);

}  // namespace mabeam::tools
