hourglass_test(test_core UNOPTIMISED
  SOURCES
    test_network_spec.cpp
    test_optimizer.cpp
    test_random.cpp
  LIBRARIES hourglass_core
  LABELS unit)

# Scripts go by the last line of a test binary: the counts, not Catch2's summary.
add_test(NAME counts_are_the_last_line COMMAND test_core)
set_tests_properties(counts_are_the_last_line PROPERTIES
  ENVIRONMENT HOURGLASS_TEST_REPORT=  # counted as test_core
  PASS_REGULAR_EXPRESSION "[0-9]+ passed, 0 failed, [0-9]+ skipped[\n]$")
hourglass_test(test_reference
  SOURCES test_gradient.cpp
  LIBRARIES hourglass_reference)
hourglass_test(test_cpu
  SOURCES
    test_activation_kernels.cpp
    test_cpu_engine.cpp
    test_bf16_engine.cpp
    test_library_engine.cpp
    test_product_kernels.cpp
    test_thread_pool.cpp
    test_weight_kernels.cpp
  LIBRARIES hourglass_cpu hourglass_onednn hourglass_reference
  LABELS unit threads)
hourglass_test(test_initialise UNOPTIMISED
  SOURCES test_initialise.cpp
  LIBRARIES hourglass_initialise hourglass_cpu hourglass_reference)
hourglass_test(test_train UNOPTIMISED
  SOURCES
    test_recipe.cpp
    test_trainer.cpp
  LIBRARIES hourglass_train hourglass_cpu)
