/** Programs that live tests use, where they are. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const fetched: string = fileURLToPath(new URL('../../../.cache/clients/bin/', import.meta.url))
const folders: readonly string[] = [fetched, ...['/usr/sbin/', '/usr/bin/', '/sbin/', '/bin/'], '/lib/systemd/']

/** The environment of programs that start others by name. */
export const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${folders.join(':')}:${process.env['PATH'] ?? ''}` }

/** The path of a program; undefined when neither the machine nor `scripts/setup-clients.sh` has it. */
export function findTool(name: string): string | undefined {
  return folders.map(folder => folder + name).find(existsSync)
}

const source: string = fileURLToPath(new URL('connect.c', import.meta.url))

/** `connect.c` as this compiler makes it, at `program`; undefined when the compiler is not there. */
export function compileConnect(compiler: 'cc' | 'musl-gcc', program: string): string | undefined {
  const tool = findTool(compiler)
  if (tool === undefined) return undefined
  // Static where libc is small enough to be.
  const options = compiler === 'cc' ? [] : ['-static']
  const { status, stderr } = spawnSync(tool, ['-O', ...options, source, '-o', program])
  assert.equal(status, 0, String(stderr))
  return program
}
