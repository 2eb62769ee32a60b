// Polynomials are bit-reflected: in a word of w bits, bit i is the coefficient of x^(w-1-i). A
// 32-bit CRC lives in the low half of a 64-bit word, so that one code serves all three.
//
// Folding: 128 bits of the message, read as H x^64 + L, are moved on by D bits by
//   (H x^64 + L) x^D = H (x^(D+64) mod P) + L (x^D mod P)   (mod P)
// and added to the 128 bits that lie there. A product of two reflected words comes out one bit too
// low, that is, multiplied by x; the exponents below are less by one for that. What is left in the
// end, 16 bytes that are congruent to all the others, goes through the table: no reduction of its
// own is needed.
#include "skipjack/s3/crc.h"

#include <array>
#include <bit>
#include <cstring>

#include "skipjack/base/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define SKIPJACK_TARGET_PCLMUL __attribute__((target("sse4.1,pclmul")))
#define SKIPJACK_TARGET_VPCLMUL512 __attribute__((target("avx512f,vpclmulqdq")))
#endif

namespace skipjack::s3 {
namespace {

/// Multipliers that move 128 bits on by a distance.
struct FoldConstants {
  std::uint64_t high;  ///< for the first 64 bits, H.
  std::uint64_t low;   ///< for the others, L.
};

struct CrcTables {
  std::uint64_t polynomial;  ///< without its highest power.
  int bits;
  std::uint64_t mask;  ///< of the bits that a value has.
  /// bytes[k][b]: the CRC register after byte b and k zero bytes.
  std::array<std::array<std::uint64_t, 256>, 8> bytes;
  /// powers[k]: x^(8 * 2^k).
  std::array<std::uint64_t, 63> powers;
  FoldConstants by_128, by_512, by_2048;
};

constexpr std::uint64_t times_x(std::uint64_t a, std::uint64_t polynomial) {
  return (a & 1) != 0 ? (a >> 1) ^ polynomial : a >> 1;
}

/// a b mod P.
constexpr std::uint64_t multiply(const CrcTables& tables, std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  for (std::uint64_t bit = std::uint64_t{1} << (tables.bits - 1); a != 0; bit >>= 1) {
    if ((a & bit) != 0) {
      product ^= b;
      a ^= bit;
    }
    b = times_x(b, tables.polynomial);
  }
  return product;
}

/// x^exponent mod P, as the upper bits of a 64-bit word.
constexpr std::uint64_t folding_power(const CrcTables& tables, int exponent) {
  std::uint64_t power = std::uint64_t{1} << (tables.bits - 1);
  for (int i = 0; i < exponent; ++i) power = times_x(power, tables.polynomial);
  return power << (64 - tables.bits);
}

constexpr FoldConstants fold_constants(const CrcTables& tables, int distance) {
  return {.high = folding_power(tables, distance + 64 - 1),
          .low = folding_power(tables, distance - 1)};
}

constexpr CrcTables make_tables(std::uint64_t polynomial, int bits) {
  CrcTables tables{};
  tables.polynomial = polynomial;
  tables.bits = bits;
  tables.mask = ~std::uint64_t{0} >> (64 - bits);
  for (std::size_t b = 0; b < 256; ++b) {
    std::uint64_t value = b;
    for (int i = 0; i < 8; ++i) value = times_x(value, polynomial);
    tables.bytes[0][b] = value;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint64_t value = tables.bytes[k - 1][b];
      tables.bytes[k][b] = (value >> 8) ^ tables.bytes[0][value & 0xff];
    }
  // x^8; shorter than any modulus here.
  tables.powers[0] = std::uint64_t{1} << (bits - 1 - 8);
  for (std::size_t k = 1; k < tables.powers.size(); ++k)
    tables.powers[k] = multiply(tables, tables.powers[k - 1], tables.powers[k - 1]);
  tables.by_128 = fold_constants(tables, 128);
  tables.by_512 = fold_constants(tables, 512);
  tables.by_2048 = fold_constants(tables, 2048);
  return tables;
}

// By CrcKind.
constinit const std::array<CrcTables, kNumCrcKinds> kTables = {
    make_tables(0x9a6c9329ac4bc9b5, 64), make_tables(0x82f63b78, 32), make_tables(0xedb88320, 32)};

const CrcTables& tables_of(CrcKind kind) { return kTables[static_cast<std::size_t>(kind)]; }

std::uint64_t load_little_endian(const std::byte* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

/// On the register itself, not inverted.
std::uint64_t update_by_table(const CrcTables& tables, std::uint64_t crc,
                              std::span<const std::byte> bytes) {
  const auto& table = tables.bytes;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    const std::uint64_t word = crc ^ load_little_endian(bytes.data());
    crc = table[7][word & 0xff] ^ table[6][(word >> 8) & 0xff] ^ table[5][(word >> 16) & 0xff] ^
          table[4][(word >> 24) & 0xff] ^ table[3][(word >> 32) & 0xff] ^
          table[2][(word >> 40) & 0xff] ^ table[1][(word >> 48) & 0xff] ^ table[0][word >> 56];
  }
  for (const std::byte byte : bytes)
    crc = table[0][(crc ^ static_cast<std::uint64_t>(byte)) & 0xff] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)

constexpr std::size_t kFoldBytes = 64;

/// Bytes that are congruent to the message so far; what follows them is in the span.
struct Folding {
  alignas(64) std::array<std::byte, kFoldBytes> state;
  std::span<const std::byte> rest;
};

SKIPJACK_TARGET_PCLMUL inline __m128i load(const std::byte* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

SKIPJACK_TARGET_PCLMUL inline __m128i constants(const FoldConstants& fold) {
  return _mm_set_epi64x(static_cast<long long>(fold.low), static_cast<long long>(fold.high));
}

SKIPJACK_TARGET_PCLMUL inline __m128i fold(__m128i lane, __m128i multipliers, __m128i next) {
  return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(lane, multipliers, 0x00),
                                     _mm_clmulepi64_si128(lane, multipliers, 0x11)),
                       next);
}

/// Folds all but the last bytes, fewer than 16, into the first 16 bytes of the state.
SKIPJACK_TARGET_PCLMUL void fold_128(const CrcTables& tables, Folding& folding) {
  std::span<const std::byte>& rest = folding.rest;
  __m128i a = load(folding.state.data()), b = load(folding.state.data() + 16),
          c = load(folding.state.data() + 32), d = load(folding.state.data() + 48);
  const __m128i far = constants(tables.by_512);
  for (; rest.size() >= 64; rest = rest.subspan(64)) {
    a = fold(a, far, load(rest.data()));
    b = fold(b, far, load(rest.data() + 16));
    c = fold(c, far, load(rest.data() + 32));
    d = fold(d, far, load(rest.data() + 48));
  }
  const __m128i near = constants(tables.by_128);
  a = fold(fold(fold(a, near, b), near, c), near, d);
  for (; rest.size() >= 16; rest = rest.subspan(16)) a = fold(a, near, load(rest.data()));
  _mm_store_si128(reinterpret_cast<__m128i*>(folding.state.data()), a);
}

SKIPJACK_TARGET_VPCLMUL512 inline __m512i fold(__m512i lane, __m512i multipliers, __m512i next) {
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(lane, multipliers, 0x00),
                                   _mm512_clmulepi64_epi128(lane, multipliers, 0x11), next, 0x96);
}

