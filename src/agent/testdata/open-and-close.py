"""Opens and closes in every way: python3 -S open-and-close.py FOLDER SEED ROUNDS. Leaves its last files open to its children."""
import ctypes, os, random, sys, threading

folder, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
names = ['plain', 'a.secret', 'b.txt', 'deep/c.secret', 'deep/d']
os.makedirs(folder + '/deep', exist_ok=True)
for name in names:
    with open(folder + '/' + name, 'w') as file:
        file.write('x')
os.chdir(folder)


def play(seed, rounds):
    rng = random.Random(seed)
    fds = []
    for _ in range(rounds):
        what = rng.random()
        if what < 0.55:
            name = rng.choice(names + ['gone', 'gone.secret'])
            path = rng.choice([folder + '/' + name, name, './' + name, folder + '/deep/../' + name, folder + '//' + name])
            flags = rng.choice([os.O_RDONLY] * 4 + [os.O_RDWR, os.O_WRONLY | os.O_APPEND])
            try:
                fds.append(os.open(path, flags))
            except FileNotFoundError:
                pass
        elif what < 0.6:
            fds.append(os.open(folder, os.O_RDONLY))
        elif what < 0.65 and fds:
            fds.append(os.dup(rng.choice(fds)))
        elif what < 0.7 and len(fds) > 1:
            os.dup2(fds[0], fds[-1])
        elif what < 0.75:
            fds += os.pipe()
        elif what < 0.85 and fds:
            try:
                os.fchmod(rng.choice(fds), rng.choice([0o600, 0o644, 0o700]))
            except OSError:
                pass
        while len(fds) > rng.randrange(1, 12):
            os.close(fds.pop(rng.randrange(len(fds))))
    return fds


play(seed, rounds)
workers = [threading.Thread(target=play, args=(seed + i, rounds)) for i in (1, 2)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
left = play(seed + 3, rounds)
ctypes.CDLL(None).prctl(15, b'taster', 0, 0, 0)
for i in range(3):
    if os.fork() == 0:
        for fd in left:
            try:
                os.fchmod(fd, 0o755)
            except OSError:
                pass
        play(seed + 10 + i, rounds)
        os._exit(0)
    os.wait()
