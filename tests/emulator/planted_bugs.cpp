// Runs one wrong program under one schedule: planted_bugs NAME SEED. Exit code 0 if nothing was
// noticed, 1 if the result is wrong, 2 if the emulator reported a fault; a sanitizer ends it with a
// report of its own. `planted_bugs --list` prints the names.
#include <cmath>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "emulator/control.h"
#include "emulator/example_cases.h"

namespace {

using namespace example;

/// Two streams and an event, as an engine with a copy stream has them.
struct Pipeline {
  Pipeline() {
    check(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking));
    check(cudaStreamCreateWithFlags(&compute, cudaStreamNonBlocking));
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    check(cudaMallocHost(&host, bytes));
    for (std::size_t i = 0; i < count; ++i) host[i] = 1.0f;
    check(cudaMemset(device.data(), 0, bytes));
    check(cudaDeviceSynchronize());
  }
  ~Pipeline() {
    cudaDeviceSynchronize();
    cudaFreeHost(host);
    cudaEventDestroy(event);
    cudaStreamDestroy(compute);
    cudaStreamDestroy(copies);
  }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void upload() {
    check(cudaMemcpyAsync(device.data(), host, bytes, cudaMemcpyHostToDevice, copies));
  }
  void double_in_compute_stream() {
    run(double_quads<Bug::none>, 1, 32, 0, compute, device.data(), result.data(), 32);
  }
  void download(cudaStream_t stream) {
    check(cudaMemcpyAsync(host, result.data(), bytes, cudaMemcpyDeviceToHost, stream));
  }

  static constexpr std::size_t count = 128;
  static constexpr std::size_t bytes = count * sizeof(float);
  cudaStream_t copies = nullptr;
  cudaStream_t compute = nullptr;
  cudaEvent_t event = nullptr;
  float* host = nullptr;
  DeviceArray<float> device{count};
  DeviceArray<float> result{count};
};

bool missing_event_wait() {
  Pipeline pipeline;
  pipeline.upload();
  check(cudaEventRecord(pipeline.event, pipeline.copies));
  pipeline.double_in_compute_stream();  // cudaStreamWaitEvent belongs before this
  pipeline.download(pipeline.compute);
  check(cudaStreamSynchronize(pipeline.compute));
  return pipeline.host[0] == 2.0f;
}

bool event_recorded_too_early() {
  Pipeline pipeline;
  check(cudaEventRecord(pipeline.event, pipeline.copies));
  pipeline.upload();
  check(cudaStreamWaitEvent(pipeline.compute, pipeline.event));
  pipeline.double_in_compute_stream();
  pipeline.download(pipeline.compute);
  check(cudaStreamSynchronize(pipeline.compute));
  return pipeline.host[0] == 2.0f;
}

bool wrong_stream() {
  Pipeline pipeline;
  pipeline.upload();
  check(cudaEventRecord(pipeline.event, pipeline.copies));
  check(cudaStreamWaitEvent(pipeline.compute, pipeline.event));
  pipeline.double_in_compute_stream();
  pipeline.download(pipeline.copies);
  check(cudaStreamSynchronize(pipeline.copies));
  return pipeline.host[0] == 2.0f;
}

bool pinned_memory_read_too_early() {
  Pipeline pipeline;
  pipeline.upload();
  check(cudaStreamSynchronize(pipeline.copies));
  pipeline.double_in_compute_stream();
  pipeline.download(pipeline.compute);
  return pipeline.host[0] == 2.0f;
}

bool pinned_memory_written_too_early() {
  Pipeline pipeline;
  pipeline.upload();
  pipeline.host[0] = 5.0f;  // the next batch, before the copy of this one is done
  check(cudaStreamSynchronize(pipeline.copies));
  return pipeline.device.values()[0] == 1.0f;
}

bool host_touches_device_memory() {
  const DeviceArray<float> array(numbers<float>(4));
  return *static_cast<const volatile float*>(array.data()) == numbers<float>(4)[0];
}

bool kernel_gets_host_pointer() {
  const std::vector<float> host(128);
  const DeviceArray<float> out(128);
  run(double_quads<Bug::none>, 1, 32, 0, nullptr, host.data(), out.data(), 32);
  return out.values()[0] == 0.0f;
}

bool kernel_uses_freed_memory() {
  float* stale = nullptr;
  {
    const DeviceArray<float> array(128);
    stale = array.data();
  }
  const DeviceArray<float> out(128);
  run(double_quads<Bug::none>, 1, 32, 0, nullptr, stale, out.data(), 32);
  check(cudaDeviceSynchronize());
  return true;
}

bool device_memory_never_written() {
  const DeviceArray<float> in(128);
  const DeviceArray<float> out(128);
  run(double_quads<Bug::none>, 1, 32, 0, nullptr, in.data(), out.data(), 32);
  return !std::isnan(out.values()[0]);
}

