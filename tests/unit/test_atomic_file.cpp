#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <csignal>

#include "files_support.h"
#include "hourglass/atomic_file.h"
#include "hourglass/error.h"
#include "support/catch.h"

namespace hourglass {
namespace {

using Catch::Matchers::Contains;
using test::contents;
using test::message_of;

TEST_CASE("An atomic file is there after commit, and only then") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "result.txt";
  test::put(path, "old");
  {
    AtomicFile file(path);
    file.write("hello world", 11);
    file.write_at(0, "H", 1);
    CHECK(contents(path) == "old");
    CHECK(test::files_in(scratch.path()) == 2);
    file.commit();
  }
  CHECK(contents(path) == "Hello world");
  CHECK(test::files_in(scratch.path()) == 1);
}

TEST_CASE("An atomic file that is not committed leaves nothing") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "result.txt";
  test::put(path, "old");
  { AtomicFile(path).write("new", 3); }
  CHECK(contents(path) == "old");
  CHECK(test::files_in(scratch.path()) == 1);
}

TEST_CASE("A rename that fails is an IoError and leaves nothing") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "result.txt";
  {
    AtomicFile file(path);
    std::filesystem::create_directory(path);
    CHECK_THROWS_AS(file.commit(), IoError);
  }
  CHECK(test::files_in(scratch.path()) == 1);
}

TEST_CASE("Two writers of one path do not meet") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "result.txt";
  AtomicFile first(path);
  AtomicFile second(path);
  first.write("first", 5);
  second.write("second", 6);
  second.commit();
  CHECK(contents(path) == "second");
  first.commit();
  CHECK(contents(path) == "first");
}

TEST_CASE("A symbolic link is written through, and no temporary name follows one") {
  const test::ScratchDirectory scratch;
  test::put(scratch / "real.txt", "old");
  std::filesystem::create_symlink(scratch / "real.txt", scratch / "link.txt");
  write_file(scratch / "link.txt", "new");
  CHECK(std::filesystem::is_symlink(scratch / "link.txt"));
  CHECK(contents(scratch / "real.txt") == "new");

  const std::string trap = ".a.tmp-" + std::to_string(::getpid()) + "-0";
  std::filesystem::create_symlink(scratch / "real.txt", scratch / trap);
  write_file(scratch / "a", "other");
  CHECK(contents(scratch / "real.txt") == "new");
  CHECK(contents(scratch / "a") == "other");
}

TEST_CASE("Targets that cannot be written are refused with what to do") {
  const test::ScratchDirectory scratch;
  CHECK_THAT(message_of<IoError>([] { write_file("/dev/full", "x"); }), Contains("device"));
  CHECK_THAT(message_of<IoError>([&] { write_file(scratch.path(), "x"); }), Contains("directory"));
  CHECK_THAT(message_of<IoError>([&] { write_file(scratch / "no/such/file", "x"); }),
             Contains("No such file") && Contains("Create the directory"));
  CHECK_THAT(message_of<IoError>([&] { write_file(scratch / std::string(300, 'x'), "x"); }),
             Contains("shorter name"));
}

TEST_CASE("A directory without write permission is refused") {
  const test::ScratchDirectory scratch;
  std::filesystem::create_directory(scratch / "closed");
  REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
  REQUIRE(::chmod((scratch / "closed").c_str(), 0555) == 0);
  const int status = test::in_child([&] {
    constexpr uid_t nobody = 65534;  // permissions do not bind root
    if (::geteuid() == 0 && ::seteuid(nobody) != 0) return 1;
    const std::string message =
        message_of<IoError>([&] { write_file(scratch / "closed" / "file", "x"); });
    return message.find("permission") != std::string::npos ? 0 : 2;
  });
  CHECK(status == 0);
}

TEST_CASE("A name as long as the file system allows can be written") {
  const test::ScratchDirectory scratch;
  write_file(scratch / std::string(255, 'x'), "x");
  CHECK(contents(scratch / std::string(255, 'x')) == "x");
}

TEST_CASE("A full disk is an IoError and leaves the old file") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "result.bin";
  test::put(path, "old");
  const int status = test::in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{64 << 10, 64 << 10};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const std::string message =
        message_of<IoError>([&] { write_file(path, std::string(1 << 20, 'x')); });
    return message.find("raise the limit") != std::string::npos ? 0 : 2;
  });
  CHECK(status == 0);
  CHECK(contents(path) == "old");
  CHECK(test::files_in(scratch.path()) == 1);
}

TEST_CASE("Stale temporaries go, files in use and others stay") {
  const test::ScratchDirectory scratch;
  AtomicFile in_use(scratch / "used.bin");
  test::put(scratch / ".model.safetensors.tmp-1-0", "of a live process that does not hold it");
  test::put(scratch / (".a.tmp-" + std::to_string(::getpid()) + "-7"), "of this process number");
  for (const char* other : {".a.tmp-1", ".a.tmp-x-0", "a.tmp-1-0", ".tmp-1-0", "model.safetensors"})
    test::put(scratch / other, "");
  std::filesystem::create_directory(scratch / ".d.tmp-1-0");
  std::filesystem::create_symlink(scratch / "model.safetensors", scratch / ".l.tmp-1-0");
  CHECK(remove_stale_temporaries(scratch.path()) == 2);
  CHECK(test::files_in(scratch.path()) == 8);
  in_use.commit();
  CHECK(std::filesystem::exists(scratch / "used.bin"));
  CHECK(remove_stale_temporaries(scratch / "missing") == 0);
}

}  // namespace
}  // namespace hourglass
