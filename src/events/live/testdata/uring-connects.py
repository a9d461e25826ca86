# Connections that io_uring makes, without a call of connect, for connects.test.ts. Prints what it used, a JSON object.
import ctypes, json, os, socket, struct, sys

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
from uring import CONNECT, FIXED_FILE, REGISTER, SOCKET, SQPOLL, Ring, libc, target

out = {"pid": os.getpid()}
ring = Ring()
if ring.fd < 0:
    print(json.dumps({**out, "refused": True}))
    sys.exit()
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(9)
out["port"] = server.getsockname()[1]
address = target(*server.getsockname())
at = ctypes.addressof(address)

# a socket that a call made
client = socket.socket()
out["fd"] = client.fileno()
out["plain"] = ring.do(CONNECT, client.fileno(), at, 16)

# one that the ring made
made = ring.do(SOCKET, socket.AF_INET, 0, socket.SOCK_STREAM, 0)
out["made"] = made
if made >= 0:
    out["ofMade"] = ring.do(CONNECT, made, at, 16)

# one that only the ring knows
held = socket.socket()
table = ctypes.create_string_buffer(struct.pack("i", held.fileno()))
if libc.syscall(REGISTER, ring.fd, 2, table, 1) == 0:  # REGISTER_FILES
    out["fixed"] = ring.do(CONNECT, 0, at, 16, 0, FIXED_FILE)

# a datagram socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out["udp"] = udp.fileno()
out["ofUdp"] = ring.do(CONNECT, udp.fileno(), at, 16)

# a ring that a thread of the kernel looks after
polled = Ring(SQPOLL)
last = socket.socket()
if polled.fd >= 0:
    out["polled"] = last.fileno()
    out["ofPolled"] = polled.do(CONNECT, last.fileno(), at, 16)
print(json.dumps(out))
