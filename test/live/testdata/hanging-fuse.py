"""
A file system on FUSE whose server stops answering: `hanging-fuse.py MOUNTPOINT PROGRAM` mounts it with one folder and in it one file, `it`,
a copy of the program, in a mount namespace of its own. Says `mounted`. Each line on standard input is a list of requests that get no answer from then on (`getattr flush`), or
`all`; each is said back. When it ends, everything that waits fails.
"""
import ctypes
import os
import select
import struct
import sys

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 17, 18, 25, 26
OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT, POLL, BATCH_FORGET = 27, 28, 29, 34, 36, 40, 42
NAMES = {'lookup': LOOKUP, 'getattr': GETATTR, 'open': OPEN, 'read': READ, 'flush': FLUSH, 'access': ACCESS, 'poll': POLL}
ENOENT, ENOSYS = 2, 38
ROOT, FILE = 1, 2

mountpoint, program = sys.argv[1:]
with open(program, 'rb') as f:
    content = f.read()

fuse = os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC)
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
libc.unshare(CLONE_NEWNS)
libc.mount(None, b'/', None, MS_REC | MS_PRIVATE, None)
options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()
if libc.mount(b'hanging', os.fsencode(mountpoint), b'fuse', 0, options) != 0:
    print('cannot mount: ' + os.strerror(ctypes.get_errno()), flush=True)
    sys.exit(1)


def attr(node):
    mode, size = (0o40755, 4096) if node == ROOT else (0o100755, len(content))
    return struct.pack('<6Q10I', node, size, (size + 511) // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(unique, data=b'', error=0):
    os.write(fuse, struct.pack('<IiQ', 16 + len(data), -error, unique) + data)


def serve(request, silent):
    _, opcode, unique, node = struct.unpack_from('<IIQQ', request)
    body = request[40:]
    if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
        return
    if opcode in silent:
        return
    if opcode == INIT:
        answer(unique, struct.pack('<IIIIHHIIHHI28x', 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0))
    elif opcode == LOOKUP:
        if body.rstrip(b'\0') == b'it':
            answer(unique, struct.pack('<QQQQII', FILE, 0, 3600, 0, 0, 0) + attr(FILE))
        else:
            answer(unique, error=ENOENT)
    elif opcode == GETATTR:
        answer(unique, struct.pack('<QII', 0, 0, 0) + attr(node))
    elif opcode in (OPEN, OPENDIR):
        answer(unique, struct.pack('<QII', 1, 0, 0))
    elif opcode == READ:
        _, offset, size = struct.unpack_from('<QQI', body)
        answer(unique, content[offset:offset + size])
    elif opcode == POLL:
        answer(unique, struct.pack('<II', 0, 0))
    elif opcode in (READDIR, RELEASE, RELEASEDIR, FLUSH, ACCESS):
        answer(unique)
    elif opcode == STATFS:
        answer(unique, b'\0' * 80)
    else:
        answer(unique, error=ENOSYS)


silent = set()
print('mounted', flush=True)
while True:
    ready, _, _ = select.select([fuse, 0], [], [])
    if 0 in ready:
        line = os.read(0, 1024).decode()
        if line == '':
            break
        silent = set(NAMES.values()) if line.strip() == 'all' else {NAMES[name] for name in line.split()}
        print(line, end='', flush=True)
    if fuse in ready:
        try:
            serve(os.read(fuse, 1 << 20), silent)
        except FileNotFoundError:  # whoever asked is gone
            pass
