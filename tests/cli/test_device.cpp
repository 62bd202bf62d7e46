// Choosing a device: what is missing is said, and told apart.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "cli/cli_support.h"
#include "support/skip.h"

namespace hourglass::test {
namespace {

constexpr bool with_cuda = HOURGLASS_WITH_CUDA;
const std::string fake_driver_folder = HOURGLASS_FAKE_DRIVER;
const std::string stub_library = HOURGLASS_CUDA_STUB;

bool has_gpu() { return access("/dev/nvidiactl", F_OK) == 0; }

/// `train` with these words in this environment; makes no run directory where it fails.
CommandResult train_with(const Words& flags, const Words& environment) {
  const TemporaryFolder folder;
  const CommandResult result =
      hourglass(join(small_training(folder / "run", {"--steps", "1"}), flags), environment);
  CHECK(std::filesystem::exists(folder / "run") == (result.exit_code == 0));
  return result;
}

void require_no_device(const Words& environment, const Words& parts) {
  const CommandResult result = train_with({"--device", "cuda"}, environment);
  INFO(result.err);
  CHECK(result.exit_code == 5);
  CHECK(result.out.empty());
  CHECK_THAT(result.err, Catch::StartsWith("error: --device cuda: expected an NVIDIA GPU, found "));
  for (const std::string& part : parts) CHECK_THAT(result.err, Catch::Contains(part));

  // `auto` goes on without it, and says so in one line where the build could have used a GPU.
  const CommandResult automatic = train_with({}, environment);
  INFO(automatic.err);
  CHECK(automatic.exit_code == 0);
  const std::size_t begin = automatic.err.find("device  on the CPU: ");
  CHECK((begin != std::string::npos) == with_cuda);
  if (begin != std::string::npos) {
    CHECK_THAT(automatic.err, Catch::Contains(parts.front()));
    CHECK(automatic.err.find("device  ", begin + 1) == std::string::npos);
  }
}

}  // namespace

TEST_CASE("device: without a driver, or in a build without CUDA") {
  if (with_cuda && has_gpu()) return skip("this machine has an NVIDIA GPU");
  require_no_device({}, {with_cuda ? "no NVIDIA driver" : "a build without CUDA", "--device cpu"});
}

TEST_CASE("device: the toolkit's stub in place of a driver") {
  if (!with_cuda) return skip("this build has no CUDA");
  if (!std::filesystem::exists(stub_library)) return skip("this CUDA toolkit has no stub library");
  const TemporaryFolder folder;
  std::filesystem::create_symlink(stub_library, folder / "libcuda.so.1");
  require_no_device({"LD_LIBRARY_PATH=" + (folder / ".")}, {"stub", "LD_LIBRARY_PATH"});
}

TEST_CASE("device: hidden GPUs, and a driver without any") {
  if (!with_cuda) return skip("this build has no CUDA");
  const std::string path = "LD_LIBRARY_PATH=" + fake_driver_folder;
  require_no_device({path, "CUDA_VISIBLE_DEVICES="},
                    {"hidden by CUDA_VISIBLE_DEVICES=\"\"", "Unset CUDA_VISIBLE_DEVICES"});
  if (std::getenv("CUDA_VISIBLE_DEVICES") == nullptr)
    require_no_device({path}, {"a driver, but no NVIDIA GPU", "nvidia-smi"});
}

TEST_CASE("device: names and options that make no sense are errors of usage") {
  const auto refused = [](const Words& flags, const Words& parts) {
    const TemporaryFolder folder;
    require_failure(join(small_training(folder / "run"), flags), 2, parts);
  };
  refused({"--device", "cuda:abc"}, {"--device cuda:abc", "'abc'"});
  refused({"--device", "cuda:"}, {"--device cuda:", "''"});
  refused({"--device", "cuda:-1"}, {"--device cuda:-1"});
  refused({"--device", "cuda:1x"}, {"--device cuda:1x"});
  refused({"--device", "cuda:99999999999"}, {"--device cuda:99999999999"});
  refused({"--device", "cuda1"}, {"Did you mean 'cuda'"});
  refused({"--device", "cpu", "--precision", "tf32"}, {"--precision tf32", "--precision fp32"});
  refused({"--device", "reference", "--precision", "tf32"}, {"--precision tf32"});
  refused({"--device", "reference", "--precision", "bf16"}, {"--device reference"});
  refused({"--device", "reference", "--threads", "2"}, {"--device reference", "--threads 2"});
  refused({"--device", "cpu", "--stream", "resident"}, {"--stream resident", "GPU"});
  refused({"--stream", "strem"}, {"Did you mean 'stream'"});
}

TEST_CASE("device: steps to profile are two numbers, and a GPU's") {
  const auto refused = [](const Words& flags, const Words& parts) {
    const TemporaryFolder folder;
    require_failure(join(small_training(folder / "run"), flags), 2, parts);
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
  };
  for (const char* steps : {"5", "5:", ":5", "a:b", "1:2:3", "-1:2", "2.5:3", "5:3", "4:4", " 1:2",
                            "1:99999999999999999999"})
    refused({"--profile-steps=" + std::string(steps)},
            {"--profile-steps", "A below B", "'" + std::string(steps) + "'"});
  for (const char* device : {"cpu", "reference"}) {
    refused({"--profile-steps", "1:3", "--device", device},
            {"--profile-steps 1:3", "profiling needs --device cuda",
             std::string("--device ") + device});
    refused({"--no-graphs", "--device", device}, {"--no-graphs", "--device cuda"});
  }
  if (with_cuda && has_gpu()) {
    refused({"--profile-steps", "1:1000000", "--device", "cuda"},
            {"steps that this run does", "0:"});
    return;
  }
  refused({"--profile-steps", "1:3"}, {"profiling needs --device cuda"});  // auto: the CPU here
  const TemporaryFolder folder;
  require_failure(small_training(folder / "run", {"--profile-steps", "1:3", "--device", "cuda"}), 5,
                  {"--device cuda"});
}

TEST_CASE("device: a number that no device has") {
  if (has_gpu()) return skip("this machine has an NVIDIA GPU");
  const TemporaryFolder folder;
  require_failure(small_training(folder / "run", {"--device", "cuda:7"}), 5, {"--device cuda"});
}

TEST_CASE("device: the precision is fp32 where there is no GPU") {
  if (with_cuda && has_gpu()) return skip("this machine has an NVIDIA GPU");
  const TemporaryFolder folder;
  const auto result = require_json(small_training(folder / "run", {"--steps", "1", "--json"}));
  CHECK(result["precision"] == "fp32");
}

}  // namespace hourglass::test
