/**
 * What raises each of Falco's 93 rules, and what nearly does: small programs, with the alerts that must come of each and no others. The values
 * are worked out by hand from the rules, what the fields mean in Falco, and what /proc says of the program; `rules.test.ts` fills in what is
 * usual for a program that `testdata/trigger.py` starts.
 */

/** Fields of an alert beyond the usual ones of its case; a pattern where the value is of the moment. */
export interface Facts {
  /** Programs between the one that the case starts and the one that does it, by their arguments: the nearest to the latter last. */
  readonly by?: readonly (readonly string[])[]
  readonly [field: string]: unknown
}

export interface Trigger {
  readonly does: string
  /** The file, then the arguments. */
  readonly argv: readonly string[]
  readonly where?: 'host' | 'container'
  /** A shell script that makes what it needs; raises nothing that is looked at. */
  readonly setup?: string
  readonly user?: keyof typeof USERS
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Has a terminal. */
  readonly tty?: true
  /** Is waited for at the end. */
  readonly slow?: true
  /** By rule; several for a rule that it raises more than once. */
  readonly raises: Readonly<Record<string, Facts | readonly Facts[]>>
}

export const USERS = { root: 0, daemon: 1, games: 5, _apt: 42, nobody: 65534 } as const

/** Programs under other names, in `/opt/lab/as`: `act` unless another is named. Their files belong to the lower layer. */
export const COPIES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['nginx', 'consul', 'mysqld', 'sshd', 'runc', 'php-fpm', 'npm', 'httpd'].map(name => [name, 'sh']),
  ),
  ...Object.fromEntries(
    [
      ...['nc', 'ncat', 'socat', 'useradd', 'passwd', 'sudo', 'pkexec', 'apk', 'kubectl', 'rsync', 'xmrig', 'crontab'],
      ...['nmap', 'debugfs', 'mount', 'shred', 'wget', 'curl'],
    ].map(name => [name, 'true']),
  ),
  ...Object.fromEntries(
    ['ssh', 'date', 'hostid', 'perl', 'java', 'ps', 'nsenter', 'bpftool', 'tar'].map(name => [name, 'act']),
  ),
}
const as = (name: string): string => `/opt/lab/as/${name}`
const ACT = '/opt/lab/act'

/** Rules that no system call raises where nothing but the control group is known of a container. */
export const NEVER: Readonly<Record<string, string>> = {
  'Launch Privileged Container': 'needs container.privileged, which only the container engine knows',
  'Mount Launched in Privileged Container': 'needs container.privileged',
  'Debugfs Launched in Privileged Container': 'needs container.privileged',
  'Launch Disallowed Container': 'every container is allowed until its macro is changed',
  'Network Connection outside Local Subnet': 'its list of namespaces is empty until it is changed',
}

/** Rules that root, logged in, does not raise. */
export const NOT_AS_ROOT: ReadonlySet<string> = new Set([
  'Sudo Potential Privilege Escalation',
  'Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)',
])

const UPPER = { 'evt.arg.flags': 'EXE_WRITABLE|EXE_UPPER_LAYER' }
/** The file that it opens, for writing unless another event is named. */
const file = (name: string, more: Facts = {}): Facts => ({ 'evt.type': 'openat', 'fd.name': name, ...more })
const PORT = String.raw`\d+`
/** A socket that is connected from an address of the lab. Neither end is an address of the host, so its own port counts as the remote one. */
function connection(name: string, type: string, l4proto: string, sport: number, more: Facts = {}): Facts {
  return {
    'evt.type': 'connect',
    'fd.name': new RegExp(`^${name.replaceAll('.', String.raw`\.`).replace('PORT', PORT)}$`),
    'fd.type': type,
    'fd.l4proto': l4proto,
    'fd.lport': sport,
    'fd.rport': /^\d+$/,
    'fd.sip': name.slice(name.indexOf('>') + 1, name.lastIndexOf(':')),
    ...more,
  }
}
const out = (ip: string, port: number, l4proto = 'tcp', more: Facts = {}): Facts =>
  connection(`198.51.100.1:PORT->${ip}:${port}`, 'ipv4', l4proto, port, more)
const TO_METADATA: Facts = connection('169.254.0.1:PORT->169.254.169.254:80', 'ipv4', 'tcp', 80)

/** The start of a container, whose program is `trigger.py` itself. */
export const START: Readonly<Record<string, Facts>> = {
  'Launch Excessively Capable Container': { 'thread.cap_permitted': /^CAP_CHOWN .*CAP_SYS_ADMIN/ },
  'Launch Sensitive Mount Container': { 'container.mounts': null },
  'Container Run as Root User': {},
}

