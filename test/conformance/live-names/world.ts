/**
 * A network of a test's own, in namespaces that end with it: DNS servers, peers at every address of the documentation's networks, and
 * clients that ask whichever server they are told to. Nothing leaves the machine.
 */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ScriptedRecord } from '../../../src/domains/testdata/scripted-dns-server.ts'
import { env as toolsEnv, findTool } from './tools.ts'
import type { Entry, FromWorld, ToWorld } from './world-messages.ts'

const here: string = fileURLToPath(new URL('.', import.meta.url))

/** DNS servers of a world, and where they listen. `other` is a second scripted one. */
export const SERVERS = {
  scripted: '10.53.0.53',
  unbound: '10.53.0.54',
  dnsmasq: '10.53.0.55',
  'systemd-resolved': '127.0.0.53',
  other: '10.53.0.66',
  v6: '2001:db8::53',
} as const

export type ServerName = keyof typeof SERVERS

/** What a client did. */
export interface Ran {
  readonly pid: number
  readonly status: number | null
  readonly out: string
}

export interface RunOptions {
  /** Who resolves; the scripted server unless said otherwise. */
  readonly server?: ServerName
  /** More lines of resolv.conf. */
  readonly resolv?: readonly string[]
  /** Whom the C library asks: the line `hosts` of nsswitch.conf, `files dns` unless said otherwise. */
  readonly hosts?: string
  readonly env?: Readonly<Record<string, string>>
  readonly container?: Container
}

/** Why there can be no world here; false when there can. For `test`'s option `skip`, which prints it. */
export function worldSkipReason(): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  for (const tool of ['ip', 'unshare', 'nsenter']) if (findTool(tool) === undefined) return `${tool} is not installed`
  if (!existsSync('/etc/resolv.conf')) return 'there is no /etc/resolv.conf that could be replaced for the clients'
  const tried = spawnSync('unshare', ['-n', '-m', 'ip', 'link', 'add', 'a0', 'type', 'veth', 'peer', 'name', 'a1'], {
    env: toolsEnv,
  })
  return tried.status === 0 ? false : `network namespaces cannot be made here: ${String(tried.stderr).trim()}`
}

export const a = (name: string, data: string, ttl = 60): ScriptedRecord => ({
  name,
  type: data.includes(':') ? 'AAAA' : 'A',
  data,
  ttl,
})
export const cname = (name: string, data: string): ScriptedRecord => ({ name, type: 'CNAME', data, ttl: 60 })
/** A name with addresses that never change. */
export const fixed = (name: string, ...ips: readonly string[]): Entry => ({ turns: [ips.map(ip => a(name, ip))] })

