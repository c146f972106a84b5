/* calibrate.h - what unavoidable work costs on this machine, now: CPU nanoseconds a unit.
 *
 * Written against OpenSSL, SQLite and the kernel directly, not against our own wrappers, so
 * that a slow wrapper of ours lowers the share of the floor instead of lowering the floor. */
#ifndef VS_TESTS_BENCH_CALIBRATE_H
#define VS_TESTS_BENCH_CALIBRATE_H

struct calibration {
    double sign;          /* one ECDSA P-256 signature, context reused */
    double verify;        /* one ECDSA P-256 verification, context reused */
    double hash_byte;     /* SHA-256 of a byte, in pieces of 10 KB */
    double receive_byte;  /* a byte through a loopback TCP socket, the receiver's side */
    double send_byte;     /* the same, the sender's side */
    double write_byte;    /* a byte appended to a file in pieces of 1 MB */
    double read_byte;     /* the same read again, from the page cache */
    double document_rows; /* the six rows of one accepted document, 128 documents a commit */
};

/* Takes about a second. `folder` is where the file and the database go. */
struct calibration calibrate(const char *folder);

/* The larger relative difference of the two signature operations. */
double calibration_drift(const struct calibration *before, const struct calibration *after);
#endif
