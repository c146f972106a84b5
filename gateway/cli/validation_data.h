/* validation_data.h - what a signature needs to be judged later (XAdES-B-LT): the certificates
 * of its chains and what their issuers say of them now, fetched from the addresses that the
 * certificates name. For `vasite sign`; the service has relay/trust. */
#ifndef VS_GATEWAY_CLI_VALIDATION_DATA_H
#define VS_GATEWAY_CLI_VALIDATION_DATA_H
#include "formats/signature/xades_make.h"
#include "gateway/cli/cli.h"

/* The client for addresses given by the caller or found in certificates: any network. */
VS_NODISCARD vs_rc vs_cli_open_network(struct vs_cli *cli);

/* A POST or (empty body) GET; VS_E_NETWORK where the answer is not 200. */
VS_NODISCARD vs_rc vs_cli_ask(struct vs_cli *cli, const char *url, const char *media_type,
                              struct vs_bytes body, struct vs_bytes *ret);

/* Judge-later data for each of `subjects` (DER) and the chains above them. Issuers are looked
 * for among `known` (DER) and by caIssuers addresses; each certificate that names a responder
 * or a list gets its answer, which is verified. Lives in cli->arena. Fails: VS_E_CERTIFICATE
 * (one is revoked or suspended, or its issuer is not to be found), VS_E_REVOCATION_DATA (no
 * answer can be had), VS_E_NETWORK. */
VS_NODISCARD vs_rc vs_cli_validation_data(struct vs_cli *cli, const struct vs_bytes *subjects,
                                          size_t n_subjects, const struct vs_bytes *known,
                                          size_t n_known, struct vs_xades_validation_data *ret);
#endif
