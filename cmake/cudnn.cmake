# cuDNN, for the GPU tests and the benchmark of kernels: sets HOURGLASS_WITH_CUDNN and, where it is
# found, the target hourglass_cudnn (its headers; it is loaded at run time) and CUDNN_LIBRARY_DIR.
# The product never needs it.
set(HOURGLASS_WITH_CUDNN OFF)
if(HOURGLASS_CUDNN STREQUAL "ON" OR (HOURGLASS_CUDNN STREQUAL "AUTO" AND HOURGLASS_WITH_CUDA))
  find_path(CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES cudnn)
  find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9
    HINTS ${CUDAToolkit_LIBRARY_DIR} PATH_SUFFIXES lib lib64)
  mark_as_advanced(CUDNN_INCLUDE_DIR CUDNN_LIBRARY)
  if(HOURGLASS_WITH_CUDA AND CUDNN_INCLUDE_DIR AND CUDNN_LIBRARY)
    set(HOURGLASS_WITH_CUDNN ON)
    add_library(hourglass_cudnn INTERFACE)
    target_include_directories(hourglass_cudnn SYSTEM INTERFACE ${CUDNN_INCLUDE_DIR})
    get_filename_component(CUDNN_LIBRARY_DIR ${CUDNN_LIBRARY} DIRECTORY)
  elseif(HOURGLASS_CUDNN STREQUAL "ON")
    message(FATAL_ERROR
      "HOURGLASS_CUDNN=ON, but the CUDA engine, cudnn.h or libcudnn was not found. Set "
      "CUDNN_INCLUDE_DIR and CUDNN_LIBRARY, or use HOURGLASS_CUDNN=OFF.")
  endif()
endif()
message(STATUS
  "cuDNN beside the kernels: ${HOURGLASS_WITH_CUDNN} (HOURGLASS_CUDNN=${HOURGLASS_CUDNN})")
