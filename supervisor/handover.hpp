// Handover (USR2): the program that is in the supervisor's place in the file system now takes its
// place in the process, too, by exec: its children, its number, its lock and its bell stay.
//
//   checking   NEW ARGUMENTS --handover-check runs as a child. It reads the configuration, looks at
//              the segment, says how it lays segments out, and ends with 0
//   passed     it can take over: the exec comes as soon as no worker is just being ended, since why
//              it is ended is known to this program alone
//
// Nothing is given up before the exec, so whatever keeps the new program from taking over, this one
// goes on.
#pragma once

#include "supervisor/event_loop.hpp"
#include "supervisor/inheritance.hpp"
#include "supervisor/invocation.hpp"
#include "supervisor/spawn.hpp"
#include "supervisor/worker_exit.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>
#include <sys/types.h>

namespace mabeam::supervisor {

/// The line that says who could take over what: "mabeam-handover 1 7 0123456789abcdef default 1.0":
/// the protocol, the layout's version and hash, the runtime, the program's version.
std::string handover_text(std::string_view runtime);

/// Why a program that has ended so, and said that, does not take over from one that would say
/// `own`. Nothing: it does.
std::optional<std::string> find_objection(ChildStatus status, std::string_view said,
                                          std::string_view own);

class Handover {
 public:
  explicit Handover(Invocation invocation) : invocation_(std::move(invocation)) {}

  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  ~Handover() { cancel(); }

  [[nodiscard]] const std::string& program() const { return invocation_.program; }

  /// Starts the check. Returns why that cannot be done.
  std::optional<std::string> begin(std::string_view runtime, Time now);

  /// The check is over, or has taken too long.
  [[nodiscard]] bool is_due(Time now) const;

  /// Ends the check. Why the new program does not take over; nothing: it has passed.
  std::optional<std::string> conclude();

  [[nodiscard]] bool is_under_way() const { return is_checking() || has_passed_; }

  [[nodiscard]] bool has_passed() const { return has_passed_; }

  /// Runs the new program in this process. Returns only if that fails: why.
  std::string take_place(const Inheritance& inheritance);

  /// Ends the check.
  void cancel() noexcept;

  /// Becomes readable at the end of the check; -1: there is none.
  [[nodiscard]] int fd() const { return child_.pidfd.get(); }

  [[nodiscard]] Time deadline() const { return deadline_; }

  /// True for the process of the check.
  [[nodiscard]] bool is_one_of(pid_t pid) const { return is_checking() && child_.pid == pid; }

 private:
  [[nodiscard]] bool is_checking() const { return static_cast<bool>(child_.pidfd); }

  [[nodiscard]] std::optional<std::string> judge() const;

  Invocation invocation_;
  SpawnOptions options_;
  std::string own_;  // what this program would say
  Child child_;
  Descriptor output_;

  struct stat file_ {};  // the program that was asked

  Time deadline_ = kNever;
  bool has_passed_ = false;
};

}  // namespace mabeam::supervisor
