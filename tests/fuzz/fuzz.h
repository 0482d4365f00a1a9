/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz - what the targets share: a scratch folder in memory, and the entry that libFuzzer and the replay driver call
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A folder of this process, made at the first call and removed at the end. */
const char *fuzz_dir(void);
/* Write a file below it (name may hold slashes whose folders exist); returns its path, valid until the next call. */
const char *fuzz_file(const char *name, const void *data, size_t size, unsigned mode);
/* NUL-terminated copy; the caller frees with mem_free. */
char *fuzz_str(const uint8_t *data, size_t size);

#endif
