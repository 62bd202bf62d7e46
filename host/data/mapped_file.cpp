#include "data/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "hourglass/error.h"

namespace hourglass {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);  // read-only: nothing can be lost here
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

[[noreturn]] void refuse_file(const std::string& path, const std::string& found,
                              const std::string& remedy) {
  throw DataError(Finding{path, "a readable file", found, remedy});
}

std::string system_text(int error) { return std::generic_category().message(error); }

}  // namespace

MappedFile::MappedFile(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK: opening a pipe must fail below, not wait for a writer.
  const Descriptor file(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) refuse_file(path_, "no such file", "Check the path.");
    refuse_file(path_, system_text(error), "Check the file's permissions.");
  }
  struct stat status {};
  if (fstat(file.get(), &status) != 0) refuse_file(path_, system_text(errno), "Check the file.");
  if (S_ISDIR(status.st_mode)) refuse_file(path_, "a directory", "Name a file in it.");
  if (!S_ISREG(status.st_mode))
    refuse_file(path_, "a pipe or device", "Write the data to a regular file first.");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;  // nothing to map
  void* address = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) refuse_file(path_, system_text(errno), "Check the file and its disk.");
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace hourglass
