#include "hourglass/network_spec.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>

#include "hourglass/error.h"

namespace hourglass {
namespace {

constexpr std::int64_t max_width = 1'000'000;

std::string joined(const std::vector<std::int64_t>& widths) {
  std::string text;
  for (const std::int64_t width : widths) text += (text.empty() ? "" : "-") + std::to_string(width);
  return text;
}

std::vector<std::int64_t> mirrored(std::vector<std::int64_t> encoder) {
  for (std::size_t i = encoder.size() - 1; i-- > 0;) encoder.push_back(encoder[i]);
  return encoder;
}

}  // namespace

int NetworkSpec::encoder_layers() const {
  const auto narrowest = std::min_element(widths.begin() + 1, widths.end() - 1);
  return static_cast<int>(narrowest - widths.begin());
}

std::int64_t NetworkSpec::parameter_count() const {
  std::int64_t count = 0;
  for (const LayerSlot& slot : parameter_layout(*this)) count += (slot.in + 1) * slot.out;
  return count;
}

void NetworkSpec::validate() const {
  if (widths.size() < 3)
    throw UsageError(
        "a network needs at least two layers, that is three widths, for example "
        "784,196,784; found " +
        std::to_string(widths.size()) + " width(s)");
  if (activations.size() + 1 != widths.size())
    throw UsageError("a network with " + std::to_string(widths.size()) + " widths needs " +
                     std::to_string(widths.size() - 1) + " activations, found " +
                     std::to_string(activations.size()));
  for (const std::int64_t width : widths)
    if (width < 1 || width > max_width)
      throw UsageError("every width must be between 1 and " + std::to_string(max_width) +
                       ", found " + std::to_string(width));
  if (widths.front() != widths.back())
    throw UsageError("an autoencoder's output is as wide as its input: found input " +
                     std::to_string(widths.front()) + ", output " + std::to_string(widths.back()));
}

std::string NetworkSpec::describe() const {
  std::string text = joined(widths);
  for (std::size_t l = 0; l < activations.size(); ++l)
    text += (l == 0 ? " " : ",") + std::string(name(activations[l]));
  return text;
}

std::vector<std::int64_t> parse_widths(std::string_view text) {
  std::vector<std::int64_t> widths;
  const char* cursor = text.data();
  const char* const end = cursor + text.size();
  const auto refuse = [&](const char* expected) {
    throw UsageError(Finding{"--widths", expected, "'" + std::string(text) + "'",
                             "Write for example 784,392,196."});
  };
  for (;;) {
    std::int64_t width = 0;
    const auto [next, error] = std::from_chars(cursor, end, width);
    if (error != std::errc{} || width < 1 || width > max_width)
      refuse("whole numbers from 1 to 1000000");
    widths.push_back(width);
    if (next == end) break;
    if (*next != ',' && *next != '-') refuse("',' or '-' between numbers");
    cursor = next + 1;
  }
  if (widths.front() == widths.back()) return widths;
  if (std::ranges::adjacent_find(widths, std::less_equal<>{}) == widths.end())
    return mirrored(std::move(widths));
  // Neither: a slip in a whole list, or an encoder that does not only get narrower.
  throw UsageError(
      Finding{"--widths",
              "all widths, ending as they begin, or an encoder's, each less than the one before",
              "'" + std::string(text) + "'",
              "As all widths it would end in " + std::to_string(widths.front()) + ", not in " +
                  std::to_string(widths.back()) + "; as an encoder's it would be mirrored to " +
                  joined(mirrored(widths)) + ". Write the network you mean in full."});
}

std::vector<LayerSlot> parameter_layout(const NetworkSpec& network) {
  std::vector<LayerSlot> slots;
  std::int64_t offset = 0;
  for (std::size_t l = 0; l + 1 < network.widths.size(); ++l) {
    LayerSlot slot{network.widths[l], network.widths[l + 1], offset, 0};
    slot.bias = offset + slot.in * slot.out;
    offset = slot.bias + slot.out;
    slots.push_back(slot);
  }
  return slots;
}

}  // namespace hourglass
