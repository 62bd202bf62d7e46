// Loading cuBLASLt where there is none: this test's header asks for a version that no machine has.
#include <string>

#include "cuda/cublaslt_library.h"
#include "hourglass/error.h"
#include "support/catch.h"

using namespace hourglass;
using Catch::Contains;

TEST_CASE("cuBLASLt: where it is missing, the message has the loader's reason") {
  CHECK_THAT(cuda::cublaslt_problem(), Contains("no libcublasLt.so.999 that can be loaded (") &&
                                           Contains("cannot open shared object file"));
  CHECK_THROWS_AS(cuda::cublaslt(), DeviceError);
}
