#include "cuda/cublaslt_library.h"

#include <dlfcn.h>

#include <type_traits>

#include "cuda/gemm.h"
#include "hourglass/error.h"

namespace hourglass::cuda {
namespace {

struct Loaded {
  CublasLt functions;
  std::string problem;
};

/// The version that the headers describe: functions and structures of another may differ.
std::string file_name() { return "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR); }

Loaded load() {
  Loaded loaded;
  // Never closed: it registers what runs at the process's end.
  void* const library = dlopen(file_name().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    loaded.problem = "no " + file_name() + " that can be loaded";
    if (reason != nullptr) loaded.problem += " (" + std::string(reason) + ")";
    return loaded;
  }
  const auto find = [&](auto& function, const char* name) {
    void* const address = dlsym(library, name);
    if (address == nullptr) loaded.problem = file_name() + " without the function " + name;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
  };
  CublasLt& f = loaded.functions;
  find(f.create, "cublasLtCreate");
  find(f.destroy, "cublasLtDestroy");
  find(f.version, "cublasLtGetVersion");
  find(f.status_string, "cublasLtGetStatusString");
  find(f.matmul, "cublasLtMatmul");
  find(f.algorithm_check, "cublasLtMatmulAlgoCheck");
  find(f.heuristic, "cublasLtMatmulAlgoGetHeuristic");
  find(f.description_create, "cublasLtMatmulDescCreate");
  find(f.description_destroy, "cublasLtMatmulDescDestroy");
  find(f.description_set, "cublasLtMatmulDescSetAttribute");
  find(f.preference_create, "cublasLtMatmulPreferenceCreate");
  find(f.preference_destroy, "cublasLtMatmulPreferenceDestroy");
  find(f.preference_set, "cublasLtMatmulPreferenceSetAttribute");
  find(f.layout_create, "cublasLtMatrixLayoutCreate");
  find(f.layout_destroy, "cublasLtMatrixLayoutDestroy");
  return loaded;
}

const Loaded& loaded() {
  static const Loaded library = load();
  return library;
}

}  // namespace

std::string cublaslt_problem() { return loaded().problem; }

const CublasLt& cublaslt() {
  if (loaded().problem.empty()) return loaded().functions;
  throw DeviceError({"the CUDA engine", "cuBLASLt " + std::to_string(CUBLAS_VER_MAJOR),
                     loaded().problem, std::string(products_remedy)});
}

std::string Gemm::problem() { return cublaslt_problem(); }

}  // namespace hourglass::cuda
