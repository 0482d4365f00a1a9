# SPDX-License-Identifier: Apache-2.0
"""The plan file of tests/fault/fault.c: which calls of which programs fail, or end the process."""
import errno
import mmap
import os
import struct

RECORD, RULES = struct.Struct('16s16sIIiIII'), 8
KILL, KILL_AFTER = 0, -1
ERRORS = {'open': errno.EMFILE, 'read': errno.EIO, 'write': errno.ENOSPC, 'fsync': errno.EIO, 'rename': errno.EIO, 'unlink': errno.EIO,
          'fork': errno.EAGAIN, 'connect': errno.ECONNREFUSED, 'accept': errno.EMFILE, 'send': errno.ENOBUFS, 'receive': errno.ECONNRESET,
          'chmod': errno.EIO, 'malloc': errno.ENOMEM}


class Plan:
    def __init__(self, path):
        self.path = path
        with open(path, 'wb') as f:
            f.truncate(RECORD.size * RULES)
            f.flush()
        os.chmod(path, 0o666)
        with open(path, 'r+b') as f:
            self.map = mmap.mmap(f.fileno(), RECORD.size * RULES)

    def arm(self, program, kind, first, error=None, last=None):
        self.disarm()
        rec = RECORD.pack(program.encode(), kind.encode(), first, last or first, ERRORS[kind] if error is None else error, 0, 0, 0)
        self.map[32:RECORD.size] = rec[32:]     # the names last: a rule counts once these are there
        self.map[0:32] = rec[0:32]

    def disarm(self):
        self.map[0:32] = b'\0' * 32
        self.map[32:] = b'\0' * (len(self.map) - 32)

    def calls(self):
        return RECORD.unpack(self.map[:RECORD.size])[5]

    def hits(self):
        return RECORD.unpack(self.map[:RECORD.size])[6]
