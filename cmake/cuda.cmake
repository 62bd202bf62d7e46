# Decides whether this build has the CUDA engine: sets HOURGLASS_WITH_CUDA, and enables the language.
# AUTO is OFF under sanitizers: what they look at runs on the emulator.
set(HOURGLASS_WITH_CUDA OFF)
if(HOURGLASS_CUDA STREQUAL "ON" OR (HOURGLASS_CUDA STREQUAL "AUTO" AND NOT HOURGLASS_SANITIZE))
  find_package(CUDAToolkit 12 QUIET)
  include(CheckLanguage)
  check_language(CUDA)
  if(CUDAToolkit_FOUND AND TARGET CUDA::cublasLt AND CMAKE_CUDA_COMPILER)
    set(HOURGLASS_WITH_CUDA ON)
  elseif(HOURGLASS_CUDA STREQUAL "ON")
    message(FATAL_ERROR
      "HOURGLASS_CUDA=ON, but no CUDA toolkit 12 or later with nvcc and cuBLASLt was found. Put "
      "nvcc on the PATH or set CMAKE_CUDA_COMPILER and CUDAToolkit_ROOT, or use HOURGLASS_CUDA=OFF.")
  endif()
endif()

if(HOURGLASS_WITH_CUDA)
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    # The last one as PTX too, for what comes after it. CUDA 12.8 brought 100.
    if(CUDAToolkit_VERSION VERSION_LESS 12.8)
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
    else()
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100)
    endif()
  endif()
  enable_language(CUDA)
  if(NOT cuda_std_20 IN_LIST CMAKE_CUDA_COMPILE_FEATURES)
    # nvcc 12 and later can, but CMake 3.25 does not know it.
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
  message(STATUS
    "CUDA engine: yes, CUDA ${CUDAToolkit_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")
else()
  message(STATUS "CUDA engine: no (HOURGLASS_CUDA=${HOURGLASS_CUDA})")
endif()
