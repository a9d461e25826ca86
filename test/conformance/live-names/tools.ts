/** Programs that live tests use, where they are. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const fetched: string = fileURLToPath(new URL('../../../.cache/clients/bin/', import.meta.url))
const folders: readonly string[] = [fetched, ...['/usr/sbin/', '/usr/bin/', '/sbin/', '/bin/'], '/lib/systemd/']

/** The path of a program; undefined when neither the machine nor `scripts/setup-clients.sh` has it. */
export function findTool(name: string): string | undefined {
  return folders.map(folder => folder + name).find(existsSync)
}
