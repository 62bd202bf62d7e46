hourglass_test(test_files UNOPTIMISED
  SOURCES
    test_atomic_file.cpp
    test_checkpoint.cpp
    test_json_lines.cpp
    test_npy.cpp
    test_picture.cpp
    test_png.cpp
    test_safetensors.cpp
  LIBRARIES hourglass_files PNG::PNG ZLIB::ZLIB
  LABELS unit)
