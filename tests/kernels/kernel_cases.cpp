#include "kernels/kernel_cases.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iostream>
#include <sstream>
#include <type_traits>
#include <utility>

#include "support/catch.h"
#include "support/numbers.h"

#ifdef HOURGLASS_EMULATOR
#include "emulator/control.h"
#endif

namespace hourglass::test {
namespace {

std::int64_t& total_count() {
  static std::int64_t count = 0;
  return count;
}

constexpr std::int64_t table_size = 1 << 20;

std::vector<float> from_table(const std::vector<float>& table, std::int64_t count,
                              std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::size_t place = static_cast<std::size_t>(seed * 7919 % table_size);
  for (float& value : values) {
    value = table[place];
    place = (place + 1) % table_size;
  }
  return values;
}

template <typename T>
std::string difference(const std::vector<T>& found, const std::vector<T>& expected) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  if (found.size() != expected.size())
    return std::to_string(found.size()) + " numbers instead of " + std::to_string(expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::isnan(found[i]) && std::isnan(expected[i])) continue;
    if (std::bit_cast<Bits>(found[i]) == std::bit_cast<Bits>(expected[i])) continue;
    std::ostringstream text;
    text.precision(17);
    text << "number " << i << ": expected " << expected[i] << ", found " << found[i];
    return text.str();
  }
  return {};
}

}  // namespace

#if defined(__SANITIZE_THREAD__)
std::vector<std::int64_t> kernel_sizes() { return {1, 7, 33, 129}; }
#elif defined(__SANITIZE_ADDRESS__)
std::vector<std::int64_t> kernel_sizes() { return {1, 3, 8, 17, 31, 64, 65, 129, 257}; }
#else
std::vector<std::int64_t> kernel_sizes() { return {awkward_sizes.begin(), awkward_sizes.end()}; }
#endif

bool all_kernel_sizes() { return kernel_sizes().size() == awkward_sizes.size(); }

// Thousands of small buffers: taking device memory from the host and back for each copy would take
// most of the time. Bounds are checked all the same.
ExactCases::ExactCases(std::string kernel) : kernel_(std::move(kernel)) {
#ifdef HOURGLASS_EMULATOR
  emulator::protect_device_memory(false);
#endif
}

ExactCases::~ExactCases() {
#ifdef HOURGLASS_EMULATOR
  emulator::protect_device_memory(true);
#endif
  std::cout << "exact cases: " << count_ << " of " << kernel_ << ", " << total() << " so far\n";
}

void ExactCases::add(const std::string& where, const std::string& difference) {
  ++count_;
  ++total_count();
  if (difference.empty()) return;
  INFO(kernel_ << " " << where);
  CHECK(difference == "");
}

std::int64_t ExactCases::total() { return total_count(); }

std::vector<float> small_whole_numbers(std::int64_t count, std::uint64_t seed) {
  static const std::vector<float> table = whole_numbers(table_size, 1, 6);
  return from_table(table, count, seed);
}

std::vector<float> byte_numbers(std::int64_t count, std::uint64_t seed) {
  static const std::vector<float> table = [] {
    std::vector<float> values = whole_numbers(table_size, 2, 127);
    for (float& value : values) value = value == 127.0F ? 255.0F : value + 127.0F;
    return values;
  }();
  return from_table(table, count, seed);
}

std::string first_difference(const std::vector<float>& found, const std::vector<float>& expected) {
  return difference(found, expected);
}
std::string first_difference(const std::vector<double>& found,
                             const std::vector<double>& expected) {
  return difference(found, expected);
}

std::string shape_text(std::int64_t rows, std::int64_t columns, std::uint64_t variant) {
  return std::to_string(rows) + " x " + std::to_string(columns) + ", variant " +
         std::to_string(variant);
}

}  // namespace hourglass::test
