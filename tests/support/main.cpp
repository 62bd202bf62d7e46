// The main of every test binary: runs Catch2, counts skips apart from passes, and ends with the
// line "N passed, N failed, N skipped". With HOURGLASS_TEST_REPORT set, appends the same to that
// file for tools/test.sh.
#define CATCH_CONFIG_RUNNER
#include "support/catch.h"
#include "support/skip.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace {

struct Counts {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::vector<std::string> skipped;  // "name: reason"
  std::string running;               // name of the case being run
  std::optional<std::string> pending_skip;
};

Counts& counts() {
  static Counts instance;
  return instance;
}

#ifdef CATCH_VERSION_MAJOR
#if CATCH_VERSION_MAJOR >= 3
using ListenerBase = Catch::EventListenerBase;
#else
using ListenerBase = Catch::TestEventListenerBase;
#endif
#else
using ListenerBase = Catch::EventListenerBase;
#endif

class CountingListener : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    ListenerBase::testCaseStarting(info);
    counts().running = info.name;
    counts().pending_skip.reset();
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    Counts& tally = counts();
    if (stats.totals.testCases.failed > 0) {
      ++tally.failed;
    } else if (tally.pending_skip) {
      tally.skipped.push_back(tally.running + ": " + *tally.pending_skip);
    } else {
      ++tally.passed;
    }
    ListenerBase::testCaseEnded(stats);
  }
};

}  // namespace

CATCH_REGISTER_LISTENER(CountingListener)

namespace hourglass::test {

void skip(const std::string& reason) { counts().pending_skip = reason; }

}  // namespace hourglass::test

int main(int argc, char** argv) {
  const int status = Catch::Session().run(argc, argv);
  const Counts& tally = counts();
  for (const std::string& line : tally.skipped) std::cout << "skipped: " << line << '\n';
  std::cout << tally.passed << " passed, " << tally.failed << " failed, " << tally.skipped.size()
            << " skipped\n";
  if (const char* path = std::getenv("HOURGLASS_TEST_REPORT")) {
    std::ofstream report(path, std::ios::app);
    for (const std::string& line : tally.skipped) report << "skipped: " << line << '\n';
    report << "counts " << tally.passed << ' ' << tally.failed << ' ' << tally.skipped.size()
           << '\n';
  }
  return status;
}
