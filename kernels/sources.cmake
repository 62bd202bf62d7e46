# Sources of the kernels, in kernels/: nvcc compiles them for the GPU, the C++ compiler for the
# emulator.
set(hourglass_kernel_sources
  accumulate.cu activation_backward.cu adam.cu bias_activation.cu copy.cu gather.cu gemm_plain.cu
  loss.cu magnitude.cu metrics.cu)
