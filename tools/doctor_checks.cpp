#include "doctor_checks.h"

#include <dlfcn.h>
#include <png.h>
#include <zlib.h>

#include <CLI/CLI.hpp>
#include <Eigen/Core>
#include <array>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cpu/kernels.h"
#include "cpu/thread_pool.h"
#include "hourglass/data.h"
#include "hourglass/error.h"
#include "hourglass/version.h"
#include "onednn/product.h"

namespace hourglass::tools {
namespace {

namespace fs = std::filesystem;

/// The text after the colon of the first line of /proc/cpuinfo that begins with `key`.
std::string cpu_info(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key))
      if (const auto colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "";
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string find_program(const std::string& name) {
  std::istringstream folders(environment("PATH") + ":/usr/local/cuda/bin");
  std::error_code ignored;
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && fs::exists(fs::path(folder) / name, ignored))
      return (fs::path(folder) / name).string();
  return "";
}

/// What the CUDA driver library says, through the few functions of it that are needed. Their types
/// are those of cuda.h, which a machine without the toolkit does not have.
std::string driver_text() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return "";
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(library, "cuInit"));
  const auto version = reinterpret_cast<int (*)(int*)>(dlsym(library, "cuDriverGetVersion"));
  const auto count = reinterpret_cast<int (*)(int*)>(dlsym(library, "cuDeviceGetCount"));
  const auto name = reinterpret_cast<int (*)(char*, int, int)>(dlsym(library, "cuDeviceGetName"));
  std::string text = "libcuda.so.1";
  int cuda = 0;
  if (version != nullptr && version(&cuda) == 0)
    text += ", CUDA " + std::to_string(cuda / 1000) + "." + std::to_string(cuda % 1000 / 10);
  int devices = 0;
  if (init != nullptr && count != nullptr && name != nullptr && init(0) == 0 &&
      count(&devices) == 0) {
    text += ", " + std::to_string(devices) + (devices == 1 ? " device" : " devices");
    for (int i = 0; i < devices; ++i) {
      std::array<char, 128> device{};
      if (name(device.data(), static_cast<int>(device.size()) - 1, i) == 0)
        text += std::string(i == 0 ? ": " : ", ") + device.data();
    }
  } else {
    text += ", no device";
  }
  dlclose(library);
  return text;
}

std::string space_text(const fs::path& path) {
  std::error_code error;
  fs::path existing = fs::absolute(path, error).lexically_normal();
  while (!fs::exists(existing, error) && existing.has_parent_path() &&
         existing != existing.parent_path())
    existing = existing.parent_path();
  const fs::space_info space = fs::space(existing, error);
  if (error) return "unknown: " + error.message();
  return std::to_string(space.available / 1'000'000) + " MB free at " + existing.string();
}

DoctorCheck check_mnist() {
  try {
    const DataSet data = load_dataset({"mnist"});
    return {"data", "mnist",
            "present and verified by sha256, " +
                std::to_string(data.train.count + data.validation.count) + " and " +
                std::to_string(data.test.count) + " images",
            ""};
  } catch (const MissingData&) {
    return {"data", "mnist", "not here", "Run `hourglass data fetch mnist` (11 MB)."};
  } catch (const std::exception& error) {  // whatever it is, the doctor answers
    return {"data", "mnist", std::string("not usable: ") + error.what(),
            "Run `hourglass data fetch mnist`, which also replaces damaged files."};
  }
}

}  // namespace

std::vector<DoctorCheck> check_processor() {
  const std::string flags = " " + cpu_info("flags") + " ";
  std::string found;
  for (const char* feature : {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"})
    if (flags.find(" " + std::string(feature) + " ") != std::string::npos)
      found += (found.empty() ? "" : " ") + std::string(feature);
  std::string kernels;
  for (const cpu::Kernels* table : cpu::available_kernels())
    kernels += (kernels.empty() ? "" : " ") + std::string(table->name);
  const bool portable_only = cpu::available_kernels().size() == 1;
  const std::string model = cpu_info("model name");
  return {{"processor", "model", model.empty() ? "unknown" : model, ""},
          {"processor", "instructions", found.empty() ? "none of avx2 and later" : found, ""},
          {"processor", "threads",
           std::to_string(cpu::default_threads()) + " for this process, " +
               std::to_string(std::thread::hardware_concurrency()) + " in the machine",
           ""},
          {"processor", "load", first_line("/proc/loadavg"), ""},
          {"processor", "kernels", std::string(cpu::best_kernels().name) + " (of " + kernels + ")",
           portable_only ? "Expect slow steps: this processor has no avx2." : ""},
          {"processor", "bf16", onednn::has_bf16() ? "native" : "emulated",
           onednn::has_bf16() ? "" : "--precision bf16 works, but is slower than fp32 here."}};
}

std::vector<DoctorCheck> check_libraries() {
  const auto dotted = [](int a, int b, int c) {
    return std::to_string(a) + "." + std::to_string(b) + "." + std::to_string(c);
  };
  return {{"libraries", "hourglass", std::string(version()), ""},
          {"libraries", "compiler", "g++ " __VERSION__, ""},
          {"libraries", "oneDNN", onednn::version_text(), ""},
          {"libraries", "zlib", zlibVersion(), ""},
          {"libraries", "libpng", png_get_libpng_ver(nullptr), ""},
          {"libraries", "Eigen",
           dotted(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION), ""},
          {"libraries", "nlohmann-json",
           dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                  NLOHMANN_JSON_VERSION_PATCH),
           ""},
          {"libraries", "CLI11", CLI11_VERSION, ""}};
}

std::vector<DoctorCheck> check_gpu() {
  const std::string nvcc = find_program("nvcc");
  const std::string kernel_module = first_line("/proc/driver/nvidia/version");
  const std::string driver = driver_text();
  const bool has_driver = !kernel_module.empty() || !driver.empty();
  return {{"gpu", "driver", kernel_module.empty() ? "no NVIDIA kernel module" : kernel_module,
           has_driver ? "" : "Training runs on the CPU. For an NVIDIA GPU, install its driver."},
          {"gpu", "driver library", driver.empty() ? "no libcuda.so.1" : driver, ""},
          {"gpu", "CUDA toolkit", nvcc.empty() ? "no nvcc" : nvcc,
           nvcc.empty() && has_driver
               ? "Install the CUDA toolkit and put nvcc on PATH to build for the GPU."
               : ""}};
}

std::vector<DoctorCheck> check_data() {
  const std::string set = environment("HOURGLASS_DATA_DIR");
  const std::string python = find_program("python3");
  return {check_mnist(),
          {"data", "HOURGLASS_DATA_DIR", set.empty() ? "not set" : set, ""},
          {"data", "MNIST's folder", mnist_directory(), ""},
          {"data", "python3", python.empty() ? "not found" : python,
           python.empty() ? "Install python3: it fetches MNIST." : ""},
          {"disk", "cache", space_text(mnist_directory()), ""},
          {"disk", "here", space_text("."), ""}};
}

}  // namespace hourglass::tools