bool stale_graph_argument() {
  Pipeline pipeline;
  int quads = 16;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(pipeline.compute, cudaStreamCaptureModeThreadLocal));
  run(double_quads<Bug::none>, 1, 32, 0, pipeline.compute, pipeline.device.data(),
      pipeline.result.data(), quads);
  check(cudaStreamEndCapture(pipeline.compute, &graph));
  check(cudaGraphInstantiate(&executable, graph));
  quads = 32;  // the graph keeps the 16 it was captured with
  check(cudaGraphLaunch(executable, pipeline.compute));
  check(cudaStreamSynchronize(pipeline.compute));
  const bool right = pipeline.result.values()[4 * static_cast<std::size_t>(quads) - 1] == 0.0f;
  check(cudaGraphExecDestroy(executable));
  check(cudaGraphDestroy(graph));
  return right;
}

const std::map<std::string, std::function<bool()>>& bugs() {
  static const std::map<std::string, std::function<bool()>> all{
      {"none", [] { return sums_blocks<Bug::none>(100) && sums_in_last_block<Bug::none>(500); }},
      {"missing_barrier", [] { return sums_blocks<Bug::missing_barrier>(1000); }},
      {"transpose_missing_barrier", [] { return transposes<Bug::missing_barrier>(40, 33); }},
      {"missing_second_barrier",
       [] { return multiplies<float, Bug::missing_second_barrier>(17, 18, 40); }},
      {"missing_warp_barrier", [] { return sums_in_warp_tree<Bug::missing_warp_barrier>(); }},
      {"missing_fence", [] { return sums_in_last_block<Bug::missing_fence>(500); }},
      {"missing_atomic", [] { return sums_in_last_block<Bug::missing_atomic>(500); }},
      {"barrier_in_branch", [] { return sums_blocks<Bug::barrier_in_branch>(1000); }},
      {"different_barriers", [] { return sums_blocks<Bug::different_barriers>(1000); }},
      {"return_before_barrier", [] { return sums_blocks<Bug::return_before_barrier>(100); }},
      {"mask_lacks_lanes", [] { return sums_blocks<Bug::mask_lacks_lanes>(1000); }},
      {"mask_names_exited_lane", [] { return scans<Bug::mask_names_exited_lane>(32); }},
      {"different_warp_calls", [] { return scans<Bug::different_warp_calls>(32); }},
      {"warp_waits_for_barrier", [] { return scans<Bug::warp_waits_for_barrier>(32); }},
      {"read_past_end", [] { return sums_blocks<Bug::read_past_end>(1000); }},
      {"read_into_guard_page", [] { return sums_blocks<Bug::read_past_end>(1024); }},
      {"write_past_end", [] { return transposes<Bug::write_past_end>(33, 7); }},
      {"write_before_begin", [] { return transposes<Bug::write_before_begin>(33, 7); }},
      {"shared_past_end", [] { return sums_blocks<Bug::shared_past_end>(1000); }},
      {"dynamic_past_end", [] { return reverses<Bug::dynamic_past_end>(64); }},
      {"unwritten_shared", [] { return multiplies<float, Bug::unwritten_shared>(17, 18, 40); }},
      {"edge_not_filled", [] { return multiplies<float, Bug::edge_not_filled>(17, 18, 10); }},
      {"misaligned", [] { return doubles_quads<Bug::misaligned>(64); }},
      {"stack_overflow", [] { return recurses<Bug::stack_overflow>(); }},
      {"missing_event_wait", missing_event_wait},
      {"event_recorded_too_early", event_recorded_too_early},
      {"wrong_stream", wrong_stream},
      {"pinned_memory_read_too_early", pinned_memory_read_too_early},
      {"pinned_memory_written_too_early", pinned_memory_written_too_early},
      {"host_touches_device_memory", host_touches_device_memory},
      {"kernel_gets_host_pointer", kernel_gets_host_pointer},
      {"kernel_uses_freed_memory", kernel_uses_freed_memory},
      {"device_memory_never_written", device_memory_never_written},
      {"stale_graph_argument", stale_graph_argument},
  };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--list") {
    for (const auto& [name, program] : bugs()) std::cout << name << '\n';
    return 0;
  }
  if (argc != 3 || !bugs().contains(argv[1])) {
    std::cerr << "usage: planted_bugs NAME SEED | planted_bugs --list\n";
    return 64;
  }
  emulator::reset(std::stoull(argv[2]));
  try {
    const bool right = bugs().at(argv[1])();
    std::cout << (right ? "nothing noticed" : "wrong result") << '\n';
    return right ? 0 : 1;
  } catch (const emulator::Fault& fault) {
    std::cout << "fault: " << fault.what() << '\n';
    return 2;
  }
}
