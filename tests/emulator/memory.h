// Device and pinned host memory: exact sizes, guard pages on both sides, poisoned when new,
// addresses never used twice, device memory out of the host's reach while no operation runs.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace emulator {

enum class MemoryKind { device, pinned };

struct Allocation {
  MemoryKind kind;
  std::byte* begin;
  std::size_t bytes;
  std::byte* mapping;  ///< guard page, slack, the allocation, slack, guard page
  std::size_t mapped_bytes;
  bool live = true;

  const std::byte* end() const { return begin + bytes; }
};

class Memory {
 public:
  ~Memory();

  /// 256-byte aligned; every byte 0xff. nullptr if the limit is reached.
  std::byte* allocate(MemoryKind kind, std::size_t bytes);
  /// False if `pointer` is not a live allocation's beginning.
  bool release(MemoryKind kind, void* pointer);

  /// Gives the addresses of released allocations back: a later use of them is not seen any more.
  void forget_released();

  /// The live allocation that an address lies in or ends at; nullptr if none.
  const Allocation* find(const void* address) const;
  bool is(MemoryKind kind, const void* address) const;
  /// What an address is: "8 bytes past the end of a device allocation of 400 bytes".
  std::string describe(const void* address) const;
  /// What is wrong with a range inside an allocation; empty if nothing is.
  std::string range_problem(const void* begin, std::size_t bytes) const;
  /// An allocation whose surrounding bytes were written to; empty if there is none.
  std::string overwritten() const;

  void set_limit(std::size_t bytes) { limit_ = bytes; }
  std::size_t limit() const { return limit_; }
  std::size_t device_bytes() const { return device_bytes_; }
  std::size_t live_count(MemoryKind kind) const;

  /// Lets operations (true) or the host (false) run: the host may touch device memory only if it is
  /// not protected.
  void open(bool for_operations);
  void set_protected(bool protect);

 private:
  void apply_protection(const Allocation& allocation) const;

  std::map<const std::byte*, Allocation> allocations_;  // by beginning of the mapping
  std::size_t limit_ = std::size_t{8} << 30;
  std::size_t device_bytes_ = 0;
  bool open_ = false;
  bool protect_ = true;
};

}  // namespace emulator
