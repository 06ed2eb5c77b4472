#include "worker/loaded_modules.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include <elf.h>
#include <link.h>
#include <unistd.h>

namespace mabeam::worker {
namespace {

using shm::CrashModule;

void set_path(CrashModule& module, const char* name) {
  if (name != nullptr && *name != '\0') {
    const std::size_t length = std::min(std::strlen(name), module.path.size() - 1);
    std::copy_n(name, length, module.path.begin());
    return;
  }
  // The program itself has no name there.
  [[maybe_unused]] const auto length =
      ::readlink("/proc/self/exe", module.path.data(), module.path.size() - 1);
}

/// Finds the build id among the notes of a segment.
void take_build_id(std::span<const std::byte> notes, CrashModule& module) {
  constexpr std::size_t kAlign = 4;
  const auto padded = [](std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; };
  ElfW(Nhdr) note{};
  while (notes.size() >= sizeof note) {
    std::memcpy(&note, notes.data(), sizeof note);
    notes = notes.subspan(sizeof note);
    const std::size_t name = padded(note.n_namesz);
    const std::size_t all = name + padded(note.n_descsz);
    if (all > notes.size()) return;
    const bool is_gnu = note.n_namesz == 4 && std::memcmp(notes.data(), "GNU", 4) == 0;
    if (is_gnu && note.n_type == NT_GNU_BUILD_ID && note.n_descsz <= module.build_id.size()) {
      std::memcpy(module.build_id.data(), notes.data() + name, note.n_descsz);
      module.build_id_bytes = note.n_descsz;
      return;
    }
    notes = notes.subspan(all);
  }
}

LoadedModule module_of(const dl_phdr_info& info) {
  LoadedModule module{.begin = ~std::uint64_t{0}, .end = 0, .bias = info.dlpi_addr, .named = {}};
  set_path(module.named, info.dlpi_name);
  for (const ElfW(Phdr) & header : std::span{info.dlpi_phdr, info.dlpi_phnum}) {
    const std::uint64_t begin = info.dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD) {
      module.begin = std::min(module.begin, begin);
      module.end = std::max(module.end, begin + header.p_memsz);
    } else if (header.p_type == PT_NOTE && module.named.build_id_bytes == 0) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers.
      const auto* notes = reinterpret_cast<const std::byte*>(begin);
      take_build_id({notes, header.p_memsz}, module.named);
    }
  }
  return module;
}

}  // namespace

void LoadedModules::look() {
  count_ = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& self = *static_cast<LoadedModules*>(data);
        if (self.count_ == kMost) return 1;
        self.modules_[self.count_++] = module_of(*info);
        return 0;
      },
      this);
}

const LoadedModule* LoadedModules::find(std::uint64_t address) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (address >= modules_[i].begin && address < modules_[i].end) return &modules_[i];
  }
  return nullptr;
}

}  // namespace mabeam::worker
