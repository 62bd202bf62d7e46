// cudaLaunchKernelEx: takes a copy of the kernel's arguments and enqueues the launch in its stream.
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "emulator/runtime_types.h"

namespace emulator {

struct KernelCall {
  const void* function = nullptr;
  std::function<void()> thread;       ///< runs one thread of the kernel
  std::vector<const void*> pointers;  ///< the arguments that are pointers, checked at the launch
};

cudaError_t launch(const cudaLaunchConfig_t& config, KernelCall call);

template <class T>
void note_pointer(std::vector<const void*>& pointers, const T& argument) {
  if constexpr (std::is_pointer_v<T> && std::is_object_v<std::remove_pointer_t<T>>) {
    pointers.push_back(argument);
  }
}

}  // namespace emulator

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  std::tuple<Parameters...> values(std::forward<Arguments>(arguments)...);
  emulator::KernelCall call;
  call.function = reinterpret_cast<const void*>(kernel);
  std::apply([&](const auto&... value) { (emulator::note_pointer(call.pointers, value), ...); },
             values);
  call.thread = [kernel, values = std::move(values)] { std::apply(kernel, values); };
  return emulator::launch(*config, std::move(call));
}
