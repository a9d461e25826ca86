# Calls that few programs make, with known arguments, for rare-events.test.ts. Prints what it used, a JSON object.
import ctypes, json, os, signal, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(number, *args):
    return libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])


out = {"pid": os.getpid()}

# semaphores
sem = call(64, 0, 3, 0o1600)  # semget IPC_PRIVATE, IPC_CREAT
out["sem"] = sem
call(66, sem, 1, 16, 5)  # semctl SETVAL
call(65, sem, struct.pack("HhhHhh", 1, -2, 0o4000, 2, 1, 0o10000), 2)  # semop
call(66, sem, 0, 0, 0)  # semctl IPC_RMID

# quotas of a device that is not there
call(179, 0x800002 << 8, b"/dev/none", 2, b"/quota.user")  # Q_QUOTAON, QFMT_VFS_V0
limits = struct.pack("8QI", 11, 12, 13, 14, 15, 16, 17, 18, 1 | 2 | 4) + bytes(8)
call(179, 0x800008 << 8 | 1, b"/dev/none", 1234, limits)  # Q_SETQUOTA of a group

# a file system that is configured and never mounted
fs = call(430, b"tmpfs", 1)  # fsopen
call(431, fs, 1, b"size", b"1m", 0)  # FSCONFIG_SET_STRING
call(431, fs, 6, 0, 0, 0)  # FSCONFIG_CMD_CREATE
os.close(fs)

# processes
text = ctypes.create_string_buffer(b"text of another process")
child = os.fork()
if child == 0:
    signal.pause()
    os._exit(0)
out["child"] = child
pidfd = os.pidfd_open(child)
out["pidfd"] = pidfd
got = call(438, pidfd, 0, 0)  # pidfd_getfd
os.close(got)
back = ctypes.create_string_buffer(64)
size = len(text)
local = struct.pack("QQ", ctypes.addressof(back), size)
remote = struct.pack("QQ", ctypes.addressof(text), size)
call(310, child, local, 1, remote, 1, 0)  # process_vm_readv
call(311, child, local, 1, remote, 1, 0)  # process_vm_writev
signal.pidfd_send_signal(pidfd, 0)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
call(200, os.getpid(), 0)  # tkill
call(234, os.getpid(), os.getpid(), 0)  # tgkill
call(250, 1, b"ring-name", 0, 0, 0)  # keyctl KEYCTL_JOIN_SESSION_KEYRING

# rights: those that it has
header = struct.pack("Ii", 0x20080522, 0)
data = ctypes.create_string_buffer(24)
call(125, header, data)  # capget
call(126, header, data)  # capset

# memory
libc.mmap.restype = ctypes.c_long
page = libc.mmap(0, 4096, 3, 0x22, -1, 0)
call(10, page, 4096, 5)  # mprotect, readable and executable
call(9, 0, 8192, 5, 0x22, -1, 0)  # mmap, the same
ring = call(425, 4, ctypes.create_string_buffer(120))  # io_uring_setup
if ring >= 0:
    os.close(ring)
out["ring"] = ring
call(321, 0xFFFF, 0, 0)  # bpf, no such command
call(323, 0x80000)  # userfaultfd

# names: the first bytes of connections
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(5)
request = b"GET /" + b"x" * 200 + b" HTTP/1.1\r\nHost: shop.example\r\n\r\n"
for write in (
    lambda s: os.write(s.fileno(), request),
    lambda s: os.writev(s.fileno(), [request[:100], request[100:]]),
    lambda s: s.send(request),
    lambda s: s.sendmsg([request]),
    lambda s: os.write(s.fileno(), b"GETTING nowhere, which is no request at all"),
):
    client = socket.socket()
    client.connect(server.getsockname())
    write(client)
    client.close()
out["request"] = len(request)

# several messages at once
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
out["udp"] = udp.getsockname()[1]
parts = [ctypes.create_string_buffer(b"one", 3), ctypes.create_string_buffer(b"second", 6)]
iov = ctypes.create_string_buffer(b"".join(struct.pack("QQ", ctypes.addressof(p), len(p)) for p in parts))
to = ctypes.create_string_buffer(struct.pack("<H", 2) + struct.pack(">H", out["udp"]) + socket.inet_aton("127.0.0.1") + bytes(8), 16)
messages = ctypes.create_string_buffer(
    b"".join(struct.pack("QIIQQQQIIII", ctypes.addressof(to), 16, 0, ctypes.addressof(iov) + 16 * i, 1, 0, 0, 0, 0, 0, 0) for i in range(2))
)
call(307, udp.fileno(), messages, 2, 0)  # sendmmsg
call(299, udp.fileno(), messages, 2, 0x40, 0)  # recvmmsg, MSG_DONTWAIT

print(json.dumps(out))
