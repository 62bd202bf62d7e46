// What a person sees while a run is under way: a bar on a terminal, a line an epoch elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "hourglass/trainer.h"

namespace hourglass::tools {

/// Whether stderr is a terminal that can redraw a line (TERM is not "dumb").
[[nodiscard]] bool stderr_is_terminal();
/// Whether to colour: the stream is a terminal and NO_COLOR is not set.
[[nodiscard]] bool wants_colour(int file_descriptor);

class Progress final : public TrainObserver {
 public:
  /// `tutorial_lines`: print the tutorial's own `epoch 0 loss 0.0243...` to stdout.
  explicit Progress(bool tutorial_lines) : tutorial_lines_(tutorial_lines) {}
  ~Progress() override { clear_bar(); }

  void started(const TrainRequest& request, const NetworkSpec& network, const EngineInfo& engine,
               std::int64_t first_step, std::int64_t last_step) override;
  void progressed(std::int64_t steps_done, double loss) override;
  void epoch_finished(const EpochReport& report) override;
  void note(const std::string& text) override;

 private:
  void clear_bar();

  bool tutorial_lines_;
  bool bar_ = stderr_is_terminal();
  bool bar_drawn_ = false;
  std::int64_t first_step_ = 0;
  std::int64_t last_step_ = 0;
  std::int64_t epochs_ = 0;
  std::int64_t width_ = 1;
  std::int64_t batch_ = 1;
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point drawn_;
};

}  // namespace hourglass::tools
