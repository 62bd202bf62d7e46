// Every test binary counts skips apart from passes and ends with the line
// "N passed, N failed, N skipped". With HOURGLASS_TEST_REPORT set, it appends the same to that file
// for tools/test.sh.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/skip.h"

namespace {

#ifdef CATCH_VERSION_MAJOR  // v2's only header brings it
using ListenerBase = Catch::TestEventListenerBase;
#else
using ListenerBase = Catch::EventListenerBase;
#endif

std::optional<std::string>& pending_skip() {
  static std::optional<std::string> reason;
  return reason;
}

class CountingListener : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    ListenerBase::testCaseStarting(info);
    running_ = info.name;
    pending_skip().reset();
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    if (stats.totals.testCases.failed > 0) {
      ++failed_;
    } else if (pending_skip()) {
      skipped_.push_back(running_ + ": " + *pending_skip());
    } else {
      ++passed_;
    }
    ListenerBase::testCaseEnded(stats);
  }

  void testRunEnded(const Catch::TestRunStats& stats) override {
    ListenerBase::testRunEnded(stats);
    ended_ = true;
  }

  // After Catch2's own summary, which counts skips as passes: tools/gpu_check.sh goes by the last
  // line.
  ~CountingListener() override {
    if (!ended_) return;
    for (const std::string& line : skipped_) std::cout << "skipped: " << line << '\n';
    std::cout << passed_ << " passed, " << failed_ << " failed, " << skipped_.size()
              << " skipped\n";
    const char* path = std::getenv("HOURGLASS_TEST_REPORT");
    if (path == nullptr) return;
    std::ofstream report(path, std::ios::app);
    for (const std::string& line : skipped_) report << "skipped: " << line << '\n';
    report << "counts " << passed_ << ' ' << failed_ << ' ' << skipped_.size() << '\n';
  }

 private:
  std::string running_;
  std::size_t passed_ = 0;
  std::size_t failed_ = 0;
  bool ended_ = false;
  std::vector<std::string> skipped_;  // "name: reason"
};

}  // namespace

CATCH_REGISTER_LISTENER(CountingListener)

namespace hourglass::test {

void skip(const std::string& reason) { pending_skip() = reason; }

}  // namespace hourglass::test