export const triggers: readonly Trigger[] = [
  // falco_rules.yaml
  {
    does: 'reads below /etc by a path that climbs twice',
    argv: [ACT, 'read', '/opt/../opt/../etc/hostname'],
    raises: {
      'Directory traversal monitored file read': file('/etc/hostname', { 'fd.nameraw': '/opt/../opt/../etc/hostname' }),
    },
  },
  {
    does: 'fails to read below /etc by a path that climbs twice',
    argv: [ACT, 'read', '/opt/../opt/../etc/none'],
    raises: {
      'Directory traversal monitored file read': file('/etc/none', { 'fd.nameraw': '/opt/../opt/../etc/none' }),
    },
  },
  { does: 'reads below /etc by a path that climbs once', argv: [ACT, 'read', '/opt/../etc/hostname'], raises: {} },
  {
    does: 'reads the shadow file six seconds after its start',
    argv: [as('nginx'), '-c', 'sleep 6; : </etc/shadow'],
    slow: true,
    raises: {
      'Read sensitive file trusted after startup': file('/etc/shadow'),
      'Read sensitive file untrusted': file('/etc/shadow'),
    },
  },
  {
    does: 'reads the shadow file at its start',
    argv: [as('nginx'), '-c', ': </etc/shadow'],
    raises: { 'Read sensitive file untrusted': file('/etc/shadow') },
  },
  {
    does: 'reads what PAM is told',
    argv: ['/usr/bin/cat', '/etc/pam.d/common-auth'],
    setup: 'mkdir -p /etc/pam.d; touch /etc/pam.d/common-auth',
    raises: { 'Read sensitive file untrusted': file('/etc/pam.d/common-auth') },
  },
  { does: 'reads the shadow file as ps may', argv: [as('ps'), 'read', '/etc/shadow'], raises: {} },
  { does: 'fails to read the shadow file', argv: [ACT, 'read', '/etc/shadow'], user: 'games', raises: {} },
  {
    does: 'starts a shell from a service',
    argv: [as('consul'), '-c', 'sh -c true; :'],
    raises: { 'Run shell untrusted': { by: [['sh', '-c', 'true']] } },
  },
  { does: 'starts a shell that asks for a process', argv: [as('consul'), '-c', 'sh -c "kill -0 1"; :'], raises: {} },
  { does: 'starts no shell from a service', argv: [as('consul'), '-c', '/usr/bin/true; :'], raises: {} },
  {
    does: 'is a user of the system, logged in',
    argv: [as('sshd'), '-c', '/usr/bin/true; :'],
    user: 'daemon',
    raises: { 'System user interactive': { by: [['/usr/bin/true']], 'evt.arg.flags': 'EXE_LOWER_LAYER' } },
  },
  { does: 'is root, logged in', argv: [as('sshd'), '-c', '/usr/bin/true; :'], raises: {} },
  {
    does: 'starts a shell on a terminal',
    where: 'container',
    argv: [as('runc'), '-c', 'sh -c true; :'],
    tty: true,
    raises: { 'Terminal shell in container': { by: [['sh', '-c', 'true']] } },
  },
  {
    does: 'starts a shell without a terminal',
    where: 'container',
    argv: [as('runc'), '-c', 'sh -c true; :'],
    raises: {},
  },
  {
    does: 'listens for commands',
    where: 'container',
    argv: [as('nc'), '-l', '-e', '/bin/sh'],
    raises: { 'Netcat Remote Code Execution in Container': {}, 'Launch Suspicious Network Tool in Container': {} },
  },
  {
    does: 'is a network tool',
    where: 'container',
    argv: [as('ncat'), '--listen'],
    raises: { 'Launch Suspicious Network Tool in Container': {} },
  },
  {
    does: 'looks for private keys',
    argv: ['/usr/bin/grep', 'BEGIN RSA private', '/dev/null'],
    raises: { 'Search Private Keys or Passwords': {} },
  },
  {
    does: 'looks for files of private keys',
    argv: ['/usr/bin/find', '/opt/lab', '-maxdepth', '0', '-name', 'id_ed25519'],
    raises: { 'Search Private Keys or Passwords': {} },
  },
  { does: 'looks for something public', argv: ['/usr/bin/grep', 'BEGIN PUBLIC', '/dev/null'], raises: {} },
  {
    does: 'empties a log',
    argv: [ACT, 'create', '/var/log/lab.log', '644'],
    raises: { 'Clear Log Activities': file('/var/log/lab.log') },
  },
  { does: 'appends to a log', argv: ['/usr/bin/tee', '-a', '/var/log/lab.log'], raises: {} },
  {
    does: 'removes data',
    argv: [as('shred'), '-u', '/none'],
    raises: { 'Remove Bulk Data from Disk': { 'fd.name': null } },
  },
  {
    does: 'makes a symbolic link to /etc',
    cwd: '/var',
    argv: ['/usr/bin/ln', '-s', '/etc', 'etc-link'],
    raises: {
      'Create Symlink Over Sensitive Files': {
        'evt.type': 'symlinkat',
        'evt.arg.target': '/etc',
        'evt.arg.linkpath': '/var/etc-link',
      },
    },
  },
  { does: 'makes a symbolic link to /usr', cwd: '/var', argv: ['/usr/bin/ln', '-s', '/usr', 'usr-link'], raises: {} },
  {
    does: 'makes a link to the shadow file',
    argv: [ACT, 'link', '/etc/shadow', '/etc/shadow-link'],
    raises: {
      'Create Hardlink Over Sensitive Files': {
        'evt.type': 'link',
        'evt.arg.oldpath': '/etc/shadow',
        'evt.arg.newpath': '/etc/shadow-link',
      },
    },
  },
  {
    does: 'makes a link to a file that all may read',
    argv: [ACT, 'link', '/etc/passwd', '/etc/passwd-link'],
    raises: {},
  },
  {
    does: 'opens a packet socket',
    where: 'container',
    argv: [ACT, 'packet'],
    raises: {
      'Packet socket created in container': {
        'evt.type': 'socket',
        'evt.args': 'fd=3(<o>) domain=17(AF_PACKET) type=3 proto=0 flags=0(O_NONE)',
        'fd.name': '',
        'fd.lport': null,
        'fd.rport': null,
        'fd.type': '<NA>',
        'fd.l4proto': '<NA>',
      },
    },
  },
  { does: 'opens a packet socket', argv: [ACT, 'packet'], raises: {} },
  {
    does: 'has a connection for standard input and output',
    where: 'container',
    argv: [ACT, 'redirect', '127.0.0.1', '18900'],
    raises: {
      'Redirect STDOUT/STDIN to Network Connection in Container': ['dup2', 'dup3'].map(type => ({
        ...connection('127.0.0.1:PORT->127.0.0.1:18900', 'ipv4', 'tcp', 18900),
        'evt.type': type,
      })),
    },
  },
  { does: 'has a connection for standard input and output', argv: [ACT, 'redirect', '127.0.0.1', '18901'], raises: {} },
  {
    does: 'loads a module of the kernel',
    where: 'container',
    argv: [ACT, 'finit_module'],
    raises: {
      'Linux Kernel Module Injection Detected': {
        'evt.type': 'finit_module',
        // A kernel without modules has no such call.
        'evt.res': /^E(BADF|NOSYS)$/,
      },
    },
  },
  {
    does: 'loads a module of the kernel, without the right to',
    where: 'container',
    user: 'nobody',
    argv: [ACT, 'init_module'],
    raises: {},
  },
  { does: 'is a debugger of file systems', where: 'container', argv: [as('debugfs')], raises: {} },
  { does: 'mounts', where: 'container', argv: [as('mount'), 'x', 'y'], raises: {} },
  {
    does: 'writes what runs when a control group is empty',
    where: 'container',
    argv: [ACT, 'create', '/tmp/release_agent', '644'],
    raises: {
      'Detect release_agent File Container Escapes': file('/tmp/release_agent', {
        'thread.cap_effective': /^CAP_CHOWN .*CAP_SYS_ADMIN/,
      }),
    },
  },
  ...['attach', 'seize'].map(
    (how): Trigger => ({
      does: `debugs a process (${how})`,
      argv: [ACT, 'attach', how],
      raises: { 'PTRACE attached to process': { 'evt.type': 'ptrace' } },
    }),
  ),
  {
    does: 'asks to be debugged',
    argv: [ACT, 'traceme'],
    raises: { 'PTRACE anti-debug attempt': { 'evt.type': 'ptrace' } },
  },
  {
    does: 'looks for keys of AWS',
    cwd: '/usr',
    argv: ['/usr/bin/grep', '-i', 'AWS_SECRET_access_key', '/dev/null'],
    raises: { 'Find AWS Credentials': {} },
  },
  {
    does: 'looks for files in .aws',
    argv: ['/usr/bin/find', '/opt/lab', '-maxdepth', '0', '-path', '.aws/credentials/x'],
    raises: {},
  },
  {
    does: 'is in shared memory',
    setup: 'cp /usr/bin/true /dev/shm/lab-true',
    argv: ['/dev/shm/lab-true'],
    // The file system is a tmpfs: no layer.
    raises: { 'Execution from /dev/shm': { 'fd.name': null, 'evt.arg.flags': 'EXE_WRITABLE' } },
  },
  {
    does: 'runs a script in shared memory',
    cwd: '/dev/shm',
    argv: ['/usr/bin/sh', './none.sh'],
    raises: { 'Execution from /dev/shm': { 'fd.name': null } },
  },
  {
    does: 'fails to be run, in shared memory',
    argv: ['/usr/bin/env', '/dev/shm/none'],
    raises: {},
  },
  {
    does: 'was copied into the container',
    where: 'container',
    setup: 'cp /usr/bin/true /usr/local/bin/lab-dropped',
    argv: ['/usr/local/bin/lab-dropped'],
    raises: {
      'Drop and execute new binary in container': {
        ...UPPER,
        'proc.exe_ino.ctime': /^\d{19}$/,
        'proc.exe_ino.mtime': /^\d{19}$/,
        'proc.exe_ino.ctime_duration_proc_start': /^\d+$/,
        'container.start_ts': /^1\d{18}$/,
      },
    },
  },
  { does: 'came with the container', where: 'container', argv: ['/usr/bin/true'], raises: {} },
  {
    does: 'speaks SSH with the port of HTTPS',
    argv: [as('ssh'), 'connect', '198.51.100.9', '443'],
    raises: { 'Disallowed SSH Connection Non Standard Port': out('198.51.100.9', 443) },
  },
  { does: 'speaks SSH with its port', argv: [as('ssh'), 'connect', '198.51.100.9', '22'], raises: {} },
  { does: 'speaks SSH with a private address', argv: [as('ssh'), 'connect', '10.77.0.9', '443'], raises: {} },
  {
    does: 'runs a program from memory',
    argv: [ACT, 'memfd', '/usr/bin/true', 'by path'],
    raises: {
      'Fileless execution via memfd_create': {
        'container.start_ts': null,
        'evt.arg.flags': 'EXE_WRITABLE|EXE_FROM_MEMFD',
        'proc.name': '4',
        'proc.sname': '4',
        'proc.cmdline': '4',
        'proc.exepath': 'memfd:program',
      },
    },
  },
  {
    does: 'runs a program from memory, as runc does',
    argv: [as('runc'), '-c', `${ACT} memfd /usr/bin/true; :`],
    raises: {},
  },
  // falco-incubating_rules.yaml
  {
    does: 'changes how a shell starts',
    setup: 'mkdir -p /home/lab/.ssh; touch /home/lab/.bashrc /home/lab/.ssh/id',
    argv: ['/usr/bin/tee', '/home/lab/.bashrc'],
    raises: {
      'Modify Shell Configuration File': file('/home/lab/.bashrc'),
      'Create Hidden Files or Directories': file('/home/lab/.bashrc', { 'evt.arg.newpath': null }),
    },
  },
  {
    does: 'is a shell that changes how a shell starts',
    argv: ['/usr/bin/sh', '-c', ': >>/etc/profile; :'],
    raises: { 'Write below etc': file('/etc/profile') },
  },
  {
    does: 'writes a cron job',
    argv: [ACT, 'create', '/etc/cron.d/lab', '644'],
    setup: 'mkdir -p /etc/cron.d',
    raises: { 'Schedule Cron Jobs': file('/etc/cron.d/lab'), 'Write below etc': file('/etc/cron.d/lab') },
  },
  { does: 'edits cron jobs', argv: [as('crontab'), '-l'], raises: { 'Schedule Cron Jobs': { 'fd.name': null } } },
  {
    does: 'reads a key of SSH',
    argv: [ACT, 'read', '/home/lab/.ssh/id'],
    raises: { 'Read ssh information': file('/home/lab/.ssh/id') },
  },
  {
    does: 'lists the keys of SSH',
    setup: 'mkdir -p /root/.ssh',
    argv: [ACT, 'list', '/root/.ssh'],
    raises: { 'Read ssh information': file('/root/.ssh') },
  },
  { does: 'is ssh and reads a key', argv: [as('ssh'), 'read', '/home/lab/.ssh/id'], raises: {} },
  {
    does: 'starts a program from a database',
    argv: [as('mysqld'), '-c', '/usr/bin/true; :'],
    raises: { 'DB program spawned process': { by: [['/usr/bin/true']] } },
  },
  {
    does: 'changes its network namespace',
    argv: [ACT, 'setns'],
    raises: { 'Change thread namespace': { 'evt.type': 'setns' } },
  },
  { does: 'is nsenter and changes its network namespace', argv: [as('nsenter'), 'setns'], raises: {} },
  {
    does: 'is nsenter in a container and changes its network namespace',
    where: 'container',
    argv: [as('nsenter'), 'setns'],
    raises: { 'Change thread namespace': { 'evt.type': 'setns' } },
  },
  {
    does: 'asks for a mount namespace without the right to',
    where: 'container',
    user: 'nobody',
    argv: [ACT, 'unshare'],
    raises: {
      'Change namespace privileges via unshare': { 'evt.type': 'unshare', 'evt.res': 'EPERM' },
    },
  },
  { does: 'asks for a mount namespace', where: 'container', argv: [ACT, 'unshare'], raises: {} },
  {
    does: 'is date and connects',
    argv: [as('date'), 'connect', '198.51.100.9', '80'],
    raises: { 'System procs network activity': out('198.51.100.9', 80) },
  },
  { does: 'is hostid and connects', argv: [as('hostid'), 'connect', '198.51.100.9', '80'], raises: {} },
  {
    does: 'is told of a proxy',
    argv: [as('curl'), '-V'],
    env: { http_proxy: 'http://127.0.0.1:1' },
    raises: {
      'Program run with disallowed http proxy env': {
        'proc.env': /^CASE=\d+ PATH=\S+ http_proxy=http:\/\/127\.0\.0\.1:1$/,
      },
    },
  },
  { does: 'is told of no proxy', argv: [as('curl'), '-V'], raises: {} },
  {
    does: 'connects over UDP',
    argv: [ACT, 'udp', '198.51.100.9', '9999'],
    raises: { 'Unexpected UDP Traffic': out('198.51.100.9', 9999, 'udp') },
  },
  {
    does: 'connects over UDP and IPv6',
    argv: [ACT, 'udp', 'fd00:77::9', '9999'],
    raises: { 'Unexpected UDP Traffic': connection('fd00:77::1:PORT->fd00:77::9:9999', 'ipv6', 'udp', 9999) },
  },
  { does: 'asks for the time over UDP', argv: [ACT, 'udp', '198.51.100.9', '123'], raises: {} },
  {
    does: 'becomes another user',
    argv: [ACT, 'setuid', '1'],
    user: 'games',
    raises: { 'Non sudo setuid': { 'evt.type': 'setuid', 'evt.arg.uid': 'daemon' } },
  },
  { does: 'becomes itself', argv: [ACT, 'setuid', '65534'], user: 'nobody', raises: {} },
  {
    does: 'becomes another user as root',
    argv: [ACT, 'setuid', '1'],
    // Who it is then, is judged.
    raises: {
      'Non sudo setuid': { 'evt.type': 'setuid', 'evt.arg.uid': 'daemon', 'user.name': 'daemon', 'user.uid': 1 },
    },
  },
  { does: 'stays root', argv: [ACT, 'setuid', '0'], raises: {} },
  { does: 'adds a user', argv: [as('useradd'), 'lab'], raises: { 'User mgmt binaries': {} } },
  { does: 'asks for the state of a password', argv: [as('passwd'), '-S'], raises: {} },
  {
    does: 'makes a file in /dev',
    argv: [ACT, 'create', '/dev/lab', '644'],
    raises: { 'Create files below dev': file('/dev/lab') },
  },
  { does: 'opens a device', argv: [ACT, 'create', '/dev/null', '644'], raises: {} },
  {
    does: 'asks for what the cloud knows of the machine',
    where: 'container',
    argv: [ACT, 'connect', '169.254.169.254', '80'],
    raises: {
      'Contact EC2 Instance Metadata Service From Container': TO_METADATA,
      'Contact cloud metadata service from container': TO_METADATA,
    },
  },
  { does: 'asks for what the cloud knows of the machine', argv: [ACT, 'connect', '169.254.169.254', '80'], raises: {} },
  {
    does: 'manages packages',
    where: 'container',
    argv: [as('apk'), 'add', 'x'],
    raises: { 'Launch Package Management Process in Container': {} },
  },
  {
    does: 'connects to the API of Kubernetes, by its name',
    where: 'container',
    argv: [ACT, 'named', '198.51.100.20', '6443', 'kubernetes.default.svc.cluster.local', '198.51.100.1'],
    raises: {
      'Contact K8S API Server From Container': out('198.51.100.20', 6443),
      // The question reaches the name server, which is the same program.
      'Unexpected inbound connection source': connection('198.51.100.1:PORT->198.51.100.1:53', 'ipv4', 'udp', 53, {
        'evt.type': 'recvfrom',
      }),
    },
  },
  {
    does: 'connects to the API of Kubernetes, by another name',
    where: 'container',
    argv: [ACT, 'named', '198.51.100.20', '6443', 'shop.example', '198.51.100.1'],
    raises: {
      'Unexpected inbound connection source': connection('198.51.100.1:PORT->198.51.100.1:53', 'ipv4', 'udp', 53, {
        'evt.type': 'recvfrom',
      }),
    },
  },
  { does: 'manages packages as the user for it', where: 'container', user: '_apt', argv: [as('apk')], raises: {} },
  { does: 'is a network tool', argv: [as('nmap')], raises: { 'Launch Suspicious Network Tool on Host': {} } },
  {
    does: 'removes what a shell remembers',
    setup: 'touch /home/lab/.zsh_history /home/lab/fish_history',
    argv: [ACT, 'unlink', '/home/lab/.zsh_history'],
    raises: {
      'Delete or rename shell history': {
        'evt.type': 'unlink',
        'evt.arg.path': '/home/lab/.zsh_history',
        'evt.arg.name': null,
        'evt.arg.oldpath': null,
        'fd.name': null,
      },
    },
  },
  {
    does: 'renames what a shell remembers',
    argv: [ACT, 'rename', '/home/lab/fish_history', '/home/lab/other'],
    raises: {
      'Delete or rename shell history': {
        'evt.type': 'renameat2',
        'evt.arg.path': null,
        'evt.arg.name': null,
        'evt.arg.oldpath': '/home/lab/fish_history',
        'fd.name': null,
      },
    },
  },
  {
    does: 'empties what a shell remembers',
    argv: [ACT, 'create', '/home/lab/bash_history', '600'],
    raises: {
      'Delete or rename shell history': file('/home/lab/bash_history', {
        'evt.arg.path': null,
        'evt.arg.name': '/home/lab/bash_history',
        'evt.arg.oldpath': null,
      }),
    },
  },
  {
    does: 'sets the setuid bit',
    setup: 'touch /home/lab/suid',
    argv: [ACT, 'chmod', '/home/lab/suid', '4755'],
    raises: {
      'Set Setuid or Setgid bit': {
        'evt.type': 'fchmodat',
        'evt.arg.fd': null,
        'evt.arg.filename': '/home/lab/suid',
        'evt.arg.mode': 'S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID',
      },
    },
  },
  {
    does: 'sets the setgid bit of an open file',
    argv: [ACT, 'fchmod', '/home/lab/suid', '2700'],
    raises: {
      'Set Setuid or Setgid bit': {
        'evt.type': 'fchmod',
        'evt.arg.fd': '<f>/home/lab/suid',
        'evt.arg.filename': null,
        'evt.arg.mode': 'S_IXUSR|S_IWUSR|S_IRUSR|S_ISGID',
      },
    },
  },
  { does: 'sets no such bit', argv: [ACT, 'chmod', '/home/lab/suid', '755'], raises: {} },
  {
    does: 'copies files away',
    where: 'container',
    argv: [as('rsync'), 'a', 'b'],
    raises: { 'Launch Remote File Copy Tools in Container': {} },
  },
  {
    does: 'fetches files',
    where: 'container',
    argv: [as('wget'), 'x'],
    raises: { 'Launch Ingress Remote File Copy Tools in Container': {} },
  },
  {
    does: 'fetches a file',
    where: 'container',
    argv: [as('curl'), '-s', '-O', 'x'],
    raises: { 'Launch Ingress Remote File Copy Tools in Container': {} },
  },
  { does: 'fetches no file', where: 'container', argv: [as('curl'), '-s', 'x'], raises: {} },
  {
    does: 'reads the environment of a process',
    where: 'container',
    argv: [ACT, 'read', '/proc/1/environ'],
    raises: { 'Read environment variable from /proc files': file('/proc/1/environ') },
  },
  {
    does: 'packs files away',
    where: 'container',
    argv: [as('runc'), '-c', `${as('tar')} read /opt/lab/act; :`],
    raises: {
      'Exfiltrating Artifacts via Kubernetes Control Plane': file('/opt/lab/act', {
        by: [[as('tar'), 'read', '/opt/lab/act']],
      }),
    },
  },
  { does: 'packs files away, on its own', where: 'container', argv: [as('tar'), 'read', '/opt/lab/act'], raises: {} },
  {
    does: 'adds a key that may log in',
    argv: [ACT, 'create', '/home/lab/.ssh/authorized_keys', '600'],
    raises: {
      'Adding ssh keys to authorized_keys': file('/home/lab/.ssh/authorized_keys'),
      'Write below monitored dir': file('/home/lab/.ssh/authorized_keys'),
      'Create Hidden Files or Directories': file('/home/lab/.ssh/authorized_keys', { 'evt.arg.newpath': null }),
    },
  },
  {
    does: 'tunes the C library',
    argv: ['/usr/bin/true'],
    env: { GLIBC_TUNABLES: 'glibc.malloc.check=1' },
    raises: {
      'Potential Local Privilege Escalation via Environment Variables Misuse': {
        'proc.env': /^CASE=\d+ PATH=\S+ GLIBC_TUNABLES=glibc\.malloc\.check=1$/,
      },
    },
  },
  {
    does: 'loads a library with a back door',
    setup: 'touch /opt/liblzma.so.5.6.1',
    argv: [as('sshd'), '-c', ': </opt/liblzma.so.5.6.1'],
    raises: {
      'Backdoored library loaded into SSHD (CVE-2024-3094)': file('/opt/liblzma.so.5.6.1', {
        'evt.arg.flags': /O_RDONLY/,
      }),
    },
  },
  {
    does: 'loads a BPF program',
    argv: [ACT, 'bpf', '5'],
    raises: { 'BPF Program Not Profiled': { 'evt.type': 'bpf', 'evt.arg.cmd': 'BPF_PROG_LOAD' } },
  },
  { does: 'makes a BPF map', argv: [ACT, 'bpf', '0'], raises: {} },
  { does: 'is bpftool and loads a BPF program', argv: [as('bpftool'), 'bpf', '5'], raises: {} },
  // falco-sandbox_rules.yaml
  {
    does: 'accepts a connection',
    argv: [as('perl'), 'listen', '198.51.100.1', '18902'],
    raises: {
      'Unexpected inbound connection source': [
        {
          'evt.type': 'listen',
          'fd.name': '198.51.100.1:18902',
          'fd.lport': null,
          'fd.rport': null,
          'fd.type': 'ipv4',
          'fd.l4proto': 'tcp',
        },
        connection('198.51.100.1:PORT->198.51.100.1:18902', 'ipv4', 'tcp', 18902, { 'evt.type': 'accept4' }),
      ],
      'Interpreted procs inbound network activity': [
        {
          'evt.type': 'listen',
          'fd.name': '198.51.100.1:18902',
          'fd.lport': null,
          'fd.rport': null,
          'fd.type': 'ipv4',
          'fd.l4proto': 'tcp',
        },
        connection('198.51.100.1:PORT->198.51.100.1:18902', 'ipv4', 'tcp', 18902, { 'evt.type': 'accept4' }),
      ],
      'Interpreted procs outbound network activity': connection(
        '198.51.100.1:PORT->198.51.100.1:18902',
        'ipv4',
        'tcp',
        18902,
      ),
    },
  },
  {
    does: 'reads how a shell starts',
    argv: [ACT, 'read', '/home/lab/.bashrc'],
    raises: { 'Read Shell Configuration File': file('/home/lab/.bashrc') },
  },
  {
    does: 'adds a source of packages',
    setup: 'mkdir -p /etc/apt/sources.list.d',
    argv: [ACT, 'openat2', '/etc/apt/sources.list.d/lab.list'],
    raises: {
      'Update Package Repository': file('/etc/apt/sources.list.d/lab.list', {
        'evt.type': 'openat2',
        'evt.arg.newpath': null,
      }),
      'Write below etc': file('/etc/apt/sources.list.d/lab.list', { 'evt.type': 'openat2' }),
    },
  },
  {
    does: 'renames into the sources of packages',
    setup: 'touch /etc/lab.list',
    argv: [ACT, 'rename', '/etc/lab.list', '/etc/apt/other.list'],
    raises: {
      'Update Package Repository': {
        'evt.type': 'renameat2',
        'evt.arg.newpath': '/etc/apt/other.list',
        'fd.name': null,
      },
    },
  },
  {
    does: 'writes a program',
    argv: [ACT, 'create', '/usr/sbin/lab', '755'],
    raises: { 'Write below binary dir': file('/usr/sbin/lab') },
  },
  {
    does: 'writes a library',
    argv: [ACT, 'create', '/usr/lib/lab.so', '644'],
    raises: { 'Write below monitored dir': file('/usr/lib/lab.so') },
  },
  {
    does: 'writes below /etc',
    argv: [ACT, 'create', '/etc/lab/../lab.conf', '644'],
    setup: 'mkdir -p /etc/lab',
    raises: { 'Write below etc': file('/etc/lab.conf') },
  },
  {
    does: 'is a package manager that writes below /etc',
    where: 'container',
    setup: 'true',
    argv: [as('npm'), '-c', ': >/etc/lab.conf'],
    raises: { 'Launch Package Management Process in Container': {} },
  },
  {
    does: 'writes below /root',
    argv: [ACT, 'create', '/root/lab', '644'],
    raises: { 'Write below root': file('/root/lab') },
  },
  { does: 'writes below /', argv: [ACT, 'create', '/lab', '644'], raises: { 'Write below root': file('/lab') } },
  {
    does: 'writes what a shell remembers of root',
    argv: ['/usr/bin/tee', '-a', '/root/.lesshst'],
    raises: { 'Create Hidden Files or Directories': file('/root/.lesshst', { 'evt.arg.newpath': null }) },
  },
  {
    does: 'writes the list of packages',
    setup: 'mkdir -p /var/lib/rpm',
    argv: [ACT, 'create', '/var/lib/rpm/lab', '644'],
    raises: { 'Write below rpm database': file('/var/lib/rpm/lab') },
  },
  {
    does: 'removes a program',
    argv: [ACT, 'unlink', '/usr/sbin/lab'],
    raises: { 'Modify binary dirs': { 'evt.type': 'unlink', 'evt.args': 'res=0 path=/usr/sbin/lab', 'fd.name': null } },
  },
  {
    does: 'makes a folder of programs',
    argv: [ACT, 'mkdir', '/usr/bin/lab'],
    raises: { 'Mkdir binary dirs': { 'evt.type': 'mkdir', 'evt.arg.path': '/usr/bin/lab' } },
  },
  {
    does: 'connects to a service of Kubernetes',
    where: 'container',
    argv: [ACT, 'connect', '198.51.100.9', '30080'],
    raises: { 'Unexpected K8s NodePort Connection': out('198.51.100.9', 30080) },
  },
  { does: 'connects to a port above', where: 'container', argv: [ACT, 'connect', '198.51.100.9', '32768'], raises: {} },
  {
    does: 'makes a hidden folder',
    argv: [ACT, 'mkdir', '/home/lab/.hidden'],
    raises: { 'Create Hidden Files or Directories': { 'evt.type': 'mkdir', 'fd.name': null, 'evt.arg.newpath': null } },
  },
  {
    does: 'hides a file',
    setup: 'touch /home/lab/plain',
    argv: [ACT, 'rename', '/home/lab/plain', '/home/lab/.plain'],
    raises: {
      'Create Hidden Files or Directories': {
        'evt.type': 'renameat2',
        'fd.name': null,
        'evt.arg.newpath': '/home/lab/.plain',
      },
    },
  },
  {
    does: 'connects to a pool of miners',
    argv: [ACT, 'named', '198.51.100.30', '443', 'ca.minexmr.com', '198.51.100.1'],
    raises: {
      'Detect outbound connections to common miner pool ports': out('198.51.100.30', 443, 'tcp', {
        'fd.rip': '198.51.100.1',
      }),
      'Unexpected inbound connection source': connection('198.51.100.1:PORT->198.51.100.1:53', 'ipv4', 'udp', 53, {
        'evt.type': 'recvfrom',
      }),
    },
  },
  {
    does: 'connects to who is no pool of miners',
    argv: [ACT, 'named', '198.51.100.31', '443', 'shop.example', '198.51.100.1'],
    raises: {
      'Unexpected inbound connection source': connection('198.51.100.1:PORT->198.51.100.1:53', 'ipv4', 'udp', 53, {
        'evt.type': 'recvfrom',
      }),
    },
  },
  {
    does: 'speaks the language of miners',
    argv: ['/usr/bin/echo', 'stratum+tcp://pool.example:3333'],
    raises: { 'Detect crypto miners using the Stratum protocol': {} },
  },
  {
    does: 'speaks the language of miners in another root, as a program whose path is told from the first one',
    argv: ['/usr/sbin/chroot', '/usr', '/bin/echo', 'stratum+ssl://pool.example'],
    raises: {
      'Detect crypto miners using the Stratum protocol': [
        {},
        {
          'proc.name': 'echo',
          'proc.cmdline': 'echo stratum+ssl://pool.example',
          'proc.exepath': '/usr/bin/echo',
        },
      ],
    },
  },
  {
    does: 'is a client of Kubernetes',
    where: 'container',
    argv: [as('kubectl'), 'get', 'pods'],
    raises: { 'Kubernetes Client Tool Launched in Container': {} },
  },
  {
    does: 'makes a file executable',
    where: 'container',
    setup: 'touch /tmp/lab-chmod',
    argv: [ACT, 'chmod', '/tmp/lab-chmod', '755'],
    raises: {
      'Container Drift Detected (chmod)': {
        'evt.type': 'fchmodat',
        'evt.arg.filename': '/tmp/lab-chmod',
        'evt.arg.name': null,
        'evt.arg.mode': 'S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR',
      },
    },
  },
  {
    does: 'makes an executable file',
    where: 'container',
    argv: [ACT, 'create', '/tmp/lab-drift', '755'],
    raises: {
      'Container Drift Detected (open+create)': file('/tmp/lab-drift', {
        'evt.arg.filename': null,
        'evt.arg.name': '/tmp/lab-drift',
        'evt.arg.mode': /./,
      }),
    },
  },
  {
    does: 'makes a file that is not executable',
    where: 'container',
    argv: [ACT, 'create', '/tmp/lab-plain', '644'],
    raises: {},
  },
  {
    does: 'is sudo, with a backslash at the end',
    argv: [as('sudo'), '-s', 'x\\'],
    raises: { 'Sudo Potential Privilege Escalation': {} },
  },
  { does: 'is sudo, with no backslash at the end', argv: [as('sudo'), '-s', 'x'], raises: {} },
  {
    does: 'handles page faults itself',
    user: 'nobody',
    argv: [ACT, 'userfaultfd'],
    raises: { 'Unprivileged Delegation of Page Faults Handling to a Userspace Process': { 'evt.type': 'userfaultfd' } },
  },
  { does: 'handles page faults itself, as root', argv: [ACT, 'userfaultfd'], raises: {} },
  {
    does: 'is pkexec without arguments',
    argv: [as('pkexec')],
    raises: { 'Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)': {} },
  },
  { does: 'is pkexec with an argument', argv: [as('pkexec'), 'true'], raises: {} },
  {
    does: 'receives a class of Java',
    argv: [as('java'), 'receive', '127.0.0.1', '18903'],
    raises: {
      'Java Process Class File Download': {
        ...connection('127.0.0.1:PORT->127.0.0.1:18903', 'ipv4', 'tcp', 18903),
        'evt.type': 'recvfrom',
        'fd.sport': 18903,
        // Its address is the host's.
        'fd.lport': /^\d+$/,
        'fd.rport': 18903,
      },
    },
  },
  {
    does: 'writes to a file by its descriptor',
    where: 'container',
    argv: [ACT, 'readwrite', '/proc/self/fd/0'],
    raises: { 'Modify Container Entrypoint': file('/proc/self/fd/0') },
  },
  {
    does: 'decodes',
    where: 'container',
    argv: ['/usr/bin/base64', '--decode', '/dev/null'],
    raises: { 'Decoding Payload in Container': {} },
  },
  { does: 'encodes', where: 'container', argv: ['/usr/bin/base64', '/dev/null'], raises: {} },
  {
    does: 'asks who it is, at a terminal',
    argv: ['/usr/bin/id'],
    tty: true,
    raises: { 'Basic Interactive Reconnaissance': {} },
  },
  { does: 'asks who it is, in a script', argv: ['/usr/bin/sh', '-c', 'id; :'], tty: true, raises: {} },
  {
    does: 'runs a program for who connects',
    argv: [as('socat'), 'TCP-LISTEN:1', 'EXEC:sh'],
    raises: { 'Netcat/Socat Remote Code Execution on Host': {}, 'Launch Suspicious Network Tool on Host': {} },
  },
  {
    does: 'starts a network tool while packages are installed',
    where: 'container',
    argv: [as('npm'), '-c', `${as('ncat')} x; :`],
    raises: {
      'Launch Package Management Process in Container': {},
      'Network Tool Executed During NPM Package Install': { by: [[as('ncat'), 'x']] },
      'Launch Suspicious Network Tool in Container': { by: [[as('ncat'), 'x']] },
    },
  },
  { does: 'is a miner', argv: [as('xmrig')], raises: { 'Known Cryptominer Process Executed': {} } },
  {
    does: 'starts a shell from a server of pages',
    argv: [as('php-fpm'), '-c', 'sh -c true; :'],
    raises: { 'Web Server Spawned Shell': { by: [['sh', '-c', 'true']] } },
  },
  { does: 'starts a shell for its health', argv: [as('php-fpm'), '-c', 'sh -c "true healthcheck"; :'], raises: {} },
  {
    does: 'asks who it is, from a server of pages',
    argv: [as('php-fpm'), '-c', 'id; :'],
    raises: { 'Web Server Spawned Suspicious Child Process': { by: [['id']] } },
  },
  {
    does: 'lets others in, from a server of pages',
    argv: [as('php-fpm'), '-c', 'echo "bash -i" >/dev/null; /usr/bin/echo bash -i; :'],
    raises: { 'Reverse Shell from Web Server': { by: [['/usr/bin/echo', 'bash', '-i']] } },
  },
  {
    does: 'reads the memory of the machine',
    where: 'container',
    setup: 'rm -f /dev/mem; touch /dev/mem',
    argv: [ACT, 'read', '/dev/mem'],
    raises: { 'Privileged Container Device Access': file('/dev/mem') },
  },
  {
    does: 'reads the files of the host',
    where: 'container',
    setup: 'mkdir -p /host; touch /host/x',
    argv: [ACT, 'read', '/host/x'],
    raises: { 'Container Access to Host Sensitive Paths': file('/host/x') },
  },
]
