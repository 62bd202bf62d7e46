#include "emulator/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <system_error>

#include "emulator/pages.h"
#include "emulator/sanitizers.h"

namespace emulator {
namespace {

constexpr std::size_t alignment = 256;  // what cudaMalloc promises
constexpr std::size_t checked_before = 256;

std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

// The slack around an allocation is poisoned for AddressSanitizer too; this is the one reader of
// it.
__attribute__((no_sanitize("address"))) bool untouched(const std::byte* begin,
                                                       const std::byte* end) {
  for (const std::byte* place = begin; place != end; ++place) {
    if (*place != poison) return false;
  }
  return true;
}

const std::byte* data_end(const Allocation& allocation) {
  return allocation.mapping + allocation.mapped_bytes - page;
}

const char* name_of(MemoryKind kind) {
  return kind == MemoryKind::device ? "device" : "pinned host";
}

[[noreturn]] void throw_system_error(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

}  // namespace

Memory::~Memory() {
  for (const auto& [key, allocation] : allocations_) {
    asan::unpoison(allocation.mapping, allocation.mapped_bytes);
    munmap(allocation.mapping, allocation.mapped_bytes);
  }
}

std::byte* Memory::allocate(MemoryKind kind, std::size_t bytes) {
  if (bytes > limit_) return nullptr;
  if (kind == MemoryKind::device && bytes > limit_ - std::min(limit_, device_bytes_)) {
    return nullptr;
  }
  const std::size_t data = round_up(bytes, page);
  void* mapping = mmap(nullptr, data + 2 * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  auto* first = static_cast<std::byte*>(mapping);
  // At the end of its pages, so that the first byte past it is as near to the guard page as can be.
  Allocation allocation{kind, first + page + data - round_up(bytes, alignment), bytes, first,
                        data + 2 * page};
  std::memset(first + page, static_cast<int>(poison), data);
  if (mprotect(first, page, PROT_NONE) != 0 ||
      mprotect(first + page + data, page, PROT_NONE) != 0) {
    throw_system_error("mprotect");
  }
  asan::poison(first + page, data);
  asan::unpoison(allocation.begin, bytes);
  if (kind == MemoryKind::device) device_bytes_ += bytes;
  apply_protection(allocation);
  allocations_.emplace(first, allocation);
  return allocation.begin;
}

bool Memory::release(MemoryKind kind, void* pointer) {
  const Allocation* found = find(pointer);
  if (found == nullptr || found->begin != pointer || found->kind != kind) return false;
  Allocation& allocation = allocations_.at(found->mapping);
  allocation.live = false;
  if (kind == MemoryKind::device) device_bytes_ -= allocation.bytes;
  asan::unpoison(allocation.mapping, allocation.mapped_bytes);
  // Gives the memory back and keeps the addresses, so that a later use is seen.
  if (mmap(allocation.mapping, allocation.mapped_bytes, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
    throw_system_error("mmap");
  }
  return true;
}

void Memory::forget_released() {
  std::erase_if(allocations_, [](const auto& entry) {
    const Allocation& allocation = entry.second;
    if (!allocation.live) munmap(allocation.mapping, allocation.mapped_bytes);
    return !allocation.live;
  });
}

const Allocation* Memory::find(const void* address) const {
  const auto* place = static_cast<const std::byte*>(address);
  auto next = allocations_.upper_bound(place);
  if (next == allocations_.begin()) return nullptr;
  const Allocation& allocation = std::prev(next)->second;
  const bool inside = place >= allocation.begin && place <= allocation.end();
  return allocation.live && inside ? &allocation : nullptr;
}

bool Memory::is(MemoryKind kind, const void* address) const {
  const Allocation* allocation = find(address);
  return allocation != nullptr && allocation->kind == kind;
}

std::string Memory::describe(const void* address) const {
  const auto* place = static_cast<const std::byte*>(address);
  std::ostringstream text;
  text << address << " (";
  auto next = allocations_.upper_bound(place);
  if (next != allocations_.begin()) {
    const Allocation& near = std::prev(next)->second;
    if (place < near.mapping + near.mapped_bytes) {
      if (place < near.begin) {
        text << near.begin - place << " bytes before";
      } else if (place >= near.end()) {
        text << place - near.end() << " bytes past the end of";
      } else {
        text << "byte " << place - near.begin << " of";
      }
      text << (near.live ? " a " : " a freed ") << name_of(near.kind) << " allocation of "
           << near.bytes << " bytes)";
      return text.str();
    }
  }
  text << (address == nullptr ? "null" : "no memory of the emulated device") << ')';
  return text.str();
}

std::string Memory::range_problem(const void* begin, std::size_t bytes) const {
  const auto* place = static_cast<const std::byte*>(begin);
  const Allocation* allocation = find(begin);
  if (allocation == nullptr) return describe(begin) + " is not in a live allocation";
  const auto left = static_cast<std::size_t>(allocation->end() - place);
  if (bytes <= left) return {};
  return std::to_string(bytes) + " bytes from " + describe(begin) + " run " +
         std::to_string(bytes - left) + " bytes past its end";
}

std::string Memory::overwritten() const {
  for (const auto& [key, allocation] : allocations_) {
    if (!allocation.live) continue;
    const std::byte* first =
        std::max<const std::byte*>(allocation.mapping + page, allocation.begin - checked_before);
    const bool before = !untouched(first, allocation.begin);
    if (before || !untouched(allocation.end(), data_end(allocation))) {
      return std::string(before ? "just before" : "just past the end of") + " a " +
             name_of(allocation.kind) + " allocation of " + std::to_string(allocation.bytes) +
             " bytes";
    }
  }
  return {};
}

std::size_t Memory::live_count(MemoryKind kind) const {
  return static_cast<std::size_t>(std::count_if(
      allocations_.begin(), allocations_.end(),
      [kind](const auto& entry) { return entry.second.live && entry.second.kind == kind; }));
}

void Memory::open(bool for_operations) {
  if (open_ == for_operations) return;
  open_ = for_operations;
  if (!protect_) return;
  for (const auto& [key, allocation] : allocations_) apply_protection(allocation);
}

void Memory::set_protected(bool protect) {
  protect_ = protect;
  for (const auto& [key, allocation] : allocations_) apply_protection(allocation);
}

void Memory::apply_protection(const Allocation& allocation) const {
  if (!allocation.live || allocation.kind != MemoryKind::device) return;
  const int access = open_ || !protect_ ? PROT_READ | PROT_WRITE : PROT_NONE;
  if (mprotect(allocation.mapping + page, allocation.mapped_bytes - 2 * page, access) != 0) {
    throw_system_error("mprotect");
  }
}

}  // namespace emulator
