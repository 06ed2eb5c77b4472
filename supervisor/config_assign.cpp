#include "supervisor/config_assign.hpp"

#include <algorithm>
#include <limits>
#include <sstream>
#include <type_traits>

namespace mabeam::supervisor {
namespace {

enum class KeyVerdict : std::uint8_t {
  fine,
  malformed,     ///< of another type, or text that does not read
  out_of_range,  ///< well written, but too small, too large or no power of two
};

/// What a value has to look like, said to somebody who wrote something else.
std::string form_text(ValueKind kind) {
  switch (kind) {
    case ValueKind::integer:
      return "an integer, ";
    case ValueKind::size:
      return "a size such as \"256MiB\", ";
    case ValueKind::size_or_percent:
      return "a size such as \"256MiB\" or a percentage, ";
    case ValueKind::time:
      return "a time such as \"250ms\", ";
    case ValueKind::fraction:
      return "a number such as 0.01, ";
    default:
      return {};
  }
}

std::string refusal(const std::string& subject, const toml::node& node,
                    const std::string& allowed) {
  return subject + " = " + shown(node) + ": allowed is " + allowed;
}

bool is_power_of_two(std::int64_t value) {
  return value > 0 && (value & (value - 1)) == 0;
}

bool is_in_range(std::int64_t value, const Range& range) {
  if (value == 0 && !range.zero.empty()) return true;
  return value >= range.min && value <= range.max &&
         (!range.power_of_two || is_power_of_two(value));
}

/// Stores a number that has been checked, whatever integer or time the field is.
struct StoreNumber {
  std::int64_t number;
  Config& config;

  template <class T>
  void operator()(const Field<T>& field) const {
    if constexpr (std::is_integral_v<T>) {
      field.edit(config) = static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, std::chrono::nanoseconds>) {
      field.edit(config) = T{number};
    }
  }

  template <class T>
  void operator()(const Field<std::optional<T>>& field) const {
    field.edit(config) = static_cast<T>(number);
  }
};

template <class T>
T& edit(const KeyInfo& key, Config& config) {
  return std::get<Field<T>>(key.target).edit(config);
}

/// A value too large for the ranges' type is out of any range.
std::int64_t saturated(std::uint64_t value) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, kMax));
}

/// The number that a node means for an integer, size or time.
std::optional<std::int64_t> number_of(ValueKind kind, const toml::node& node) {
  if (kind != ValueKind::time) {
    if (const auto* integer = node.as_integer()) return integer->get();
  }
  const auto* text = node.as_string();
  if (!text || kind == ValueKind::integer) return std::nullopt;
  if (kind == ValueKind::time) {
    const auto time = parse_time(text->get());
    return time ? std::optional{time->count()} : std::nullopt;
  }
  const auto size = parse_size(text->get());
  return size ? std::optional{saturated(*size)} : std::nullopt;
}

KeyVerdict assign_number(const KeyInfo& key, const toml::node& node, Config& config) {
  const auto number = number_of(key.rule.kind, node);
  if (!number) return KeyVerdict::malformed;
  if (!is_in_range(*number, key.rule.range)) return KeyVerdict::out_of_range;
  std::visit(StoreNumber{*number, config}, key.target);
  return KeyVerdict::fine;
}

KeyVerdict assign_boolean(const KeyInfo& key, const toml::node& node, Config& config) {
  const auto* value = node.as_boolean();
  if (!value) return KeyVerdict::malformed;
  edit<bool>(key, config) = value->get();
  return KeyVerdict::fine;
}

KeyVerdict assign_choice(const KeyInfo& key, const toml::node& node, Config& config) {
  const auto* value = node.as_string();
  if (!value) return KeyVerdict::malformed;
  const auto choices = key.rule.choices;
  const auto found = std::find(choices.begin(), choices.end(), value->get());
  if (found == choices.end()) return KeyVerdict::malformed;
  const auto store = [&]<class T>(const Field<T>& field) {
    if constexpr (std::is_enum_v<T>) field.edit(config) = static_cast<T>(found - choices.begin());
  };
  std::visit(store, key.target);
  return KeyVerdict::fine;
}

bool is_text_allowed(ValueKind kind, std::string_view text) {
  switch (kind) {
    case ValueKind::name:
      return is_runtime_name(text);
    case ValueKind::address:
      return is_listen_address(text);
    default:
      return text.empty() || is_path(text);
  }
}

KeyVerdict assign_text(const KeyInfo& key, const toml::node& node, Config& config) {
  const auto* value = node.as_string();
  if (!value || !is_text_allowed(key.rule.kind, value->get())) return KeyVerdict::malformed;
  edit<std::string>(key, config) = value->get();
  return KeyVerdict::fine;
}

KeyVerdict assign_cpus(const KeyInfo& key, const toml::node& node, Config& config) {
  const auto* value = node.as_string();
  auto cpus = value ? parse_cpu_list(value->get()) : std::nullopt;
  if (!cpus) return KeyVerdict::malformed;
  edit<std::vector<std::uint32_t>>(key, config) = std::move(*cpus);
  return KeyVerdict::fine;
}

