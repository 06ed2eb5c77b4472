// --trace and --traceparent, which every command that sends a message takes.
#pragma once

#include "tools/cli/arguments.hpp"
#include "tools/cli/json.hpp"
#include "tools/cli/output.hpp"

#include "mabeam/client.hpp"

namespace mabeam::tools {

inline constexpr Option kTraceOption{"trace", "", "trace it, and say on stderr as what"};
inline constexpr Option kTraceparentOption{"traceparent", "HEADER",
                                           "trace it below this span of another program's trace"};

/// Has the client trace its messages as those options say. Errors: usage.
Outcome<Client*> trace_as_told(const Arguments& arguments, Client& client);

/// Says on stderr as what the last message was traced, if that was asked for, and notes it in the
/// fields of the answer's document.
void tell_trace(const Arguments& arguments, const Client& client, Json& fields, Output& output);

}  // namespace mabeam::tools
