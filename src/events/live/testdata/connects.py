# Connections of each kind and outcome, for connects.test.ts. Prints the ports and names that it used, a JSON object.
import ctypes, json, os, resource, socket, tempfile

out = {"pid": os.getpid()}


def listen(backlog=5):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(backlog)
    return server


# without waiting: to somebody who listens, and to nobody
server = listen()
client = socket.socket()
client.setblocking(False)
client.connect_ex(server.getsockname())
out["later"] = [client.getsockname()[1], server.getsockname()[1]]
accepted, _ = server.accept()
gone = server.getsockname()
for s in (client, accepted, server):
    s.close()
client = socket.socket()
client.setblocking(False)
client.connect_ex(gone)
client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
out["nobody"] = gone[1]
client.close()

# to a server whose queue is full: the kernel gives up
server = listen(0)
held = []
for _ in range(3):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(server.getsockname())
    held.append(client)
client = socket.socket()
client.setsockopt(socket.IPPROTO_TCP, 18, 200)  # TCP_USER_TIMEOUT
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
try:
    client.connect(server.getsockname())
except OSError:
    pass
out["full"] = server.getsockname()[1]
for s in (client, server, *held):
    s.close()

# with TCP Fast Open: sends that connect, a connect that leaves it to the first send, and a datagram with the flag, which means nothing there
FAST = 0x20000000
server = listen()
out["fast"] = server.getsockname()[1]
request = b"GET / HTTP/1.1\r\nHost: fast.example\r\n\r\n"
out["request"] = len(request)
held = []
for send in (
    lambda s: s.sendto(request, FAST, server.getsockname()),
    lambda s: s.sendmsg([request[:9], request[9:]], [], FAST, server.getsockname()),
):
    client = socket.socket()
    send(client)
    held.append(client)
client = socket.socket()
client.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
client.connect(server.getsockname())
client.send(request)
held.append(client)
out["fds"] = [s.fileno() for s in held]
for s in (server, *held):
    s.close()
client = socket.socket()
try:
    client.sendto(request, FAST, ("127.0.0.1", out["fast"]))
except OSError:
    pass
client.close()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    udp.sendto(b"flag", FAST, ("127.0.0.1", 4245))
except OSError:
    pass
# with a list that cannot be read
ctypes.CDLL(None).sendmmsg(udp.fileno(), None, 1, FAST)
udp.close()

# a network that cannot be reached, over IPv6 as most machines are
client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
client.connect_ex(("::1", 4243))
client.connect_ex(("::ffff:127.0.0.3", 4244))
client.close()

# unix sockets: one that is there, one that is not, datagrams without a connection
directory = tempfile.mkdtemp()
out["directory"] = directory
server = socket.socket(socket.AF_UNIX)
server.bind(directory + "/stream")
server.listen(1)
client = socket.socket(socket.AF_UNIX)
client.connect(directory + "/stream")
client.close()
server.close()
client = socket.socket(socket.AF_UNIX)
client.connect_ex(directory + "/none")
client.close()
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(directory + "/datagrams")
client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
client.sendto(b"datagram", directory + "/datagrams")
client.sendmsg([b"message"], [], 0, directory + "/datagrams")
for s in (client, server):
    s.close()
for name in ("stream", "datagrams"):
    os.unlink(directory + "/" + name)
os.rmdir(directory)

# limits that were not read, because the call failed
try:
    resource.prlimit(os.getpid(), 99)
except (OSError, ValueError):
    pass
import ctypes

libc = ctypes.CDLL(None)
limits = ctypes.create_string_buffer(16)
libc.syscall(302 if os.uname().machine == "x86_64" else 261, 0, 99, None, limits)  # prlimit64 of no resource
print(json.dumps(out))
