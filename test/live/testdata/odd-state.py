"""What makes state in more ways than one: sockets of all families, descriptors that are copied and passed, programs from memory, orphans."""
import ctypes
import fcntl
import os
import select
import socket
import subprocess
import threading
import time

a, b = socket.socketpair()
a.send(b"x")
b.recv(9)
server = socket.socket(socket.AF_UNIX)
server.bind("sock")
server.listen()
client = socket.socket(socket.AF_UNIX)
client.connect("sock")
accepted, _ = server.accept()
client.send(b"hi")
accepted.recv(9)
hidden = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
hidden.bind("\0odd-state-%d" % os.getpid())
a_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
a_socket.sendto(b"to", hidden.getsockname())
hidden.recv(9)

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.sendto(b"q", udp.getsockname())
_, peer = udp.recvfrom(9)
udp.sendto(b"r", peer)
other.recvfrom(9)
other.connect(udp.getsockname())
other.send(b"s")
tcp = socket.create_server(("127.0.0.1", 0))
out = socket.create_connection(tcp.getsockname())
into, _ = tcp.accept()
out.sendall(b"abc")
into.recv(9)
late = socket.socket()
late.setblocking(False)
late.connect_ex(tcp.getsockname())
tcp.setblocking(False)
try:
    for _ in range(3):
        tcp.accept()
except BlockingIOError:
    pass
nobody = socket.socket()
nobody.bind(("127.0.0.1", 0))
hopeless = socket.socket()
hopeless.setblocking(False)
for _ in range(2):
    hopeless.connect_ex(nobody.getsockname())
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).close()
icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
icmp.sendto(b"\x08\x00\xf7\xff\x00\x00\x00\x00", ("127.0.0.1", 0))
icmp.recvfrom(99)
refused = socket.socket()
refused.connect_ex(("127.0.0.1", 1))
if socket.has_ipv6:
    try:
        tcp6 = socket.create_server(("::1", 0), family=socket.AF_INET6)
        out6 = socket.create_connection(tcp6.getsockname()[:2])
        into6, _ = tcp6.accept()
        out6.sendall(b"abc")
        into6.recv(9)
        both = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        mapped = socket.create_connection(("127.0.0.1", both.getsockname()[1]))
        inside, _ = both.accept()
        inside.send(b"z")
        mapped.recv(3)
        only4 = socket.socket(socket.AF_INET6)
        only4.bind(("::ffff:127.0.0.1", 0))
        only4.listen()
        udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        udp6.bind(("::1", 0))
        other6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        other6.sendto(b"q", udp6.getsockname())
        udp6.recvfrom(9)
        via6 = socket.socket(socket.AF_INET6)
        via6.connect(("::ffff:127.0.0.1", tcp.getsockname()[1]))
    except OSError as error:
        print("without IPv6:", error)


def in_thread():
    open("/etc/passwd").read()
    subprocess.run(["/bin/true"])


# What threads begin has a parent of another name than its process.
libc = ctypes.CDLL(None)
libc.prctl(15, b"renamed")
threads = [threading.Thread(target=in_thread) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

program = os.memfd_create("odd")
os.write(program, open("/bin/true", "rb").read())
pid = os.fork()
if pid == 0:
    os.execve(program, ["odd", "arg"], {"A": "b"})
os.waitpid(pid, 0)
pid = os.fork()
if pid == 0:
    os.setresgid(65534, 65534, 65534)
    os.setuid(65534)
    open("/etc/hostname").read()
    os._exit(3)
os.waitpid(pid, 0)

os.mkdir("d")
folder = os.open("d", os.O_RDONLY | os.O_DIRECTORY)
os.close(os.open(b"caf\xe9 \xc5\x91\x01", os.O_CREAT))
os.close(os.open("f", os.O_CREAT | os.O_WRONLY, 0o755, dir_fd=folder))
os.rename("f", "g", src_dir_fd=folder, dst_dir_fd=folder)
os.symlink("/etc/shadow", "l", dir_fd=folder)
os.fchdir(folder)
open("../relative", "w").close()
os.chdir("..")
open("d/../d/./g").close()
r, w = os.pipe()
os.write(w, b"1")
os.read(r, 1)
os.dup2(r, 50)
fcntl.fcntl(r, fcntl.F_DUPFD_CLOEXEC, 60)
fcntl.fcntl(r, fcntl.F_DUPFD, 60)
os.close(60)
epoll = select.epoll()
epoll.register(r, select.EPOLLIN)
libc.prctl(15, b"another")
libc.eventfd(0, 0)
libc.eventfd(0, 1)
libc.timerfd_create(0, 0)
libc.inotify_init1(0)
libc.epoll_create(1)
os.open("/etc/hostname", os.O_RDONLY)

# A child that outlives its parent, under one that asked for such.
libc.prctl(36, 1)
pid = os.fork()
if pid == 0:
    if os.fork() == 0:
        time.sleep(0.1)
        open("/etc/hosts").read()
        os._exit(0)
    os._exit(0)
os.waitpid(pid, 0)
os.waitpid(-1, 0)
