# io_uring without a library, for tests.
import ctypes, mmap, socket, struct

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
SETUP, ENTER, REGISTER = 425, 426, 427
CONNECT, SOCKET = 16, 45
FIXED_FILE, SQPOLL = 1, 2


# `fd` is negative where rings cannot be had.
class Ring:
    def __init__(self, flags=0):
        self.params = ctypes.create_string_buffer(120)
        struct.pack_into("II", self.params, 8, flags, 0)
        self.fd = libc.syscall(SETUP, 4, self.params)
        if self.fd < 0:
            return
        self.polled = flags & SQPOLL
        self.sq = struct.unpack_from("7I", self.params, 40)
        cq = self.cq = struct.unpack_from("6I", self.params, 80)
        size = max(self.sq[6] + 4 * 4, cq[5] + 8 * 16)
        self.rings = mmap.mmap(self.fd, size, offset=0)
        self.sqes = mmap.mmap(self.fd, 4 * 64, offset=0x10000000)

    # Hands one request in and waits for its end; gives the result.
    def do(self, opcode, fd, addr=0, off=0, length=0, flags=0):
        head, tail, _, _, ring_flags, _, array = self.sq
        at = struct.unpack_from("I", self.rings, tail)[0]
        slot = at & 3
        self.sqes[slot * 64 : slot * 64 + 64] = struct.pack("<BBHiQQII", opcode, flags, 0, fd, off, addr, length, 0) + struct.pack("<Q", 7) + bytes(24)
        struct.pack_into("I", self.rings, array + 4 * slot, slot)
        struct.pack_into("I", self.rings, tail, at + 1)
        # GETEVENTS, and for a ring that is polled SQ_WAKEUP
        libc.syscall(ENTER, self.fd, 1, 1, 3 if self.polled else 1, None, 0)
        seen = struct.unpack_from("I", self.rings, self.cq[0])[0]
        result = struct.unpack_from("i", self.rings, self.cq[5] + (seen & 7) * 16 + 8)[0]
        struct.pack_into("I", self.rings, self.cq[0], seen + 1)
        return result


# An address as the kernel takes it, of 16 bytes.
def target(ip, port):
    return ctypes.create_string_buffer(struct.pack("<H", 2) + struct.pack(">H", port) + socket.inet_aton(ip) + bytes(8), 16)