/// Folds the state, then a multiple of 256 bytes, into the state. At least 192 bytes must follow.
SKIPJACK_TARGET_VPCLMUL512 void fold_512(const CrcTables& tables, Folding& folding) {
  std::span<const std::byte>& rest = folding.rest;
  __m512i a = _mm512_load_si512(folding.state.data()), b = _mm512_loadu_si512(rest.data()),
          c = _mm512_loadu_si512(rest.data() + 64), d = _mm512_loadu_si512(rest.data() + 128);
  rest = rest.subspan(192);
  const auto constants_of = [](const FoldConstants& fold) {
    return std::array<std::uint64_t, 8>{fold.high, fold.low, fold.high, fold.low,
                                        fold.high, fold.low, fold.high, fold.low};
  };
  const auto far_words = constants_of(tables.by_2048), near_words = constants_of(tables.by_512);
  const __m512i far = _mm512_loadu_si512(far_words.data());
  for (; rest.size() >= 256; rest = rest.subspan(256)) {
    a = fold(a, far, _mm512_loadu_si512(rest.data()));
    b = fold(b, far, _mm512_loadu_si512(rest.data() + 64));
    c = fold(c, far, _mm512_loadu_si512(rest.data() + 128));
    d = fold(d, far, _mm512_loadu_si512(rest.data() + 192));
  }
  const __m512i near = _mm512_loadu_si512(near_words.data());
  _mm512_store_si512(folding.state.data(), fold(fold(fold(a, near, b), near, c), near, d));
}

std::uint64_t update_by_folding(const CrcTables& tables, std::uint64_t crc,
                                std::span<const std::byte> bytes, CrcKernel kernel) {
  Folding folding;
  std::memcpy(folding.state.data(), bytes.data(), kFoldBytes);
  folding.rest = bytes.subspan(kFoldBytes);
  const std::uint64_t first = load_little_endian(folding.state.data()) ^ crc;
  std::memcpy(folding.state.data(), &first, sizeof first);
  // Below that, setting up costs more than it saves.
  constexpr std::size_t kWorthwhile = 1024;
  if (kernel == CrcKernel::Vpclmul512 && bytes.size() >= kWorthwhile) fold_512(tables, folding);
  fold_128(tables, folding);
  crc = update_by_table(tables, 0, std::span<const std::byte>(folding.state).first(16));
  return update_by_table(tables, crc, folding.rest);
}

#endif

CrcKernel find_best_kernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"))
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq")
               ? CrcKernel::Vpclmul512
               : CrcKernel::Pclmul;
#endif
  return CrcKernel::Portable;
}

}  // namespace

CrcKernel best_crc_kernel() {
  static const CrcKernel best = find_best_kernel();
  return best;
}

std::uint64_t crc_update(CrcKind kind, std::uint64_t crc, std::span<const std::byte> bytes) {
  return crc_update(kind, crc, bytes, best_crc_kernel());
}

std::uint64_t crc_update(CrcKind kind, std::uint64_t crc, std::span<const std::byte> bytes,
                         CrcKernel kernel) {
  SKIPJACK_CHECK(kernel <= best_crc_kernel());
  const CrcTables& tables = tables_of(kind);
  const std::uint64_t state = crc ^ tables.mask;
#if defined(__x86_64__)
  if (kernel != CrcKernel::Portable && bytes.size() >= kFoldBytes)
    return update_by_folding(tables, state, bytes, kernel) ^ tables.mask;
#endif
  return update_by_table(tables, state, bytes) ^ tables.mask;
}

std::uint64_t crc_combine(CrcKind kind, std::uint64_t first, std::uint64_t second,
                          std::int64_t second_bytes) {
  SKIPJACK_CHECK(second_bytes >= 0);
  const CrcTables& tables = tables_of(kind);
  auto left = static_cast<std::uint64_t>(second_bytes);
  for (std::size_t k = 0; left != 0; ++k, left >>= 1)
    if ((left & 1) != 0) first = multiply(tables, tables.powers[k], first);
  return first ^ second;
}

}  // namespace skipjack::s3
