// The words that CUDA adds to C++, spelled so that g++ takes them.
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#define __grid_constant__

// The threads of a block run one at a time, and blocks one after the other, so a static variable
// can stand for a block's shared memory. The ABI tag enters the symbol's name: the emulator finds
// every shared array, of templates too, in the program's symbol table and poisons it before each
// block. `used` keeps the compiler from taking an array that no kernel writes for a constant.
#define __shared__ static __attribute__((used, aligned(16), abi_tag("hg_shared")))
