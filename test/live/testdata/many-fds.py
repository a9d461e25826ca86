# Has as many descriptors as it is asked for and may have: files, pipes, sockets. Says what the last ones are; on the sign it uses these.
import json, os, resource, socket, sys

folder, count = sys.argv[1], int(sys.argv[2])
KINDS = 8  # descriptors that come last

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(count + 64, hard), max(count + 64, hard)))
except ValueError:
    count = min(count, hard - 64)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

listener = socket.create_server(('127.0.0.1', 0))
keep = []
made = 5 + KINDS
datagrams = min(500, count // 20)
while made < count - datagrams:
    for number in range(6):
        os.open('%s/f%d' % (folder, made % 1000 + number), os.O_RDONLY | os.O_CREAT)
    os.pipe()
    keep.append(socket.socketpair())
    made += 10
for _ in range(datagrams):
    keep.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    keep[-1].connect(('127.0.0.1', 9))

file = os.open(folder + '/last', os.O_RDWR | os.O_CREAT)
directory = os.open(folder, os.O_RDONLY)
end, start = os.pipe()
tcp = socket.create_connection(listener.getsockname())
other, _ = listener.accept()
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.connect(('::1', 9))
unix = socket.socketpair()[0]
print(json.dumps({
    'count': len(os.listdir('/proc/self/fd')) - 1,
    'tcpName': '127.0.0.1:%d->127.0.0.1:%d' % (tcp.getsockname()[1], tcp.getpeername()[1]),
    'udpName': '::1:%d->::1:9' % udp.getsockname()[1],
}), flush=True)

while sys.stdin.readline() != '':
    os.fchmod(file, 0o640)
    os.fchdir(directory)
    os.fchmod(os.open('beside', os.O_RDONLY | os.O_CREAT), 0o600)
    os.fchmod(start, 0o600)
    tcp.send(b'x')
    try:
        udp.send(b'x')
    except ConnectionRefusedError:
        pass
    print('used', flush=True)
