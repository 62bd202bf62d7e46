#include "timing.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hourglass::tools {

double Candidate::median() const {
  std::vector<double> sorted = seconds;
  std::ranges::sort(sorted);
  return sorted[sorted.size() / 2];
}
double Candidate::lowest() const { return *std::ranges::min_element(seconds); }
double Candidate::highest() const { return *std::ranges::max_element(seconds); }

Candidate clocked(std::string name, std::function<void(std::int64_t)> run) {
  Candidate candidate;
  candidate.name = std::move(name);
  candidate.time = [run = std::move(run)](std::int64_t repeats) {
    const auto begin = std::chrono::steady_clock::now();
    run(repeats);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  return candidate;
}

void time_interleaved(std::vector<Candidate>& candidates, int rounds, double round_seconds) {
  constexpr double most_repeats = 1e6;
  for (Candidate& candidate : candidates) {
    const std::int64_t unit = candidate.unit;
    static_cast<void>(candidate.time(unit));
    const double one = candidate.time(2 * unit) / static_cast<double>(2 * unit);
    const double wanted = std::min(round_seconds / std::max(one, 1e-9), most_repeats);
    candidate.repeats = std::max(static_cast<std::int64_t>(wanted) / unit, std::int64_t{1}) * unit;
    candidate.seconds.clear();
  }
  for (int round = 0; round < rounds; ++round)
    for (Candidate& candidate : candidates)
      candidate.seconds.push_back(candidate.time(candidate.repeats) /
                                  static_cast<double>(candidate.repeats));
}

}  // namespace hourglass::tools
