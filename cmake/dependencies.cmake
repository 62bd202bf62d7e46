# Finds the libraries. A missing one is named with the Debian/Ubuntu package that brings it; all are
# reported at once.
set(missing_packages "")

find_package(Threads REQUIRED)
find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  list(APPEND missing_packages zlib1g-dev)
endif()
find_package(PNG QUIET)
if(NOT PNG_FOUND)
  list(APPEND missing_packages libpng-dev)
endif()
find_package(Eigen3 QUIET NO_MODULE)
if(NOT TARGET Eigen3::Eigen)
  list(APPEND missing_packages libeigen3-dev)
endif()
find_package(nlohmann_json QUIET)
if(NOT nlohmann_json_FOUND)
  list(APPEND missing_packages nlohmann-json3-dev)
endif()
find_package(CLI11 QUIET)
if(NOT CLI11_FOUND)
  list(APPEND missing_packages libcli11-dev)
endif()
# Not by find_package(dnnl): Debian's configuration file asks for OpenCL's headers, which its package
# does not bring and nothing here needs.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
find_library(DNNL_LIBRARY dnnl)
if(DNNL_INCLUDE_DIR AND DNNL_LIBRARY)
  add_library(DNNL::dnnl UNKNOWN IMPORTED)
  set_target_properties(DNNL::dnnl PROPERTIES
    IMPORTED_LOCATION ${DNNL_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
else()
  list(APPEND missing_packages libdnnl-dev)
endif()
if(HOURGLASS_TESTS)
  find_package(Catch2 3 QUIET)
  if(NOT Catch2_FOUND)
    find_package(Catch2 2 QUIET)
  endif()
  if(NOT Catch2_FOUND)
    list(APPEND missing_packages catch2)
  endif()
endif()

if(missing_packages)
  list(JOIN missing_packages " " missing_text)
  message(FATAL_ERROR
    "Libraries are missing. Install their packages: sudo apt-get install ${missing_text}\n"
    "(tools/setup.sh does that.)")
endif()
