// What the tests of the command share: small data, a small trained run, and checks of failures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/command.h"
#include "support/data_files.h"

namespace hourglass::test {

/// `words` and `more` as one list.
inline Words join(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// A short training of a small network on built-in images: 20 steps of 50 images.
inline Words small_training(const std::string& out, const Words& more = {}) {
  return join({"train", "--data", "strokes:500", "--widths", "784,16,4", "--batch", "50",
               "--epochs", "2", "--out", out},
              more);
}

/// A run directory that every test may read; made once.
inline std::string trained_run() {
  static const TemporaryFolder folder;
  static const std::string run = [] {
    const std::string path = folder / "run";
    const CommandResult result = hourglass(small_training(path));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return path;
  }();
  return run;
}

/// Every file under a directory, by name.
inline std::map<std::string, std::string> snapshot(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) files[entry.path().string()] = read_file(entry.path().string());
  return files;
}

/// The command fails with `exit_code`, one line "error: ..." that holds every one of `parts`, and
/// nothing on stdout.
inline void require_failure(const Words& words, int exit_code, const Words& parts) {
  const CommandResult result = hourglass(words);
  std::string line;
  for (const std::string& word : words) line += word + " ";
  INFO(line << "\n" << result.err);
  CHECK(result.exit_code == exit_code);
  CHECK(result.out.empty());
  const std::size_t begin = result.err.find("error: ");
  REQUIRE(begin != std::string::npos);
  const std::string message = result.err.substr(begin);
  CHECK(std::count(message.begin(), message.end(), '\n') == 1);
  for (const std::string& part : parts) CHECK_THAT(message, Catch::Contains(part));
}

/// The one JSON object that the command prints.
inline nlohmann::json require_json(const Words& words) {
  const CommandResult result = hourglass(words);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto object = nlohmann::json::parse(result.out, nullptr, false);
  INFO(result.out);
  REQUIRE(object.is_object());
  return object;
}

/// An IDX file of `count` u8 images of side x side pixels, each image different.
inline std::string u8_images(std::uint32_t count, std::uint32_t side) {
  std::string pixels;
  for (std::uint32_t i = 0; i < count * side * side; ++i)
    pixels += static_cast<char>((i * 2654435761U) >> 24);
  return idx_bytes(0x08, {count, side, side}, pixels);
}

}  // namespace hourglass::test
