# Compile options shared by every target, carried by the interface target hourglass_options.
add_library(hourglass_options INTERFACE)
target_compile_options(hourglass_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor
  -Wno-restrict  # false alarms of g++ 12 on std::string (GCC bug 105651)
  # Results must not depend on what the compiler fuses; kernels that want it use intrinsics.
  -ffp-contract=off
  # Files compiled together share their unnamed namespaces.
  "$<$<BOOL:${CMAKE_UNITY_BUILD}>:-Wno-shadow;-Wno-subobject-linkage>"
  $<$<BOOL:${HOURGLASS_WERROR}>:-Werror>)
if(HOURGLASS_SANITIZE)
  target_compile_options(hourglass_options INTERFACE
    -O1 -g1 -fsanitize=${HOURGLASS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    -Wno-maybe-uninitialized)  # false alarms of g++ 12 inside <regex> under sanitizers
  target_link_options(hourglass_options INTERFACE -fsanitize=${HOURGLASS_SANITIZE})
endif()

# For targets that take longer to optimise than to run. Link it last: the last -O counts.
add_library(unoptimised INTERFACE)
target_compile_options(unoptimised INTERFACE -O0)
add_library(unoptimised_if_sanitized INTERFACE)
if(HOURGLASS_SANITIZE)
  target_link_libraries(unoptimised_if_sanitized INTERFACE unoptimised)
endif()

# A library of the project: include path, warnings, no surprises.
function(hourglass_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/host)
  target_link_libraries(${name} PRIVATE hourglass_options)
endfunction()
