// A driver library that has no device to offer: what the CUDA runtime finds where all GPUs are
// hidden. Built as libcuda.so.1; only the answers that the runtime asks for before it gives up.
#include <cstdint>
#include <cstring>

namespace {

constexpr int success = 0;
constexpr int no_device = 100;

}  // namespace

extern "C" {

int cuInit(unsigned) { return no_device; }

int cuDriverGetVersion(int* version) {
  *version = 99000;  // newer than any runtime
  return success;
}

int cuGetProcAddress_v2(const char* name, void** address, int, std::uint64_t, void* status) {
  const auto refuse = [](void*) { return no_device; };
  *address = reinterpret_cast<void*>(+refuse);
  if (std::strcmp(name, "cuInit") == 0) *address = reinterpret_cast<void*>(&cuInit);
  if (std::strcmp(name, "cuDriverGetVersion") == 0)
    *address = reinterpret_cast<void*>(&cuDriverGetVersion);
  if (std::strncmp(name, "cuGetProcAddress", 16) == 0)
    *address = reinterpret_cast<void*>(&cuGetProcAddress_v2);
  if (status != nullptr) std::memset(status, 0, sizeof(int));
  return success;
}

int cuGetProcAddress(const char* name, void** address, int version, std::uint64_t flags) {
  return cuGetProcAddress_v2(name, address, version, flags, nullptr);
}

}  // extern "C"
