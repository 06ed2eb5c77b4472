#include "tools/cli/payload_argument.hpp"

#include "tools/cli/encoding.hpp"
#include "tools/cli/input.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace mabeam::tools {

namespace {

// No runtime carries more (shm/blocks.hpp).
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;

Outcome<std::string> bytes_of(std::string_view operand) {
  const bool names_input = operand == "-" || operand.starts_with('@');
  if (!names_input) return std::string(operand);
  Outcome<Input> input = Input::open(operand == "-" ? operand : operand.substr(1));
  if (!input) return tl::unexpected(input.error());
  return input->read_all(kMostBytes);
}

}  // namespace

PayloadArgument::PayloadArgument(std::string bytes, Content content)
    : bytes_(std::move(bytes)),
      content_(content) {
}

Outcome<PayloadArgument> PayloadArgument::read(std::optional<std::string_view> operand) {
  if (!operand) return PayloadArgument({}, Content::none);
  Outcome<std::string> bytes = bytes_of(*operand);
  if (!bytes) return tl::unexpected(bytes.error());
  const Content content = is_utf8(*bytes) ? Content::text : Content::bytes;
  return PayloadArgument(std::move(*bytes), content);
}

PayloadRef PayloadArgument::ref() const {
  return Payload(std::as_bytes(std::span(bytes_)), content_);
}

}  // namespace mabeam::tools
