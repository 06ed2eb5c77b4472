#include "tools/dump/symboliser.hpp"

#include <elfutils/libdwfl.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <utility>

#include <cxxabi.h>
#include <sys/stat.h>

namespace mabeam::tools {

namespace {

bool is_plain_file(const std::string& path) {
  struct stat status {};

  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::string demangled(const char* name) {
  int status = -1;
  const std::unique_ptr<char, decltype(&std::free)> text{
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free};
  return status == 0 ? text.get() : name;
}

std::string hex_digits(std::span<const unsigned char> bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 15U];
  }
  return text;
}

// The standard way to find separate debug information would ask servers for it.
const Dwfl_Callbacks kCallbacks{.find_elf = dwfl_build_id_find_elf,
                                .find_debuginfo = dwfl_build_id_find_debuginfo,
                                .section_address = dwfl_offline_section_address,
                                .debuginfo_path = nullptr};

}  // namespace

struct Symboliser::Module {
  Module() : session(dwfl_begin(&kCallbacks), &dwfl_end) {}

  void open(const ModuleView& view) {
    if (session == nullptr || !is_plain_file(view.path)) {
      trouble = "the file is gone";
      return;
    }
    dwfl_report_begin(session.get());
    module = dwfl_report_offline(session.get(), "", view.path.c_str(), -1);
    dwfl_report_end(session.get(), nullptr, nullptr);
    if (module == nullptr || dwfl_module_getelf(module, &bias) == nullptr) {
      trouble = "the file is no program";
      module = nullptr;
      return;
    }
    const unsigned char* id = nullptr;
    GElf_Addr at = 0;
    const int bytes = dwfl_module_build_id(module, &id, &at);
    const std::string found =
        bytes > 0 ? hex_digits({id, static_cast<std::size_t>(bytes)}) : std::string{};
    if (found == view.build_id) return;
    trouble = "the file is another build";
    module = nullptr;
  }

  std::unique_ptr<Dwfl, decltype(&dwfl_end)> session;
  Dwfl_Module* module = nullptr;
  GElf_Addr bias = 0;
  std::string trouble;
};

Symboliser::Symboliser() = default;
Symboliser::~Symboliser() = default;

Symboliser::Module& Symboliser::module_of(const ModuleView& view) {
  std::unique_ptr<Module>& module = modules_[view.path + '\n' + view.build_id];
  if (module == nullptr) {
    module = std::make_unique<Module>();
    module->open(view);
  }
  return *module;
}

FramePlace Symboliser::find(const BacktraceView& backtrace, std::size_t frame) {
  const FrameView& view = backtrace.frames.at(frame);
  const auto named = std::find_if(backtrace.modules.begin(), backtrace.modules.end(),
                                  [&](const ModuleView& each) { return each.path == view.module; });
  if (view.module.empty() || named == backtrace.modules.end()) return {};
  const Module& module = module_of(*named);
  FramePlace place;
  place.trouble = module.trouble;
  if (module.module == nullptr) return place;
  // All but the innermost are return addresses: the call lies before.
  const GElf_Addr address = view.address + module.bias - (frame == 0 ? 0 : 1);
  GElf_Sym symbol{};
  GElf_Off offset = 0;
  const char* name =
      dwfl_module_addrinfo(module.module, address, &offset, &symbol, nullptr, nullptr, nullptr);
  if (name != nullptr) {
    place.function = demangled(name);
    place.offset = offset;
  }
  if (Dwfl_Line* line = dwfl_module_getsrc(module.module, address)) {
    const char* file = dwfl_lineinfo(line, nullptr, &place.line, nullptr, nullptr, nullptr);
    if (file != nullptr) place.file = file;
  }
  return place;
}

}  // namespace mabeam::tools
