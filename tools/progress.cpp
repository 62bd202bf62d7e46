#include "progress.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace hourglass::tools {
namespace {

long long number(std::int64_t value) { return static_cast<long long>(value); }

}  // namespace

bool stderr_is_terminal() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
}

bool wants_colour(int file_descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return isatty(file_descriptor) != 0 && (no_colour == nullptr || *no_colour == '\0') &&
         terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
}

void Progress::started(const TrainRequest& request, const NetworkSpec& network,
                       const EngineInfo& engine, std::int64_t first_step, std::int64_t last_step) {
  first_step_ = first_step;
  last_step_ = last_step;
  epochs_ = request.recipe.epochs;
  width_ = network.output_width();
  batch_ = request.recipe.batch;
  const DataSet& data = request.data;
  std::fprintf(stderr,
               "data    %s: %lld training, %lld validation, %lld test images of %lldx%lld\n",
               data.name.c_str(), number(data.train.count), number(data.validation.count),
               number(data.test.count), number(data.train.rows), number(data.train.cols));
  if (!data.note.empty()) std::fprintf(stderr, "note    %s\n", data.note.c_str());
  std::fprintf(stderr, "model   %s, %lld parameters\n", network.describe().c_str(),
               number(network.parameter_count()));
  std::fprintf(stderr, "engine  %s %s, %s\n", engine.name.c_str(), engine.precision.c_str(),
               engine.device.c_str());
  std::fprintf(stderr, "run     %s, steps %lld to %lld\n", request.directory.c_str(),
               number(first_step), number(last_step));
  begin_ = drawn_ = std::chrono::steady_clock::now();
}

void Progress::progressed(std::int64_t steps_done, double loss) {
  const auto now = std::chrono::steady_clock::now();
  if (!bar_ || now - drawn_ < std::chrono::milliseconds(100)) return;  // ten redraws a second
  drawn_ = now;
  const double elapsed = std::chrono::duration<double>(now - begin_).count();
  const double rate = static_cast<double>(steps_done - first_step_) / elapsed;
  const double left = static_cast<double>(last_step_ - steps_done) / rate;
  constexpr int cells = 24;
  const auto filled = static_cast<int>(cells * steps_done / std::max<std::int64_t>(1, last_step_));
  std::string bar(static_cast<std::size_t>(filled), '#');
  bar.resize(cells, '.');
  std::fprintf(stderr, "\r[%s] %lld/%lld  loss %.6f  %.0f images/s  %.0f s left \x1b[K",
               bar.c_str(), number(steps_done), number(last_step_), loss,
               rate * static_cast<double>(batch_), left);
  bar_drawn_ = true;
}

void Progress::clear_bar() {
  if (bar_drawn_) std::fputs("\r\x1b[K", stderr);
  bar_drawn_ = false;
}

void Progress::epoch_finished(const EpochReport& report) {
  clear_bar();
  std::fprintf(stderr, "epoch %lld/%lld  loss %.6f  validation MSE %.6f  SE %.3f\n",
               number(report.epoch + 1), number(epochs_), report.loss, report.validation.mse,
               report.validation.se);
  if (!tutorial_lines_) return;
  std::printf("epoch %lld loss %.16g\n", number(report.epoch), report.loss);
  std::fflush(stdout);
}

void Progress::note(const std::string& text) {
  clear_bar();
  std::fprintf(stderr, "note    %s\n", text.c_str());
}

}  // namespace hourglass::tools
