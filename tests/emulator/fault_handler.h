// Turns a memory fault inside a kernel into emulator::Fault, and explains one in host code.
#pragma once

namespace emulator {

/// Takes over SIGSEGV and SIGBUS, if something else (a test framework) has them now. Cheap.
void take_over_memory_faults();

}  // namespace emulator