export class World {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #servers: ChildProcess[] = []
  /** Namespaces in which resolv.conf names one of the servers. */
  readonly #views: Map<ServerName, ChildProcess> = new Map()
  readonly #waiting: Map<number, (ok: boolean) => void> = new Map()
  #number = 0

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
  }

  /** `container`: where its servers run, so that clients outside of it know only what they received themselves. */
  static async start(container?: Container): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'tiercel-world-'))
    writeEtc(folder)
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', join(here, 'world-main.ts')]
    const child = spawn(
      'unshare',
      [
        '-n',
        '-m',
        '-u',
        '--propagation',
        'private',
        'sh',
        ...enterContainer(container),
        'sh',
        join(here, 'enter-world.sh'),
        folder,
        ...command,
      ],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: toolsEnv },
    )
    const world = new World(child, folder)
    await new Promise<void>((resolve, reject) => {
      child.on('message', (message: FromWorld) => {
        if (message.kind === 'ready') resolve()
        else world.#waiting.get(message.number)?.(message.ok)
      })
      child.on('exit', code => reject(new Error(`the world has ended with ${code}`)))
    })
    await Promise.all((Object.keys(SERVERS) as ServerName[]).map(server => world.#makeView(server)))
    return world
  }

  /**
   * A mount namespace for the clients of a server. It is there before they are, as a container's is: the agent reads its resolv.conf when the
   * first program runs in it.
   */
  async #makeView(server: ServerName): Promise<void> {
    const file = join(this.#folder, `resolv.${server}`)
    writeFileSync(file, resolvConf(SERVERS[server]))
    const script = 'mount --bind "$0" /etc/resolv.conf && echo && exec cat'
    const command = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script, file]
    const child = spawn('nsenter', [...namespaces(this.#child, this.#child), ...command])
    this.#views.set(server, child)
    await once(child.stdout, 'data')
  }

  /** Gives names their records, at one of the scripted servers or at all. */
  async set(entries: Record<string, Entry>, server = ''): Promise<void> {
    await this.#ask(number => ({ kind: 'set', number, server, entries }))
  }

  #ask(message: (number: number) => ToWorld): Promise<boolean> {
    const number = this.#number++
    return new Promise(resolve => {
      this.#waiting.set(number, ok => {
        this.#waiting.delete(number)
        resolve(ok)
      })
      this.#child.send(message(number))
    })
  }

  /** Starts a real resolver that forwards to the scripted server; gives why it cannot. `known` is a name that has an address. */
  async startServer(kind: 'unbound' | 'dnsmasq' | 'systemd-resolved', known: string): Promise<string | undefined> {
    const tool = findTool(kind)
    if (tool === undefined) return `${kind} is not there (sh scripts/setup-clients.sh)`
    let said = ''
    this.#startDaemon(this.#serverScript(kind, tool), text => (said += text))
    if (await this.#ask(number => ({ kind: 'probe', number, server: SERVERS[kind], name: known }))) return undefined
    return `${kind} does not answer: ${said.trim().split('\n').slice(-3).join('; ')}`
  }

  /** Starts nscd, which every client of glibc then asks first; gives why it cannot. `lines`: more of its configuration. */
  async startNscd(...lines: readonly string[]): Promise<string | undefined> {
    const tool = findTool('nscd')
    if (tool === undefined) return 'nscd is not there (sh scripts/setup-clients.sh)'
    const config = join(this.#folder, 'nscd.conf')
    const own = ['enable-cache hosts yes', 'persistent hosts no', 'positive-time-to-live hosts 60', ...lines]
    writeFileSync(config, `${own.join('\n')}\n`)
    let said = ''
    const script = `mkdir -p /run/nscd; exec ${tool} --foreground --config-file=${config}`
    const daemon = this.#startDaemon(script, text => (said += text))
    return this.#whyNoSocket(daemon, '/run/nscd/socket', () => said)
  }

  /** Starts a program that is no server of DNS and waits for its socket; gives why it has none. */
  async startService(script: string, socket: string): Promise<string | undefined> {
    let said = ''
    const daemon = this.#startDaemon(script, text => (said += text))
    return this.#whyNoSocket(daemon, socket, () => said)
  }

  #startDaemon(script: string, onSaid: (text: string) => void): ChildProcess {
    const child = spawn('nsenter', [...namespaces(this.#child, this.#child), 'sh', '-c', script])
    this.#servers.push(child)
    child.stderr.on('data', data => onSaid(String(data)))
    child.stdout.on('data', data => onSaid(String(data)))
    return child
  }

  async #whyNoSocket(daemon: ChildProcess, path: string, said: () => string): Promise<string | undefined> {
    const script = 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])'
    const endMs = Date.now() + 30_000
    while (daemon.exitCode === null && Date.now() < endMs) {
      if ((await this.run(['python3', '-S', '-c', script, path])).status === 0) return undefined
      await sleep(50)
    }
    return `no socket at ${path}: ${said().trim().split('\n').slice(-3).join('; ')}`
  }

  #serverScript(kind: 'unbound' | 'dnsmasq' | 'systemd-resolved', tool: string): string {
    switch (kind) {
      case 'unbound': {
        const config = join(this.#folder, 'unbound.conf')
        const lines = [
          'server:',
          '  interface: 10.53.0.54',
          '  access-control: 0.0.0.0/0 allow',
          '  username: ""',
          '  chroot: ""',
          `  directory: "${this.#folder}"`,
          '  pidfile: ""',
          '  use-syslog: no',
          '  do-ip6: no',
          '  module-config: "iterator"',
          // Asks the servers above it in mixed case (0x20).
          '  use-caps-for-id: yes',
          'remote-control:',
          '  control-enable: no',
          'forward-zone:',
          '  name: "."',
          '  forward-addr: 10.53.0.53',
        ]
        writeFileSync(config, `${lines.join('\n')}\n`)
        return `exec ${tool} -d -c ${config}`
      }
      case 'dnsmasq':
        return `exec ${tool} --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --server=10.53.0.53 --listen-address=10.53.0.55 --bind-interfaces --user=root --group= --pid-file=`
      case 'systemd-resolved': {
        const lines = [
          '[Resolve]',
          'DNS=',
          'DNS=10.53.0.53',
          'LLMNR=no',
          'MulticastDNS=no',
          'DNSSEC=no',
          'DNSStubListener=yes',
        ]
        const config = join(this.#folder, 'resolved.conf')
        writeFileSync(config, `${lines.join('\n')}\n`)
        // No bus is needed: it only goes without what is asked over D-Bus.
        return `mkdir -p /run/systemd/resolve /run/systemd/resolved.conf.d
cp ${config} /run/systemd/resolved.conf.d/world.conf
chown systemd-resolve:systemd-resolve /run/systemd/resolve
SYSTEMD_LOG_TARGET=console exec ${tool}`
      }
    }
  }

  /** Starts a client in the world. Its pid is the client's own. */
  start(command: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
    const { server = 'scripted', resolv = [], hosts, env, container } = options
    const inside = [...namespaces(this.#child, this.#views.get(server)!), 'sh', ...enterContainer(container)]
    if (resolv.length > 0) {
      const file = join(this.#folder, `resolv.${server}.${resolv.join('.')}`.replaceAll(' ', '_'))
      if (!existsSync(file)) writeFileSync(file, resolvConf(SERVERS[server], resolv))
      const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
      inside.push('unshare', '-m', '--propagation', 'private', 'sh', '-c', script, file)
    }
    if (hosts !== undefined) {
      const file = join(this.#folder, `nsswitch.${hosts}`.replaceAll(/\W/g, '_'))
      if (!existsSync(file)) writeFileSync(file, `passwd: files\ngroup: files\nhosts: ${hosts}\n`)
      const script = 'mount --bind "$0" /etc/nsswitch.conf && exec "$@"'
      inside.push('unshare', '-m', '--propagation', 'private', 'sh', '-c', script, file)
    }
    return spawn('nsenter', [...inside, ...command], { env: { ...process.env, ...env } })
  }

  /** Runs a client in the world and waits for its end. */
  async run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const child = this.start(command, options)
    child.stdin.end()
    let out = ''
    child.stdout.on('data', data => (out += String(data)))
    child.stderr.on('data', data => (out += String(data)))
    await once(child, 'close')
    return { pid: child.pid ?? 0, status: child.exitCode, out }
  }

  async stop(): Promise<void> {
    const all = [...this.#servers, ...this.#views.values(), this.#child].filter(
      child => child.exitCode === null && child.signalCode === null,
    )
    const ends = all.map(child => once(child, 'exit'))
    for (const child of all) child.kill('SIGKILL')
    await Promise.all(ends)
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Arguments of `nsenter`: the network and the host name of one process, the files of another. */
function namespaces(network: ChildProcess, files: ChildProcess): readonly string[] {
  const { pid } = network
  return [
    `--net=/proc/${pid}/ns/net`,
    `--uts=/proc/${pid}/ns/uts`,
    `--mount=/proc/${files.pid}/ns/mnt`,
    `--wd=${here}`,
    '--',
  ]
}

function resolvConf(server: string, more: readonly string[] = []): string {
  return [`nameserver ${server}`, ...more, ''].join('\n')
}

/** Files that the world has instead of the machine's. */
function writeEtc(folder: string): void {
  const account = (file: string, line: string): string => {
    const text = readFileSync(`/etc/${file}`, 'utf8')
    return text.includes('systemd-resolve:') ? text : `${text.trimEnd()}\n${line}\n`
  }
  const files = {
    'resolv.conf': resolvConf(SERVERS.scripted),
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
    passwd: account('passwd', 'systemd-resolve:x:64953:64953::/:/usr/sbin/nologin'),
    group: account('group', 'systemd-resolve:x:64953:'),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
}

/** Arguments of `sh` that put what follows into a container, if there is one. */
function enterContainer(container: Container | undefined): readonly string[] {
  return ['-c', container === undefined ? 'exec "$@"' : `echo $$ >${container.procs} && exec "$@"`, 'sh']
}

/** A cgroup of the kind that a container engine makes: what runs in it is a container to the agent. */
export class Container {
  readonly id: string = randomBytes(32).toString('hex')
  readonly #folder: string

  private constructor(hierarchy: string) {
    this.#folder = join(hierarchy, 'tiercel-test', this.id)
    mkdirSync(this.#folder, { recursive: true })
  }

  get procs(): string {
    return join(this.#folder, 'cgroup.procs')
  }

  /** Undefined when this machine lets nobody make cgroups. */
  static make(): Container | undefined {
    for (const hierarchy of ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup']) {
      try {
        if (!existsSync(join(hierarchy, 'cgroup.procs'))) continue
        // Version 2: without a controller of its own a cgroup is not seen as that of a process.
        const controls = ['cgroup.subtree_control', 'tiercel-test/cgroup.subtree_control']
        mkdirSync(join(hierarchy, 'tiercel-test'), { recursive: true })
        for (const file of controls) {
          if (existsSync(join(hierarchy, file))) writeFileSync(join(hierarchy, file), '+cpu')
        }
        return new Container(hierarchy)
      } catch {
        // The next one.
      }
    }
    return undefined
  }

  /** When nothing runs in it any more. */
  remove(): void {
    rmdirSync(this.#folder)
  }
}
