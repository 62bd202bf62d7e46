// System calls with their errors turned into exceptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "hourglass/error.h"

namespace hourglass {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int value) : value_(value) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

/// Throws IoError: the path, what was tried ("to write to it"), the text of `error` (an errno) and
/// what to do about it.
[[noreturn]] void throw_io_error(const std::filesystem::path& path, const std::string& action,
                                 int error);

/// Throws `Failure` with a finding; as a function pointer it tells InputFile what to throw.
template <typename Failure>
[[noreturn]] void raise(const Finding& finding) {
  throw Failure(finding);
}

/// What a file is to its reader, for messages, and what to throw.
struct FileKind {
  const char* expected;  // "a .npy file"
  const char* remedy;    // when there is none
  void (*raise)(const Finding&);
};

/// A regular file open for reading at any offset. A file that is missing, unreadable, not regular
/// or shorter than it was makes it call `kind.raise`; a failing disk is an IoError.
class InputFile {
 public:
  InputFile(const std::filesystem::path& path, const FileKind& kind);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void read(std::uint64_t offset, void* out, std::size_t bytes) const;

 private:
  std::filesystem::path path_;
  FileKind kind_;
  FileDescriptor descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace hourglass
