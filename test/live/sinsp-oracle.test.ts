/**
 * Whether Falco makes of a recording by Tiercel what Tiercel makes of it: the oracle, which agrees with what Falco printed of its own captures,
 * reads recordings of workloads of many kinds, each event and field beside Tiercel's.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { openSource } from '../../src/events/open-source.ts'
import { readGolden } from '../golden/compare-alerts.ts'
import { compareWithOracle, printed } from './compare-oracle.ts'
import { readAsLibscap } from './libscap-reader.ts'
import { main, Running, scratch } from './running.ts'
import { SinspOracle } from './sinsp-oracle.ts'

const captures = new URL('../../../shared/data/captures/', import.meta.url)
const skipCaptures = existsSync(captures) ? false : 'needs ../shared/data/captures beside the project'

describe('the oracle says what Falco printed of its own captures', { skip: skipCaptures }, () => {
  for (const name of ['net', 'sec', 'mixed', 'ctr']) {
    test(name, async () => {
      const golden = new Map(
        readGolden(new URL(`golden/${name}.fields.jsonl.gz`, captures)).map(line => {
          const { output_fields: fields } = JSON.parse(line) as { output_fields: Readonly<Record<string, unknown>> }
          return [fields['evt.num'], fields]
        }),
      )
      const differences: string[] = []
      let compared = 0
      const source = await openSource(fileURLToPath(new URL(`${name}.scap`, captures)))
      await source.read(
        new SinspOracle().sink((record, facts) => {
          const fields = golden.get(record.num)
          for (const [field, value] of fields === undefined ? [] : facts) {
            const want = fields![field]
            if (want === undefined) continue
            compared++
            const got = printed(value)
            if ((want === null ? undefined : String(want)) !== got)
              differences.push(`event ${record.num}, ${record.info.name}: ${field} is ${want}, not ${got}`)
          }
          return true
        }),
      )
      assert.ok(compared > 10_000, `${compared} compared`)
      assert.deepEqual(differences.slice(0, 20), [])
    })
  }
})

const script = fileURLToPath(new URL('testdata/odd-state.py', import.meta.url))
const PYTHON = '/usr/bin/python3'

/** What is done while the recording goes on; each tool that is missing is left out aloud. */
const workloads: readonly { readonly name: string; readonly needs: string; readonly line: string }[] = [
  { name: 'sockets, descriptors, threads and orphans', needs: PYTHON, line: `${PYTHON} -S ${script}` },
  {
    name: 'pipes, subshells and files that move',
    needs: '/bin/bash',
    line: `cat /etc/passwd | (cd /; grep -c root; ls >/dev/null); echo x >a; mv a b; ln -s b c; cat c; rm b c; bash -c 'exec -a "odd name" sleep 0'`,
  },
  {
    name: 'a shell on a connection',
    needs: '/usr/bin/nc',
    line: `(nc -l -p 45871 </dev/null & sleep 0.5; bash -c 'exec 5<>/dev/tcp/127.0.0.1/45871 0<&5 1>&5 2>&5; id; cat /etc/hostname'; kill %1)`,
  },
  {
    name: 'a pid namespace with an orphan',
    needs: '/usr/bin/unshare',
    line: `unshare -p -f -m -n --mount-proc bash -c '(sleep 0.1; cat /etc/hosts) & (sleep 0 &); id; wait'`,
  },
  { name: 'a user namespace', needs: '/usr/bin/unshare', line: `unshare -U -r bash -c 'id; cat /proc/self/uid_map'` },
  { name: 'another user', needs: '/usr/bin/su', line: `su nobody -s /bin/sh -c 'id; cat /etc/hostname'` },
  { name: 'another root', needs: '/usr/sbin/chroot', line: `chroot / bash -c 'cd /tmp; cat ../etc/hostname'` },
  { name: 'a terminal', needs: '/usr/bin/script', line: `script -qec 'tty; cat /etc/hostname' /dev/null` },
  { name: 'tracing', needs: '/usr/bin/strace', line: `strace -f -o /dev/null sh -c 'echo hi; cat /dev/null'` },
  { name: 'a Go program', needs: '/usr/sbin/runc', line: `runc --version` },
  { name: 'perl', needs: '/usr/bin/perl', line: `perl -e 'fork or exit; wait; open F,"/etc/hosts"; exec "/bin/true"'` },
]

test('of a recording the oracle and Tiercel say the same', {
  skip: liveSkipReason() || (process.getuid?.() === 0 ? false : 'needs root'),
}, async t => {
  const folder = scratch(t)
  const path = join(folder, 'own.scap')
  const recorder = new Running(t, process.execPath, [
    ...['--disable-warning=ExperimentalWarning', main, 'record', path],
  ])
  await recorder.says('recording into')
  for (const { name, needs, line } of workloads) {
    if (!existsSync(needs)) {
      t.diagnostic(`without ${name}: needs ${needs}`)
      continue
    }
    const shell = new Running(t, '/bin/bash', ['-c', `cd ${folder}; ${line}`])
    await shell.ended
  }
  recorder.child.kill('SIGTERM')
  await recorder.ended
  readAsLibscap(path)
  const { events, compared, differences } = await compareWithOracle(path, [process.pid])
  assert.ok(events > 5000 && compared > 100_000, `${events} events, ${compared} compared`)
  if (recorder.err.includes('were lost')) return t.skip('others flooded the machine: events were lost')
  assert.deepEqual(differences, [])
})
