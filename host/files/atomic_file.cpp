#include "hourglass/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include "files/posix.h"

namespace hourglass {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_stem = 200;  // names end at 255 bytes; leave room for the suffix
constexpr int most_tries = 1000;
constexpr std::string_view marker = ".tmp-";

fs::path directory_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Where a write to `target` goes. Renaming over a device would replace the device, so only regular
/// files and free names are targets.
fs::path resolve(const fs::path& target) {
  std::error_code error;
  const fs::file_status status = fs::status(target, error);
  if (status.type() == fs::file_type::none) throw_io_error(target, "to look at it", error.value());
  if (status.type() == fs::file_type::not_found) return target;
  if (status.type() != fs::file_type::regular)
    throw IoError(Finding{target.string(), "a regular file or a free name",
                          "a directory, pipe or device", "Choose another path."});
  return fs::canonical(target);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Whether a name has the form `.NAME.tmp-PID-N`.
bool is_temporary_name(std::string_view name) {
  const std::size_t mark = name.rfind(marker);
  if (!name.starts_with('.') || mark == std::string_view::npos || mark < 2) return false;
  const std::string_view numbers = name.substr(mark + marker.size());
  const std::size_t dash = numbers.find('-');
  return dash != std::string_view::npos && is_number(numbers.substr(0, dash)) &&
         is_number(numbers.substr(dash + 1));
}

/// Whether `path` is the file that `descriptor` has open.
bool is_at(int descriptor, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& target) : target_(resolve(target)) { create_temporary(); }

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AtomicFile::create_temporary() {
  const std::string stem = "." + target_.filename().string().substr(0, longest_stem) +
                           std::string(marker) + std::to_string(::getpid()) + "-";
  for (int i = 0; i < most_tries; ++i) {
    const fs::path path = directory_of(target_) / (stem + std::to_string(i));
    const int descriptor =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0) {
      if (errno == EEXIST || errno == EINTR) continue;
      throw_io_error(target_, "to create a file beside it", errno);
    }
    // The lock is what tells remove_stale_temporaries that the file is in use. Losing the race for
    // it means that the file has just been taken for a stale one: leave it and make another. Where
    // there are no locks, nothing is ever taken for stale.
    const bool lost = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!lost && is_at(descriptor, path)) {
      temporary_ = path;
      descriptor_ = descriptor;
      return;
    }
    ::close(descriptor);
  }
  throw_io_error(target_, "a free name for a temporary file beside it", EEXIST);
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const auto* position = static_cast<const std::byte*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(descriptor_, position, bytes);
    if (written < 0 && errno == EINTR) continue;
    check_written(written);
    position += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::write_at(std::uint64_t offset, const void* data, std::size_t bytes) {
  const auto* position = static_cast<const std::byte*>(data);
  while (bytes > 0) {
    const ssize_t written = ::pwrite(descriptor_, position, bytes, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    check_written(written);
    position += written;
    offset += static_cast<std::uint64_t>(written);
    bytes -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::check_written(long written) const {
  if (written < 0) throw_io_error(target_, "to write to it", errno);
  if (written == 0) throw_io_error(target_, "to write to it", ENOSPC);
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) throw_io_error(target_, "its contents on the disk", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    throw_io_error(target_, "to put the finished file in place", errno);
  temporary_.clear();
  const FileDescriptor directory(
      ::open(directory_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a directory and say EINVAL.
  if (directory.get() < 0 || (::fsync(directory.get()) != 0 && errno != EINVAL))
    throw_io_error(target_, "its name on the disk", errno);
}

void write_file(const fs::path& path, std::string_view contents) {
  AtomicFile file(path);
  file.write(contents.data(), contents.size());
  file.commit();
}

std::size_t remove_stale_temporaries(const fs::path& directory) {
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  if (error == std::errc::no_such_file_or_directory) return 0;
  if (error) throw_io_error(directory, "to list it", error.value());
  std::size_t removed = 0;
  for (const fs::directory_entry& entry : entries) {
    if (!is_temporary_name(entry.path().filename().string())) continue;
    if (!entry.is_regular_file(error) || entry.is_symlink(error)) continue;
    const FileDescriptor file(
        ::open(entry.path().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    // A writer that dies loses its lock, also when its process number is in use again, as in a
    // container that is started anew.
    if (file.get() < 0 || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (is_at(file.get(), entry.path()) && ::unlink(entry.path().c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace hourglass
