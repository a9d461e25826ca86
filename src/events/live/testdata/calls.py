# System calls with known arguments, for open-live.test.ts. Prints the ports and paths that it used, a JSON object.
import ctypes, json, os, signal, socket, sys, tempfile

libc = ctypes.CDLL(None, use_errno=True)
out = {"pid": os.getpid()}

# tcp over IPv4 and IPv6, refused, non-blocking
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind((address, 0))
    server.listen(7)
    client = socket.socket(family, socket.SOCK_STREAM)
    client.connect(server.getsockname()[:2])
    peer, _ = server.accept()
    client.sendall(b"ping")
    peer.recv(100)
    out["tcp6" if ":" in address else "tcp4"] = [client.getsockname()[1], server.getsockname()[1]]
    for s in (client, peer, server):
        s.close()
client = socket.socket()
try:
    client.connect(("127.0.0.1", 1))
except OSError:
    pass
client.close()
mapped = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
mapped.connect(("::ffff:127.0.0.2", 4242))
mapped.close()

# udp without a connection
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b"datagram", server.getsockname())
server.recvfrom(100)
client.sendmsg([b"one", b"two"], [], 0, server.getsockname())
server.recvmsg(100)
client.sendto(b"x" * 500, server.getsockname())
out["udp"] = [client.getsockname()[1], server.getsockname()[1]]
client.close()
server.close()

# a datagram to port 53, and what looks like a TLS ClientHello
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b"q" * 300, ("127.0.0.1", 53))
client.close()
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(1)
client = socket.socket()
client.connect(server.getsockname())
os.write(client.fileno(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + b"h" * 508)
os.write(client.fileno(), b"plain")
client.close()
server.close()

# unix sockets
name = "tiercel-test-%d" % os.getpid()
server = socket.socket(socket.AF_UNIX)
server.bind("\0" + name)
server.listen(3)
client = socket.socket(socket.AF_UNIX)
client.connect("\0" + name)
out["unix"] = name
client.close()
server.close()

# files
directory = tempfile.mkdtemp()
out["directory"] = directory
os.chdir(directory)
fd = os.open("file", os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o640)
out["ino"] = os.fstat(fd).st_ino
os.fchmod(fd, 0o4755)
os.close(fd)
dirfd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
os.close(os.open("file", os.O_RDONLY, dir_fd=dirfd))
os.rename("file", "renamed")
os.symlink("renamed", "symbolic")
os.link("renamed", "hard")
for path in ("hard", "symbolic", "renamed"):
    os.unlink(path)
os.mkdir("sub", 0o750)
os.rmdir("sub")
os.chdir("/")
os.rmdir(directory)

# processes
read, write = os.pipe()
os.dup2(read, 77)
os.close(77)
pid = os.fork()
if pid == 0:
    os._exit(3)
os.waitpid(pid, 0)
out["exited"] = pid
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(pid, 0)
out["killed"] = pid
libc.prctl(15, b"renamed-comm", 0, 0, 0)
libc.setresuid(-1, 0, -1)
try:
    os.execve("/does-not-exist", ["first", "second"], {"A": "1"})
except OSError:
    pass
print(json.dumps(out))
sys.stdout.flush()
os.execve("/bin/true", ["zero", "one", "two three"], {"NAME": "value", "OTHER": ""})
