#include "supervisor/check.hpp"

#include "supervisor/refusals.hpp"
#include "supervisor/runtime.hpp"

#include <iomanip>
#include <sstream>

namespace mabeam::supervisor {
namespace {

constexpr int kLabelWidth = 18;
constexpr int kBytesWidth = 14;

std::string thousands(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

void add_fact(std::ostream& out, std::string_view label, const std::string& value) {
  out << std::left << std::setw(kLabelWidth) << label << value << '\n';
}

void add_dimensions(std::ostream& out, const Config& config, const shm::Dimensions& dimensions) {
  add_fact(out, "runtime", config.runtime.name);
  add_fact(out, "workers", std::to_string(dimensions.workers));
  add_fact(out, "shards", std::to_string(dimensions.shards));
  add_fact(out, "clients", std::to_string(dimensions.clients));
  add_fact(out, "max_agents",
           thousands(dimensions.max_agents) + ", " + thousands(dimensions.agents_per_shard) +
               " a shard at most");
  add_fact(out, "max_state_bytes", thousands(dimensions.max_state_bytes));
  add_fact(out, "rings",
           format_size(dimensions.ring_bytes[0]) + " high, " +
               format_size(dimensions.ring_bytes[1]) + " normal, " +
               format_size(dimensions.ring_bytes[2]) + " low");
  add_fact(out, "blocks", format_size(dimensions.block_bytes) + " an endpoint");
  add_fact(out, "event log", format_size(dimensions.log_bytes));
  add_fact(out, "spans", format_size(dimensions.span_bytes));
}

void add_row(std::ostream& out, std::string_view label, std::uint64_t bytes) {
  out << std::left << std::setw(kLabelWidth) << label << std::right << std::setw(kBytesWidth)
      << bytes << std::setw(kBytesWidth) << megabytes(bytes) << '\n';
}

void add_regions(std::ostream& out, const shm::Layout& layout) {
  out << std::left << std::setw(kLabelWidth) << "region" << std::right << std::setw(kBytesWidth)
      << "bytes" << '\n';
  for (std::size_t i = 0; i < shm::kRegions; ++i) {
    add_row(out, shm::region_name(static_cast<shm::Region>(i)), layout.regions[i].bytes);
  }
  add_row(out, "total", layout.total_bytes);
}

}  // namespace

tl::expected<std::string, Refusal> check_report(const Config& config) {
  const auto dimensions = plan_dimensions(config);
  if (!dimensions) return tl::unexpected(dimensions.error());
  const Result<shm::Layout> layout = shm::compute_layout(*dimensions);
  if (!layout) return refuse(ExitCode::configuration, describe(layout.error()));
  std::ostringstream out;
  add_dimensions(out, config, *dimensions);
  out << '\n';
  add_regions(out, *layout);
  const std::uint64_t room = free_shared_memory();
  if (room < layout->total_bytes) {
    out << "\n/dev/shm has only " << megabytes(room) << " free: this runtime cannot start here\n";
  }
  return out.str();
}

}  // namespace mabeam::supervisor
