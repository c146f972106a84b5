/* key_files.h - keys of the service that an outside centre certified, from files.
 *
 * PKCS#12, or PEM with the private key (PKCS#8) and the certificates, own first; as an operator
 * gets them. They take the place of those that the embedded centre would make. */
#ifndef VS_RELAY_SEAL_KEY_FILES_H
#define VS_RELAY_SEAL_KEY_FILES_H
#include "relay/seal/keys.h"

/* Read the file `path` into `keys` as `purpose`. `passphrase` may be empty where the file is
 * not encrypted. VS_E_KEY: unreadable, wrong passphrase, no certificate, or one that is not for
 * the key; or not in force at `now`, or without nonRepudiation and digitalSignature.
 * VS_E_CONFIG: no such file. */
VS_NODISCARD vs_rc vs_keys_load(struct vs_keys *keys, enum vs_purpose purpose, const char *path,
                                struct vs_bytes passphrase, vs_time_ms now,
                                struct vs_error *err);
#endif
