// The activations a layer can have. A new one is one enumerator here and one row of files:
// host/reference/activations/NAME.h (oracle) and host/cpu/activations/NAME.h (CPU engine).
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace hourglass {

enum class Activation { relu, linear, sigmoid, tanh, gelu };

inline constexpr std::array all_activations{
    Activation::relu, Activation::linear, Activation::sigmoid, Activation::tanh, Activation::gelu};

[[nodiscard]] std::string_view name(Activation activation);

/// Reads a name such as "relu". Throws UsageError naming the nearest one.
[[nodiscard]] Activation parse_activation(std::string_view text);

}  // namespace hourglass
