// cuBLASLt, loaded when the first engine is made: the command starts and trains on the CPU on
// machines that do not have the library, which is half a gigabyte.
#pragma once

#include <cublasLt.h>

#include <string>

namespace hourglass::cuda {

/// The library's functions that the engine calls, by their names without the prefix.
struct CublasLt {
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtGetVersion) version = nullptr;
  decltype(&cublasLtGetStatusString) status_string = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulAlgoCheck) algorithm_check = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtMatmulDescCreate) description_create = nullptr;
  decltype(&cublasLtMatmulDescDestroy) description_destroy = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) description_set = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
};

/// The loaded library. Throws DeviceError where cublaslt_problem() has something to say.
[[nodiscard]] const CublasLt& cublaslt();

/// Why the library cannot be used; empty if it can. Loads it.
[[nodiscard]] std::string cublaslt_problem();

}  // namespace hourglass::cuda
