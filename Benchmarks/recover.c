/* Seconds of CPU for a recovery of a secp256k1 key: what an EIP-4361 sign-in can't do without. */
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(void) {
  enum { COUNT = 5000 };
  secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
  unsigned char key[32], digest[32], compact[64];
  int recovery;
  memset(key, 'k', sizeof key);
  memset(digest, 'd', sizeof digest);
  secp256k1_ecdsa_recoverable_signature signature;
  secp256k1_pubkey found;
  secp256k1_ecdsa_sign_recoverable(context, &signature, digest, key, NULL, NULL);
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context, compact, &recovery, &signature);
  clock_t start = clock();
  for (int round = 0; round < COUNT; round++) {
    if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context, &signature, compact, recovery) ||
        !secp256k1_ecdsa_recover(context, &found, &signature, digest))
      return 1;
  }
  printf("%.9f\n", (double)(clock() - start) / CLOCKS_PER_SEC / COUNT);
  return 0;
}
