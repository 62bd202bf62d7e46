hourglass_test(test_data
  SOURCES test_idx.cpp test_idx_images.cpp test_sha256.cpp test_mnist.cpp test_strokes.cpp
          test_dataset.cpp
  LIBRARIES hourglass_data)

find_package(Python3 COMPONENTS Interpreter QUIET)
if(Python3_Interpreter_FOUND)
  add_test(NAME test_fetch_mnist
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/cli/test_fetch_mnist.py)
endif()
