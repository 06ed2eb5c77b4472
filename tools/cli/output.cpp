#include "tools/cli/output.hpp"

#include "tools/cli/json.hpp"

#include <cerrno>
#include <ostream>
#include <system_error>

namespace mabeam::tools {

Output::Output(std::ostream& out, std::ostream& err, Style style)
    : out_(out),
      err_(err),
      style_(style) {
}

void Output::print(std::string_view text) {
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out_ && write_errno_ == 0) write_errno_ = errno;
}

void Output::document(const Json& fields) {
  has_document_ = true;
  print(dump(tools::document(fields)) + '\n');
}

void Output::note(std::string_view text) {
  err_ << "mabeam";
  if (!command_.empty()) err_ << ' ' << command_;
  err_ << ": " << text << '\n' << std::flush;
}

void Output::print_error(std::string_view text) {
  err_ << text << std::flush;
}

void Output::report(const Failure& failure) {
  note(failure.message);
  if (json_ && !has_document_) {
    document({{"error", error_document(failure)}});
  }
}

bool Output::flush() {
  errno = 0;
  out_.flush();
  if (!out_ && write_errno_ == 0) write_errno_ = errno;
  return static_cast<bool>(out_);
}

std::string Output::write_error() const {
  if (write_errno_ == 0) return "the stream is closed";
  return std::generic_category().message(write_errno_);
}

}  // namespace mabeam::tools
