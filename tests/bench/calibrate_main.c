/* bench_calibrate FOLDER: unit costs as one line of JSON, CPU nanoseconds. */
#include "tests/bench/calibrate.h"
#include <stdio.h>

int main(int argc, char **argv)
{
    struct calibration c = calibrate(argc > 1 ? argv[1] : "/tmp");
    printf("{\"sign\":%.1f,\"verify\":%.1f,\"hash_byte\":%.5f,\"receive_byte\":%.5f,"
           "\"send_byte\":%.5f,\"write_byte\":%.5f,\"read_byte\":%.5f,"
           "\"document_rows\":%.1f}\n",
           c.sign, c.verify, c.hash_byte, c.receive_byte, c.send_byte, c.write_byte,
           c.read_byte, c.document_rows);
    return 0;
}
