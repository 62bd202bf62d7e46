#include "data/sha256.h"
#include "data/sha256_blocks.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace hourglass {

#if defined(__x86_64__)

bool has_sha_ni() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  const bool sse = (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  return sse && (b & bit_SHA) != 0;
}

namespace detail {

__attribute__((target("sha,sse4.1"))) void sha256_sha_ni(std::uint32_t* state,
                                                         const std::byte* blocks,
                                                         std::size_t count) {
  const __m128i byte_order = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  auto* words = reinterpret_cast<__m128i*>(state);
  // The instructions want the state as ABEF and CDGH, highest word first.
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xB1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1B);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);

  for (; count > 0; --count, blocks += 64) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i schedule[4];  // the last 16 words of the message schedule, four a register
#pragma GCC unroll 16
    for (int group = 0; group < 16; ++group) {
      __m128i& current = schedule[group % 4];
      if (group < 4) {
        const auto* source = reinterpret_cast<const __m128i*>(blocks) + group;
        current = _mm_shuffle_epi8(_mm_loadu_si128(source), byte_order);
      } else {
        const __m128i back3 = schedule[(group + 1) % 4];
        const __m128i back2 = schedule[(group + 2) % 4];
        const __m128i back1 = schedule[(group + 3) % 4];
        const __m128i partial =
            _mm_add_epi32(_mm_sha256msg1_epu32(current, back3), _mm_alignr_epi8(back1, back2, 4));
        current = _mm_sha256msg2_epu32(partial, back1);
      }
      const auto* constants = reinterpret_cast<const __m128i*>(sha256_constants.data()) + group;
      const __m128i input = _mm_add_epi32(current, _mm_loadu_si128(constants));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, input);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(input, 0x0E));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  const __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

}  // namespace detail

#else

bool has_sha_ni() { return false; }

namespace detail {

void sha256_sha_ni(std::uint32_t* state, const std::byte* blocks, std::size_t count) {
  sha256_portable(state, blocks, count);
}

}  // namespace detail

#endif

}  // namespace hourglass
