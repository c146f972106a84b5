/* verify.h - `vasite verify`: judge a signed file offline, by EN 319 102-1 and Art. 3.
 *
 * Reads the files named and nothing else: no service, no network, no configuration. */
#ifndef VS_GATEWAY_CLI_VERIFY_H
#define VS_GATEWAY_CLI_VERIFY_H

/* argv[0] is "verify". Exit status: 0 TOTAL-PASSED, 1 TOTAL-FAILED, 3 INDETERMINATE or nothing
 * signed, 2 the file or the call is refused. */
int vs_cli_verify(int argc, char **argv);
#endif