KeyVerdict assign_size_or_percent(const KeyInfo& key, const toml::node& node, Config& config) {
  std::optional<SizeOrPercent> value;
  if (const auto* text = node.as_string()) value = parse_size_or_percent(text->get());
  if (const auto* bytes = node.as_integer()) {
    value = SizeOrPercent{.bytes = static_cast<std::uint64_t>(bytes->get())};  // < 0: huge
  }
  if (!value) return KeyVerdict::malformed;
  if (value->percent == 0 && !is_in_range(saturated(value->bytes), key.rule.range)) {
    return KeyVerdict::out_of_range;
  }
  edit<SizeOrPercent>(key, config) = *value;
  return KeyVerdict::fine;
}

// Not a number is in no range.
KeyVerdict assign_fraction(const KeyInfo& key, const toml::node& node, Config& config) {
  const auto value = node.is_number() ? node.value<double>() : std::nullopt;
  if (!value) return KeyVerdict::malformed;
  if (!(*value >= 0 && *value <= 1)) return KeyVerdict::out_of_range;
  edit<double>(key, config) = *value == 0 ? 0 : *value;  // no minus
  return KeyVerdict::fine;
}

KeyVerdict assign_scalar(const KeyInfo& key, const toml::node& node, Config& config) {
  switch (key.rule.kind) {
    case ValueKind::boolean:
      return assign_boolean(key, node, config);
    case ValueKind::choice:
      return assign_choice(key, node, config);
    case ValueKind::cpus:
      return assign_cpus(key, node, config);
    case ValueKind::size_or_percent:
      return assign_size_or_percent(key, node, config);
    case ValueKind::fraction:
      return assign_fraction(key, node, config);
    case ValueKind::integer:
    case ValueKind::size:
    case ValueKind::time:
      return assign_number(key, node, config);
    default:
      return assign_text(key, node, config);
  }
}

/// An array of paths; each wrong element is refused in its own place.
void assign_paths(const KeyInfo& key, const toml::array& array, const Place& place, Draft& draft) {
  if (array.size() > kModulesMax) {
    return draft.refuse(place, refusal(key.full_name(), array, allowed_text(key)));
  }
  std::vector<std::string> paths;
  std::size_t index = 0;
  for (const toml::node& element : array) {
    const auto subject = key.full_name() + "[" + std::to_string(index++) + "]";
    const auto* path = element.as_string();
    if (path && is_path(path->get())) {
      paths.push_back(path->get());
    } else {
      draft.refuse(moved_to(place, element.source()), refusal(subject, element, "a path"));
    }
  }
  if (paths.size() == array.size()) edit<std::vector<std::string>>(key, draft.config) = paths;
}

/// A {rate, burst, shadow} table; what is left out is 0 or false.
void assign_rate(const KeyInfo& key, const toml::table& table, const Place& place, Draft& draft) {
  Rate value;
  const auto range = key.rule.range;
  const auto allowed = std::to_string(range.min) + " to " + std::to_string(range.max);
  const auto problems_before = draft.problems.size();
  for (const auto& [name, node] : table) {
    const auto subject = key.full_name() + "." + printable(name.str());
    const auto* number = node.as_integer();
    if (name == "shadow") {
      if (const auto* flag = node.as_boolean()) {
        value.is_shadow = flag->get();
      } else {
        draft.refuse(moved_to(place, node.source()), refusal(subject, node, "true or false"));
      }
    } else if (name != "rate" && name != "burst") {
      draft.refuse(moved_to(place, name.source()),
                   "unknown key " + subject + "; allowed are rate, burst and shadow");
    } else if (!number || !is_in_range(number->get(), range)) {
      draft.refuse(moved_to(place, node.source()), refusal(subject, node, allowed));
    } else {
      (name == "rate" ? value.rate : value.burst) = static_cast<std::uint32_t>(number->get());
    }
  }
  if (draft.problems.size() == problems_before) edit<Rate>(key, draft.config) = value;
}

}  // namespace

void assign(const KeyInfo& key, const toml::node& node, const Place& place, Draft& draft) {
  const auto problems_before = draft.problems.size();
  const bool is_paths = key.rule.kind == ValueKind::paths;
  if (is_paths && node.is_array()) {
    assign_paths(key, *node.as_array(), place, draft);
  } else if (key.rule.kind == ValueKind::rate && node.is_table()) {
    assign_rate(key, *node.as_table(), place, draft);
  } else if (is_paths || key.rule.kind == ValueKind::rate) {
    draft.refuse(place, refusal(key.full_name(), node, allowed_text(key)));
  } else if (const auto verdict = assign_scalar(key, node, draft.config);
             verdict != KeyVerdict::fine) {
    const auto form = verdict == KeyVerdict::malformed ? form_text(key.rule.kind) : std::string{};
    draft.refuse(place, refusal(key.full_name(), node, form + allowed_text(key)));
  }
  draft.setting(key) = {.place = place, .is_refused = draft.problems.size() > problems_before};
}

Place moved_to(const Place& place, const toml::source_region& region) {
  if (place.origin != Origin::file) return place;
  return {place.origin, place.label, region.begin.line, region.begin.column};
}

std::string shown(const toml::node& node) {
  if (node.is_array()) return "an array";
  if (node.is_table()) return "a table";
  if (const auto* text = node.as_string()) return '"' + printable(text->get()) + '"';
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return out.str();
}

}  // namespace mabeam::supervisor
