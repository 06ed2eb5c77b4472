// Client::call() with CallOptions: one attempt, or several where that is allowed.
#pragma once

#include "shm/client_core.hpp"

#include "mabeam/requests.hpp"
#include "mabeam/result.hpp"

namespace mabeam::shm {

/// Errors: as ClientCore::ask(), not_running.
Result<ClientReply> ask_with_retries(ClientCore& core, const Outgoing& question,
                                     const CallOptions& options);

}  // namespace mabeam::shm
