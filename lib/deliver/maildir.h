/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildir - a message into DIR/new, by way of DIR/tmp
 *
 * Runs with the recipient's rights; blocks.  After 0 file and directory entry are on disk.  Missing directories are made (0700).
 */
#ifndef DELIVER_MAILDIR_H
#define DELIVER_MAILDIR_H

#include "deliver/copy.h"

/* dir without slash at the end; host for the file's name.  err->text: "create maildir file X: reason"; err->dsn by errno, else dflt_dsn. */
NODISCARD int maildir_deliver(const char *dir, const char *host, const struct copy_msg *m, const char *dflt_dsn, struct err *err);
/* The status code that an errno of a mailbox means: 4.2.0 ... 5.2.2. */
const char *mailbox_dsn(int sys, const char *dflt_dsn);

#endif
