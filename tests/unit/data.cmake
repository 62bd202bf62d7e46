hourglass_test(test_data UNOPTIMISED
  SOURCES test_idx.cpp test_idx_images.cpp test_sha256.cpp test_mnist.cpp test_strokes.cpp
          test_dataset.cpp
  LIBRARIES hourglass_data
  LABELS unit)
