#include "files/posix.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace hourglass {
namespace {

std::string error_text(int error) { return "\"" + std::generic_category().message(error) + "\""; }

std::string remedy(int error) {
  switch (error) {
    case ENOSPC:
      return "The disk is full: free some space or write to another disk.";
    case EDQUOT:
      return "The disk quota is used up: free some space or write to another disk.";
    case EFBIG:
      return "The file would be larger than allowed: raise the limit (ulimit -f) or write to "
             "another file system.";
    case EACCES:
    case EPERM:
      return "Choose a place you have permission for.";
    case EROFS:
      return "The file system is read-only: write to another one.";
    case ENOENT:
    case ENOTDIR:
      return "Create the directory first, or correct the path.";
    case ENAMETOOLONG:
      return "Choose a shorter name.";
    default:
      return "Check the disk and the path, then try again.";
  }
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (value_ >= 0) ::close(value_);
}

void throw_io_error(const std::filesystem::path& path, const std::string& action, int error) {
  throw IoError(Finding{path.string(), action, error_text(error), remedy(error)});
}

InputFile::InputFile(const std::filesystem::path& path, const FileKind& kind)
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    : path_(path),
      kind_(kind),
      descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_.get() < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR)
      kind_.raise({path.string(), kind_.expected, "no such file", kind_.remedy});
    kind_.raise({path.string(), std::string(kind_.expected) + " that can be read",
                 error_text(error),
                 error == EACCES ? "Make it readable for this user." : "Check the file."});
  }
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) throw_io_error(path, "to ask for its size", errno);
  if (!S_ISREG(status.st_mode))
    kind_.raise(
        {path.string(), kind_.expected, "a directory, pipe or device", "Name a regular file."});
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void InputFile::read(std::uint64_t offset, void* out, std::size_t bytes) const {
  auto* position = static_cast<std::byte*>(out);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_.get(), position, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_io_error(path_, "to read from it", errno);
    if (got == 0)
      kind_.raise({path_.string(),
                   std::to_string(bytes) + " bytes at offset " + std::to_string(offset), "its end",
                   "The file is cut short: get it again."});
    position += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

}  // namespace hourglass
