#include "tools/metadata_argument.hpp"

#include "shm/metadata.hpp"

#include "mabeam/result.hpp"

namespace mabeam::tools {

Outcome<MetadataArgument> MetadataArgument::read(std::optional<std::string_view> value) {
  if (value == "-") return MetadataArgument{*value};  // standard input is the state's
  const auto given = PayloadArgument::read(value);
  if (!given) return tl::unexpected(given.error());
  const PayloadRef payload = given->ref();
  const auto bytes = payload.bytes();
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (!shm::is_metadata(text)) {
    return usage_error("--metadata: " + describe({Errc::invalid_argument,
                                                  static_cast<std::uint16_t>(Argument::metadata)}));
  }
  return MetadataArgument{text};
}

}  // namespace mabeam::tools
