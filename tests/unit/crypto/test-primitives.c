/*
 * Ciphers, hash functions and PBKDF2 against published vectors: FIPS 197,
 * SP 800-38A, IEEE 1619, FIPS 180, RFC 6070, RFC 2144.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "util/osdep.h"

#include "crypto/cipher.h"
#include "crypto/hash.h"

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        out[i] = g_ascii_xdigit_value(hex[2 * i]) << 4 |
                 g_ascii_xdigit_value(hex[2 * i + 1]);
    }
    return n;
}

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(text, "%02x", got[i]);
    }
    g_assert_cmpstr(text->str, ==, want);
}

typedef struct CipherCase {
    QCryptoCipherAlgo alg;
    QCryptoCipherMode mode;
    const char *key, *iv, *plain, *crypted;
} CipherCase;

static const CipherCase cipher_cases[] = {
    { QCRYPTO_CIPHER_ALGO_AES_128, QCRYPTO_CIPHER_MODE_ECB,
      "000102030405060708090a0b0c0d0e0f", NULL,
      "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a" },
    { QCRYPTO_CIPHER_ALGO_AES_256, QCRYPTO_CIPHER_MODE_ECB,
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", NULL,
      "00112233445566778899aabbccddeeff", "8ea2b7ca516745bfeafc49904b496089" },
    { QCRYPTO_CIPHER_ALGO_AES_128, QCRYPTO_CIPHER_MODE_CBC,
      "2b7e151628aed2a6abf7158809cf4f3c", "000102030405060708090a0b0c0d0e0f",
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
      "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2" },
    { QCRYPTO_CIPHER_ALGO_AES_128, QCRYPTO_CIPHER_MODE_CTR,
      "2b7e151628aed2a6abf7158809cf4f3c", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
      "6bc1bee22e409f96e93d7e117393172a", "874d6191b620e3261bef6864990db6ce" },
    { QCRYPTO_CIPHER_ALGO_AES_128, QCRYPTO_CIPHER_MODE_XTS,
      "1111111111111111111111111111111122222222222222222222222222222222",
      "33333333330000000000000000000000",
      "4444444444444444444444444444444444444444444444444444444444444444",
      "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0" },
    { QCRYPTO_CIPHER_ALGO_CAST5_128, QCRYPTO_CIPHER_MODE_ECB,
      "0123456712345678234567893456789a", NULL, "0123456789abcdef",
      "238b4fe5847e44b2" },
};

static void test_ciphers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cipher_cases); i++) {
        const CipherCase *c = &cipher_cases[i];
        uint8_t key[64], iv[QCRYPTO_MAX_IV] = { 0 }, plain[64], buf[64];
        size_t nkey = from_hex(c->key, key), n = from_hex(c->plain, plain);
        g_autoptr(QCryptoCipher) cipher = NULL;

        if (c->iv) {
            from_hex(c->iv, iv);
        }
        cipher = qcrypto_cipher_new(c->alg, c->mode, key, nkey, &error_abort);
        qcrypto_cipher_encrypt(cipher, iv, buf, plain, n, &error_abort);
        assert_hex(buf, n, c->crypted);
        qcrypto_cipher_decrypt(cipher, iv, buf, buf, n, &error_abort);
        assert_hex(buf, n, c->plain);
    }
}

static void test_refused(void)
{
    uint8_t key[64] = { 1 }, buf[17] = { 0 };
    g_autoptr(QCryptoCipher) cipher = NULL;
    Error *err = NULL;

    g_assert_null(qcrypto_cipher_new(QCRYPTO_CIPHER_ALGO_CAST5_128,
                                     QCRYPTO_CIPHER_MODE_XTS, key, 32, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Unsupported cipher mode xts");
    error_free_or_abort(&err);
    g_assert_null(qcrypto_cipher_new(QCRYPTO_CIPHER_ALGO_AES_256,
                                     QCRYPTO_CIPHER_MODE_CBC, key, 16, &err));
    error_free_or_abort(&err);
    cipher = qcrypto_cipher_new(QCRYPTO_CIPHER_ALGO_AES_256,
                                QCRYPTO_CIPHER_MODE_CBC, key, 32, &error_abort);
    g_assert_false(qcrypto_cipher_encrypt(cipher, key, buf, buf, 17, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Length 17 must be a multiple of block size 16");
    error_free_or_abort(&err);
}

static void test_hashes(void)
{
    static const struct {
        QCryptoHashAlgo alg;
        const char *digest;
    } cases[] = {
        { QCRYPTO_HASH_ALGO_MD5, "900150983cd24fb0d6963f7d28e17f72" },
        { QCRYPTO_HASH_ALGO_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
        { QCRYPTO_HASH_ALGO_SHA256, "ba7816bf8f01cfea414140de5dae2223"
                                    "b00361a396177a9cb410ff61f20015ad" },
        { QCRYPTO_HASH_ALGO_RIPEMD160,
          "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc" },
        { QCRYPTO_HASH_ALGO_SM3, "66c7f0f462eeedd9d1f2d46bdc10e4e2"
                                 "4167c4875cf2f7a2297da02b8f4ba8e0" },
    };
    uint8_t digest[QCRYPTO_MAX_DIGEST];

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t len = qcrypto_hash_digest_len(cases[i].alg);

        qcrypto_hash_two(cases[i].alg, "a", 1, "bc", 2, digest, &error_abort);
        assert_hex(digest, len, cases[i].digest);
        qcrypto_hash_two(cases[i].alg, "abc", 3, NULL, 0, digest, &error_abort);
        assert_hex(digest, len, cases[i].digest);
    }
}

static void test_pbkdf2(void)
{
    uint8_t out[25];

    qcrypto_pbkdf2(QCRYPTO_HASH_ALGO_SHA1, (const uint8_t *)"password", 8,
                   (const uint8_t *)"salt", 4, 4096, out, 20, &error_abort);
    assert_hex(out, 20, "4b007901b765489abead49d926f721d065a429c1");
    qcrypto_pbkdf2(QCRYPTO_HASH_ALGO_SHA1,
                   (const uint8_t *)"passwordPASSWORDpassword", 24,
                   (const uint8_t *)"saltSALTsaltSALTsaltSALTsaltSALTsalt", 36,
                   4096, out, 25, &error_abort);
    assert_hex(out, 25, "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!qcrypto_hash_supports(QCRYPTO_HASH_ALGO_SHA256)) {
        g_print("1..0 # SKIP built without libgcrypt\n");
        return 0;
    }
    g_test_add_func("/crypto/cipher/vectors", test_ciphers);
    g_test_add_func("/crypto/cipher/refused", test_refused);
    g_test_add_func("/crypto/hash", test_hashes);
    g_test_add_func("/crypto/pbkdf2", test_pbkdf2);
    return g_test_run();
}
