"""
Uses what lies on a file system that stops answering: `hanging-user.py MOUNTPOINT FOLDER`. Has its file open and its folder as its own, and runs
its file. Says `ready`; after a line on standard input it uses descriptors of it and makes a file in the folder, says `used`, and so on.
"""
import array
import ctypes
import os
import select
import socket
import sys
import time

PR_SET_PDEATHSIG = 1
prctl = ctypes.CDLL(None).prctl
mountpoint, folder = sys.argv[1:]
file = os.path.join(mountpoint, 'it')
fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
polled = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
here, there = socket.socketpair()

# Its program is there.
program = os.fork()
if program == 0:
    prctl(PR_SET_PDEATHSIG, 9)
    os.execv(file, ['it', '1000'])

# Begins another program when told so: closing what it had open asks the file system, and until then nobody may look into it.
begin_read, begin_write = os.pipe()
beginner = os.fork()
if beginner == 0:
    prctl(PR_SET_PDEATHSIG, 9)
    os.read(begin_read, 1)
    os.execv('/bin/sleep', ['sleep', '1000'])

# Polls it while it waits for events of the kernel.
poll_read, poll_write = os.pipe()
poller = os.fork()
if poller == 0:
    prctl(PR_SET_PDEATHSIG, 9)
    epoll = select.epoll()
    epoll.register(0, select.EPOLLIN)
    os.read(poll_read, 1)
    try:
        epoll.register(polled, select.EPOLLIN)
    except OSError:
        pass
    time.sleep(1000)

os.chdir(mountpoint)
print('ready', flush=True)
for line in sys.stdin:
    what = line.strip()
    if what == 'begin':
        os.write(begin_write, b'x')
        os.write(poll_write, b'x')
    elif what == 'receive':
        here.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])
        _, rights, _, _ = there.recvmsg(1, 64)
        received = array.array('i', rights[0][2])[0]
        os.dup2(received, 100)
    else:
        os.close(os.open(os.path.join(folder, what), os.O_CREAT | os.O_WRONLY, 0o600))
    print('did ' + what, flush=True)
for pid in (program, beginner, poller):
    os.kill(pid, 9)
