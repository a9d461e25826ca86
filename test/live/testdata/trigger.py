# Runs what should raise alerts, one after the other: reads cases as JSON from the file that is named, and tells of each what /proc and the
# kernel say. Each is a session of its own, and has its name in the environment; what prepares it has none. A case that is named `again` is
# repeated until there is a line to read.
import fcntl, json, os, select, subprocess, sys, termios


def stat_of(pid):
    with open('/proc/%d/stat' % pid) as file:
        text = file.read()
    return text[text.index('(') + 1 : text.rindex(')')], text[text.rindex(')') + 2 :].split()


def run(case):
    """Starts a case; gives its process id and what is seen from inside."""
    if 'setup' in case:
        subprocess.run(['/bin/sh', '-ec', case['setup']], check=True, env={'PATH': os.environ['PATH']})
    told, tell = os.pipe()
    main, terminal = os.openpty() if case.get('tty') else (None, None)
    pid = os.fork()
    if pid == 0:
        try:
            os.close(told)
            os.setsid()
            if terminal is not None:
                fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
            facts = {'tty': int(stat_of(os.getpid())[1][4])}
            os.dup2(os.open('/dev/null', os.O_RDWR), 0)
            os.chdir(case.get('cwd', '/'))
            facts['exepath'] = os.path.realpath(case['argv'][0])
            os.write(tell, json.dumps(facts).encode())
            os.close(tell)
            user = case.get('user', 0)
            if user:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            argv = case['argv']
            env = {'CASE': case['id'], 'PATH': os.environ['PATH'], **case.get('env', {})}
            os.execve(argv[0], [case.get('argv0', argv[0])] + argv[1:], env)
        except OSError as error:
            os.write(2, str(error).encode())
        finally:
            os._exit(99)
    os.close(tell)
    facts = json.loads(os.read(told, 4096) or b'{}')
    os.close(told)
    return pid, facts, (main, terminal)


cases = json.load(open(sys.argv[1]))
os.umask(0o022)
late = []
for case in cases:
    while case['id'] == 'again' and not select.select([sys.stdin], [], [], 0.1)[0]:
        os.waitpid(run(case)[0], 0)
    pid, facts, ends = run(case)
    started = (case, pid, facts, ends)
    # Those that take long go on beside the others.
    if case.get('slow'):
        late.append(started)
        continue
    late.append(started + (os.waitpid(pid, 0)[1],))
for case, pid, facts, ends, *status in late:
    code = os.waitstatus_to_exitcode(status[0] if status else os.waitpid(pid, 0)[1])
    print(json.dumps({'id': case['id'], 'code': code, **facts}), flush=True)
print('done', flush=True)
sys.stdin.read()
