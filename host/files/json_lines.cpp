#include "hourglass/json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "files/json.h"
#include "files/posix.h"
#include "hourglass/atomic_file.h"

namespace hourglass {
namespace {

/// Whether a run that goes on from `step` keeps this line.
bool is_kept(std::string_view line, std::int64_t step) {
  try {
    const nlohmann::json object = parse_json(line);
    if (!object.is_object()) return false;
    const auto found = object.find("step");
    return found == object.end() || whole_number(*found) <= step;
  } catch (const JsonError&) {
    return false;
  }
}

}  // namespace

JsonLines::JsonLines(const std::filesystem::path& path)
    : path_(path),
      descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) throw_io_error(path_, "to open it for appending", errno);
}

JsonLines::~JsonLines() { ::close(descriptor_); }

void JsonLines::append(std::string_view object) {
  if (object.find('\n') != std::string_view::npos)
    throw std::invalid_argument("a line break in a line of JSON");
  const std::string line = std::string(object) + '\n';
  ssize_t written = 0;
  do {
    written = ::write(descriptor_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (std::cmp_equal(written, line.size())) return;
  const int error = written < 0 ? errno : ENOSPC;
  struct stat status {};
  // Take half a line back. Where that fails too, readers still know a torn last line.
  if (written > 0 && ::fstat(descriptor_, &status) == 0)
    static_cast<void>(::ftruncate(descriptor_, status.st_size - written) == 0);
  throw_io_error(path_, "to append a line", error);
}

std::int64_t truncate_after_step(const std::filesystem::path& path, std::int64_t step) {
  if (!std::filesystem::exists(path)) return 0;
  const InputFile input(path, {"a file of JSON lines", "Check the path.", raise<IoError>});
  std::string text(input.size(), '\0');
  input.read(0, text.data(), text.size());
  std::string kept;
  std::int64_t dropped = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const bool whole = end != std::string_view::npos;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(whole ? end + 1 : rest.size());
    if (whole && is_kept(line, step)) {
      kept.append(line).push_back('\n');
    } else {
      ++dropped;
    }
  }
  if (dropped > 0) write_file(path, kept);
  return dropped;
}

}  // namespace hourglass
