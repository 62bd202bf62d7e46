#include <string>
#include <vector>

#include "data/sha256.h"
#include "support/catch.h"
#include "support/data_files.h"
#include "support/skip.h"

namespace {

using hourglass::Sha256;
using hourglass::Sha256Code;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string hash_with(Sha256Code code, const std::string& text) {
  Sha256 hash(code);
  hash.update(bytes_of(text));
  return hash.finish();
}

// NIST, "Examples with intermediate values" and the SHA test vectors for hashing byte-oriented
// messages.
void check_vectors(Sha256Code code) {
  CHECK(hash_with(code, "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hash_with(code, "abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hash_with(code, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hash_with(code, std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace

TEST_CASE("SHA-256 gives NIST's digests in portable code") { check_vectors(Sha256Code::portable); }

TEST_CASE("SHA-256 gives NIST's digests with the SHA extensions") {
  if (!hourglass::has_sha_ni()) {
    hourglass::test::skip("this CPU has no SHA extensions");
    return;
  }
  check_vectors(Sha256Code::sha_ni);
}

TEST_CASE("SHA-256: both codes agree for every length around the block size") {
  if (!hourglass::has_sha_ni()) {
    hourglass::test::skip("this CPU has no SHA extensions");
    return;
  }
  std::string text;
  for (int length = 0; length < 200; ++length) {
    REQUIRE(hash_with(Sha256Code::portable, text) == hash_with(Sha256Code::sha_ni, text));
    text += static_cast<char>(length * 37 + 11);
  }
}

TEST_CASE("SHA-256 does not depend on how the bytes are cut") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 101);
  const std::string whole = hourglass::sha256(bytes_of(text));
  for (std::size_t piece = 1; piece < 130; ++piece) {
    Sha256 hash;
    for (std::size_t at = 0; at < text.size(); at += piece)
      hash.update(bytes_of(text).subspan(at, std::min(piece, text.size() - at)));
    REQUIRE(hash.finish() == whole);
  }
}

TEST_CASE("SHA-256 of a file") {
  const hourglass::test::TemporaryFolder folder;
  CHECK(hourglass::sha256_file(hourglass::test::write_file(folder / "abc", "abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hourglass::sha256_file(hourglass::test::write_file(folder / "empty", "")) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
