// `--device auto` and `--device cuda` where the GPU is there and cannot be used: the choice of an
// engine, compiled over the emulated one.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <string>

#include "cuda_support.h"
#include "hourglass/error.h"
#include "hourglass/make_engine.h"
#include "support/catch.h"

using namespace hourglass;
using Catch::Contains;

namespace {

EngineRequest on(const std::string& device) {
  EngineRequest request;
  request.device = device;
  request.threads = 1;
  return request;
}

ChosenEngine choose(const EngineRequest& request) {
  return choose_engine(test::small_problem().plan, request);
}

void check_stand_in(const ChosenEngine& chosen, const std::string& reason) {
  CHECK(chosen.engine->info().name == "cpu");
  CHECK(chosen.request.device == "cpu");
  CHECK(chosen.request.precision == Precision::fp32);
  CHECK_THAT(chosen.note, Catch::StartsWith("on the CPU: ") && Contains(reason));
  CHECK(chosen.note.find('\n') == std::string::npos);
}

std::string refusal(const EngineRequest& request) {
  try {
    static_cast<void>(choose(request));
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::device);
    return error.what();
  }
  return "no error";
}

/// The number of the first such call when an engine is made.
std::uint64_t first_call(const std::string& name) {
  emulator::reset();
  static_cast<void>(choose(on("cuda")));
  const auto names = emulator::call_names();
  const auto found = std::find(names.begin(), names.end(), name);
  REQUIRE(found != names.end());
  return static_cast<std::uint64_t>(found - names.begin()) + 1;
}

}  // namespace

TEST_CASE("auto takes a GPU that has room, in tf32") {
  emulator::reset();
  const ChosenEngine chosen = choose(on("auto"));
  CHECK(chosen.engine->info().name == "cuda");
  CHECK(chosen.engine->info().precision == "tf32");
  CHECK(chosen.note.empty());
}

TEST_CASE("auto takes the CPU where the GPU's memory is too little; cuda is an error") {
  emulator::reset();
  emulator::set_memory_limit(20000);
  check_stand_in(choose(on("auto")), "bytes free");
  // As the command does it: first the device, then the engine.
  check_stand_in(choose(resolve(on("auto")).request), "bytes for this training");
  CHECK_THAT(refusal(on("cuda")), Contains("bytes for this training") && Contains("bytes free"));
  EngineRequest bf16 = on("auto");
  bf16.precision = Precision::bf16;
  CHECK(choose(bf16).engine->info().precision == "bf16");
  emulator::reset();
}

TEST_CASE("auto takes the CPU where others have taken the GPU; cuda is an error") {
  const std::uint64_t select = first_call("cudaSetDevice");
  constexpr auto devices_unavailable = static_cast<cudaError_t>(46);
  for (const cudaError_t error : {devices_unavailable, cudaErrorMemoryAllocation}) {
    emulator::reset();
    emulator::fail_call(select, error);
    check_stand_in(choose(on("auto")), "(" + std::to_string(static_cast<int>(error)) + ")");
    emulator::reset();
    emulator::fail_call(select, error);
    CHECK_THAT(refusal(on("cuda")), Contains("select the device"));
  }
  emulator::reset();
}

TEST_CASE("the CPU does not stand in for what only a GPU can do, nor after other errors") {
  emulator::reset();
  emulator::set_memory_limit(20000);
  EngineRequest request = on("auto");
  request.precision = Precision::tf32;
  CHECK_THAT(refusal(request), Contains("bytes free"));
  request = on("auto");
  request.stream = "stream";
  CHECK_THAT(refusal(request), Contains("bytes free"));
  request = on("auto");
  request.graphs = false;
  CHECK_THAT(refusal(request), Contains("bytes free"));
  const std::uint64_t create = first_call("cudaStreamCreateWithFlags");
  emulator::reset();
  emulator::fail_call(create, cudaErrorIllegalAddress);
  CHECK_THROWS_WITH(choose(on("auto")), Contains("cudaErrorIllegalAddress"));
  emulator::reset();
}

TEST_CASE(
    "principal components: the GPU has the sums where it has the memory, with the CPU's bits") {
  emulator::reset();
  const Images images =
      test::EngineProblem({6, 2, 6}, Activation::linear, 1, PixelType::u8).plan.train;
  const PrincipalComponents expected = principal_components(images, 2, 1);
  const auto check = [&](const EngineRequest& request, bool on_gpu) {
    const PrincipalComponents found = principal_components(images, 2, request);
    CHECK(found.mean == expected.mean);
    CHECK(found.directions == expected.directions);
    const auto names = emulator::call_names();
    CHECK((std::count(names.begin(), names.end(), "cudaMalloc") > 0) == on_gpu);
  };
  check(on("cpu"), false);
  check(on("cuda"), true);
  emulator::reset();
  emulator::set_memory_limit(20000);
  check(on("cuda"), false);
  emulator::reset();
}
