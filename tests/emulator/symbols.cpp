#include "emulator/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace emulator {
namespace {

/// How the ABI tag of __shared__ (qualifiers.h) appears in a mangled name.
constexpr const char* shared_mark = "B9hg_shared";

std::vector<char> read_program() {
  std::ifstream file("/proc/self/exe", std::ios::binary | std::ios::ate);
  std::vector<char> bytes(static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0)));
  file.seekg(0);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    throw std::runtime_error("emulator: cannot read /proc/self/exe");
  }
  return bytes;
}

/// What the loader added to the addresses in the file.
std::byte* load_address() {
  std::byte* base = nullptr;
  // The first object listed is the program itself; returning 1 ends the walk there.
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<std::byte**>(result) = reinterpret_cast<std::byte*>(info->dlpi_addr);
        return 1;
      },
      &base);
  return base;
}

template <class T>
T at(const std::vector<char>& bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
    throw std::runtime_error("emulator: the program's ELF file is cut short");
  }
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : name;
}

}  // namespace

const Symbols& Symbols::of_program() {
  static const Symbols symbols;
  return symbols;
}

Symbols::Symbols() {
  const std::vector<char> file = read_program();
  std::byte* const base = load_address();
  const auto header = at<ElfW(Ehdr)>(file, 0);
  bool found = false;
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const auto section = at<ElfW(Shdr)>(file, header.e_shoff + i * header.e_shentsize);
    if (section.sh_type != SHT_SYMTAB) continue;
    found = true;
    const auto names = at<ElfW(Shdr)>(file, header.e_shoff + section.sh_link * header.e_shentsize);
    for (std::size_t offset = 0; offset < section.sh_size; offset += section.sh_entsize) {
      const auto symbol = at<ElfW(Sym)>(file, section.sh_offset + offset);
      const char* name = file.data() + names.sh_offset + symbol.st_name;
      const int type = ELF64_ST_TYPE(symbol.st_info);
      std::byte* address = base + symbol.st_value;
      if (type == STT_FUNC) functions_.emplace(address, name);
      if (type == STT_OBJECT && std::strstr(name, shared_mark) != nullptr) {
        shared_.emplace_back(address, symbol.st_size);
      }
    }
  }
  if (!found) {
    throw std::runtime_error(
        "emulator: the program has no symbol table, so its __shared__ arrays cannot be found; "
        "do not strip it");
  }
}

std::string Symbols::function_name(const void* address) const {
  const auto entry = functions_.find(address);
  if (entry != functions_.end()) return demangled(entry->second.c_str());
  std::ostringstream text;
  text << "kernel at " << address;
  return text.str();
}

}  // namespace emulator
