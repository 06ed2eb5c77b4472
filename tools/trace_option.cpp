#include "tools/trace_option.hpp"

#include "tools/cli/encoding.hpp"

#include <string>

namespace mabeam::tools {

Outcome<Client*> trace_as_told(const Arguments& arguments, Client& client) {
  Tracing tracing;
  if (const auto header = arguments.value("traceparent")) {
    tracing.parent = parse_traceparent(*header);
    if (!tracing.parent) {
      return usage_error("--traceparent takes 00-<32 digits>-<16>-<2>, in hexadecimal, not '" +
                         one_line(*header) + "'");
    }
  }
  if (arguments.has("trace") || tracing.parent) tracing.start = Tracing::Start::always;
  client.set_tracing(tracing);
  return &client;
}

void tell_trace(const Arguments& arguments, const Client& client, Json& fields, Output& output) {
  const auto trace = client.last_trace();
  if (!trace || !(arguments.has("trace") || arguments.has("traceparent"))) return;
  fields["trace_id"] = to_string(trace->trace);
  output.note("trace " + to_string(trace->trace));
}

}  // namespace mabeam::tools
