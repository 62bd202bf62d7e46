// Things timed one beside the other, by any clock.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hourglass::tools {

/// Something to be timed.
struct Candidate {
  std::string name;
  std::function<double(std::int64_t)> time;  // seconds that so many of them in a row take
  std::int64_t unit = 1;                     // they come in multiples of this
  std::int64_t repeats = 1;                  // in a round
  std::vector<double> seconds;               // of one, by round

  [[nodiscard]] double median() const;
  [[nodiscard]] double lowest() const;
  [[nodiscard]] double highest() const;
};

/// Times `run(n)` by the host's clock. What it starts must be done when it returns.
[[nodiscard]] Candidate clocked(std::string name, std::function<void(std::int64_t)> run);

/// Times all candidates in turn, `rounds` times over, after a warm-up: what the machine does
/// meanwhile meets all of them alike. A round repeats each for about `round_seconds`.
void time_interleaved(std::vector<Candidate>& candidates, int rounds, double round_seconds = 0.15);

}  // namespace hourglass::tools
