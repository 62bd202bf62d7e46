// Typed errors. Each class is one documented exit code of the command; libraries throw, only the
// command turns an error into an exit.
#pragma once

#include <stdexcept>
#include <string>

namespace hourglass {

/// The command's exit codes (documented in README.md and `hourglass --help`).
enum class ExitCode : int {
  ok = 0,
  internal = 1,  // internal error or I/O
  usage = 2,     // bad flag, value or configuration
  data = 3,      // data missing or damaged
  model = 4,     // bad model or checkpoint file
  device = 5,    // the device asked for is not there, taken by others, or short of memory
  diverged = 6,  // training produced NaN or Inf several steps in a row
  quality = 7,   // a quality gate asked for was not met
  interrupted = 130,
  terminated = 143,
};

/// Base of every error that hourglass throws on purpose.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// The four facts a good message holds: what it is about, what was expected, what was found, and
/// what to do. `subject` is a file or a flag.
struct Finding {
  std::string subject;
  std::string expected;
  std::string found;
  std::string remedy;
  [[nodiscard]] std::string text() const {
    return subject + ": expected " + expected + ", found " + found + ". " + remedy;
  }
};

template <ExitCode code_value>
class TypedError : public Error {
 public:
  explicit TypedError(const std::string& message) : Error(code_value, message) {}
  explicit TypedError(const Finding& finding) : Error(code_value, finding.text()) {}
};

using IoError = TypedError<ExitCode::internal>;
using UsageError = TypedError<ExitCode::usage>;
using DataError = TypedError<ExitCode::data>;
using ModelError = TypedError<ExitCode::model>;
using DeviceError = TypedError<ExitCode::device>;
using DivergedError = TypedError<ExitCode::diverged>;
using QualityError = TypedError<ExitCode::quality>;

}  // namespace hourglass
