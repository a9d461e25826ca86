# What the tests of faults watch. Each line of standard input is the sign to go on.
import os, sys

what, folder = sys.argv[1:3]


def say(text):
    print(text, flush=True)


def wait():
    if sys.stdin.readline() == '':
        sys.exit(1)


def before():
    """Has a file open; on the sign another under the same number, and another program: itself as `after`."""
    os.dup2(os.open(folder + '/first', os.O_RDONLY | os.O_CREAT), 9)
    say('ready')
    wait()
    os.dup2(os.open(folder + '/second', os.O_RDONLY | os.O_CREAT), 9)
    os.execv(sys.executable, [sys.executable, '-S', __file__, 'after', folder])


def after():
    """Makes a child; on the sign both change the mode of what is open, and stay."""
    end, start = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(start)
        os.read(end, 1)
        os.fchmod(9, 0o600)
        os.read(end, 1)
        os._exit(0)
    say('again')
    wait()
    os.fchmod(9, 0o640)
    os.write(start, b'x')
    wait()


def change():
    """Changes, on the sign, the mode of a file that it has open since before."""
    os.dup2(os.open(folder + '/mine', os.O_RDONLY | os.O_CREAT), 9)
    say('ready')
    wait()
    os.fchmod(9, 0o1501)  # as nobody else does
    wait()


def flood():
    """Fills the ring: large events, then the smallest for what room is left."""
    long = folder + '/none/' + '/'.join(['x' * 200] * 15)
    for path, count in ((long, 12000), (folder + '/none', 3000), ('', 3000)):
        for _ in range(count):
            try:
                os.mkdir(path)
            except OSError:
                pass


def files():
    """Makes one file after the other until there is one that is called `enough`, and says how many."""
    count = 0
    while not os.path.exists(folder + '/enough'):
        count += 1
        os.close(os.open('%s/f%d' % (folder, count), os.O_WRONLY | os.O_CREAT))
    say(count)


def bomb():
    """Forks twice in each of eight generations: five hundred processes at once."""
    for _ in range(8):
        for _ in range(2):
            if os.fork() == 0:
                break
        else:
            break
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass


def reuse():
    """Two programs, one after the other, with the same process id."""
    import ctypes, struct
    libc = ctypes.CDLL(None, use_errno=True)

    def spawn(pid, args):
        wanted = ctypes.c_int(pid)
        clone_args = struct.pack('<10Q', 0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(wanted), 1)
        result = libc.syscall(ctypes.c_long(435), clone_args, ctypes.c_long(len(clone_args)))
        if result == 0:
            os.execv(args[0], args)
        return result

    for pid in range(int(open('/proc/sys/kernel/pid_max').read()) - 50, 300, -7):
        if spawn(pid, ['/bin/chmod', '600', folder + '/one']) == pid:
            break
        if ctypes.get_errno() not in (17,):
            say('cannot choose a process id: ' + os.strerror(ctypes.get_errno()))
            return
    os.waitpid(pid, 0)
    while spawn(pid, [sys.executable, '-S', '-c', 'import os; os.chmod("%s/two", 0o600)' % folder]) != pid:
        if ctypes.get_errno() == 17:
            say('somebody else has the process id')
            return
    os.waitpid(pid, 0)
    say(pid)


{'before': before, 'after': after, 'change': change, 'flood': flood, 'files': files, 'bomb': bomb, 'reuse': reuse}[what]()
