#include "cuda/launches.h"

#include <algorithm>
#include <string>
#include <utility>

namespace hourglass::cuda {
namespace {

constexpr std::array<std::int64_t, 3> block_sizes{most_block_steps, 8, 1};
static_assert(block_sizes.front() == most_block_steps && block_sizes.back() == 1);

constexpr std::int64_t most_streamed_bytes = std::int64_t{32} << 20;  // of one block

std::int64_t step_bytes(const TrainingPlan& plan) { return plan.batch * plan.train.row_bytes(); }

/// Whether the images of a block of that size may be streamed at once.
bool fits(std::int64_t steps, std::int64_t bytes_a_step) {
  return steps == 1 || steps * bytes_a_step <= most_streamed_bytes;
}

std::int64_t block_bytes(const TrainingPlan& plan) {
  const std::int64_t bytes = step_bytes(plan);
  return *std::ranges::find_if(block_sizes, [&](auto size) { return fits(size, bytes); }) * bytes;
}

}  // namespace

template <typename Element>
Launches<Element>::Launches(const TrainingPlan& plan, const CudaOptions& options,
                            DeviceNetwork<Element>& network, MemoryBudget& budget)
    : plan_(plan),
      options_(options),
      layers_(network.layers()),
      step_(plan, options.epilogues, network, budget),
      profiled_(options.profile_first, options.profile_last) {
  budget.add(input_, "the steps' scalars", 1);
  budget.add(output_, "the steps' reports", 1);
  budget.add(magnitudes_, "magnitudes", most_block_steps * 2 * static_cast<std::int64_t>(layers_));
  const auto image_bytes = static_cast<std::size_t>(ResidentImages::bytes_for(plan.train));
  const bool fits_in_memory = options.placement == Placement::automatic &&
                              budget.bytes_with(image_bytes) <= usable_memory();
  if (options.placement == Placement::resident || fits_in_memory) {
    resident_.emplace(plan.train, budget);
    return;
  }
  cutter_.emplace(plan);
  copies_.emplace();
  for (Flight& flight : flights_) flight.images.emplace(block_bytes(plan), budget);
}

template <typename Element>
void Launches<Element>::prepare(Gemm& main_products, Gemm& side_products, const Stream& main) {
  step_.prepare(main_products, side_products, main.get());
  for (Flight& flight : flights_) {
    flight.input = PinnedBuffer<BlockInput>("the steps' scalars", 1);
    flight.output = PinnedBuffer<BlockOutput>("the steps' reports", 1);
    if (flight.images) flight.images->pin();
  }
  if (resident_) resident_->upload_all(main.get());
  if (options_.graphs) load_kernels(main);
}

template <typename Element>
void Launches<Element>::load_kernels(const Stream& main) {
  // CUDA loads a kernel when it is first launched (CUDA_MODULE_LOADING=LAZY, the default), and may
  // allocate memory and wait for the device then: not in a capture.
  Flight& flight = flights_.front();
  flight.input->first_step = 0;
  flight.input->schedule[0] = {.rate = 0, .epsilon = 1, .one_minus_beta1 = 0, .one_minus_beta2 = 0};
  upload(input_.data(), flight.input.data(), 1, main.get());
  enqueue_steps(flight, 1, main);
  main.synchronize();
}

template <typename Element>
bool Launches<Element>::may_run(std::size_t size) const {
  return resident_ || fits(block_sizes[size], step_bytes(plan_));
}

template <typename Element>
StepPlace Launches<Element>::place(std::int64_t offset) {
  StepPlace result;
  result.first_step = &input_.data()->first_step;
  result.schedule = input_.data()->schedule.data();
  result.offset = offset;
  result.loss_sum = output_.data()->loss_sum.data() + offset;
  result.nonfinite_layer = output_.data()->nonfinite_layer.data() + offset;
  result.magnitudes = magnitudes_.data() + offset * 2 * static_cast<std::int64_t>(layers_);
  return result;
}

template <typename Element>
StepImages Launches<Element>::images(Flight& flight, std::int64_t offset) {
  if (resident_) return {resident_->pixels(), false};
  return {flight.images->device() + offset * step_bytes(plan_), true};
}

template <typename Element>
void Launches<Element>::read_oldest() {
  Flight& flight = flights_[static_cast<std::size_t>(read_) % flights_.size()];
  const double pixels =
      static_cast<double>(plan_.batch) * static_cast<double>(plan_.network.output_width());
  for (std::int64_t i = 0; i < flight.count; ++i) {
    const auto place = static_cast<std::size_t>(i);
    reports_.push_back({flight.first + i, flight.output->loss_sum[place] / pixels,
                        flight.output->nonfinite_layer[place]});
  }
  ++read_;
}

template <typename Element>
typename Launches<Element>::Flight& Launches<Element>::next_flight() {
  Flight& flight = flights_[static_cast<std::size_t>(launched_) % flights_.size()];
  if (launched_ - read_ == static_cast<std::int64_t>(flights_.size())) {
    flight.done.synchronize();
    read_oldest();
  }
  return flight;
}

template <typename Element>
void Launches<Element>::send_inputs(Flight& flight, std::int64_t first, std::int64_t count,
                                    const Stream& main) {
  const NvtxRange range("copy");
  flight.first = first;
  flight.count = count;
  flight.input->first_step = first;
  for (std::int64_t i = 0; i < count; ++i)
    flight.input->schedule[static_cast<std::size_t>(i)] = adam_step(plan_.optimizer, first + i);
  upload(input_.data(), flight.input.data(), 1, main.get());
  if (resident_) return;
  cutter_->cut(first, count, flight.images->host());
  flight.images->send(count * cutter_->step_bytes(), copies_->get(), main.get());
}

template <typename Element>
void Launches<Element>::enqueue_steps(Flight& flight, std::int64_t count, const Stream& main) {
  clear(magnitudes_.data(), count * 2 * static_cast<std::int64_t>(layers_), main.get());
  for (std::int64_t i = 0; i < count; ++i) step_.enqueue(place(i), images(flight, i), main.get());
}

template <typename Element>
const Graph& Launches<Element>::graph(Flight& flight, std::size_t size, const Stream& main) {
  // Streamed rows lie elsewhere in every flight, and a graph holds addresses.
  Graph& graph = (resident_ ? flights_.front() : flight).graphs[size];
  if (!graph) {
    const NvtxRange range("capture");
    graph = Graph::capture(main, [&] { enqueue_steps(flight, block_sizes[size], main); });
  }
  return graph;
}

template <typename Element>
void Launches<Element>::run_block(std::int64_t first, std::size_t size, const Stream& main) {
  const std::int64_t count = block_sizes[size];
  const NvtxRange range("steps " + std::to_string(first) + " to " +
                        std::to_string(first + count - 1));
  Flight& flight = next_flight();
  const Graph* const captured = options_.graphs ? &graph(flight, size, main) : nullptr;
  send_inputs(flight, first, count, main);
  if (captured != nullptr)
    captured->launch(main);
  else
    enqueue_steps(flight, count, main);
  download(flight.output.data(), output_.data(), 1, main.get());
  flight.done.record(main.get());
  ++launched_;
}

template <typename Element>
void Launches<Element>::start_profiler(const Stream& main) {
  // Captures would otherwise fall among the profiled steps.
  for (Flight& flight : flights_)
    for (std::size_t size = 0; options_.graphs && size < block_sizes.size(); ++size)
      if (may_run(size)) static_cast<void>(graph(flight, size, main));
  epochs_.leave();  // a range that began before the start would be missing
  profiled_.start(main);
}

template <typename Element>
void Launches<Element>::stop_profiler(const Stream& main) {
  epochs_.leave();
  profiled_.stop(main);
}

template <typename Element>
void Launches<Element>::run(std::int64_t first, std::int64_t count, const Stream& main) {
  std::int64_t step = first;
  const std::int64_t end = first + count;
  while (step < end) {
    if (profiled_.starts_at(step)) start_profiler(main);
    const std::int64_t stop = profiled_.next_switch(step, end);
    std::size_t size = 0;
    while (block_sizes[size] > stop - step || !may_run(size)) ++size;
    epochs_.enter(step * plan_.batch / plan_.train.count);
    run_block(step, size, main);
    step += block_sizes[size];
    if (profiled_.stops_at(step)) stop_profiler(main);
  }
}

template <typename Element>
std::vector<StepReport> Launches<Element>::take_reports() {
  while (read_ < launched_ &&
         flights_[static_cast<std::size_t>(read_) % flights_.size()].done.reached())
    read_oldest();
  return std::exchange(reports_, {});
}

template <typename Element>
void Launches<Element>::synchronize() {
  while (read_ < launched_) {
    flights_[static_cast<std::size_t>(read_) % flights_.size()].done.synchronize();
    read_oldest();
  }
}

template <typename Element>
double Launches<Element>::batch_loss(std::int64_t step, const Stream& main) {
  synchronize();
  Flight& flight = next_flight();
  send_inputs(flight, step, 1, main);
  clear(magnitudes_.data(), 2 * static_cast<std::int64_t>(layers_), main.get());
  step_.enqueue_loss(place(0), images(flight, 0), main.get());
  download(flight.output.data(), output_.data(), 1, main.get());
  main.synchronize();
  return flight.output->loss_sum[0] /
         (static_cast<double>(plan_.batch) * static_cast<double>(plan_.network.output_width()));
}

template class Launches<float>;
template class Launches<kernels::Bf16>;

}  // namespace hourglass::cuda
