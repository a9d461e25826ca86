/** What people who know sysdig type: taken where it means the same here, else with a word on what does it. */
import type { ArgumentSpec, Arguments, OptionSpec } from './parse-arguments.ts'

/** `-r FILE`, beside naming the capture as an operand. */
export const readOption: OptionSpec = {
  name: 'read',
  short: 'r',
  value: 'CAPTURE',
  repeated: true,
  doc: 'read this capture, as in sysdig; the same as naming it',
}

/** Other names of `--max-events`. */
export const countOptions: readonly OptionSpec[] = ['numevents', 'limit'].map(name => ({
  name,
  value: 'COUNT',
  doc: 'the same as --max-events',
  hidden: true,
}))

export function maxEventsOf(args: Arguments): string | undefined {
  return args.value('max-events') ?? args.value('numevents') ?? args.value('limit')
}

export const goneFlags: NonNullable<ArgumentSpec['gone']> = [
  { flags: ['-w', '--write'], help: '`tiercel record FILE` writes captures' },
  { flags: ['-c', '--chisel', '-cl', '--list-chisels'], help: 'there are no chisels; `tiercel top` shows connections' },
  { flags: ['-l', '--list'], help: '`tiercel fields` lists the fields' },
  { flags: ['-L', '--list-events'], help: '`tiercel events` lists the events' },
  { flags: ['-j'], help: '`--json`' },
  { flags: ['-S', '--summary'], help: '`… -p %evt.type | sort | uniq -c | sort -rn` counts events by type' },
  {
    flags: ['-z', '--compress', '-C', '-G', '-W'],
    help: '`tiercel record FILE` writes captures, compressed or in pieces',
  },
]

const FORMATS: ReadonlyMap<string, string> = new Map([
  ['p', '*%evt.num %evt.time %evt.cpu %proc.name (%thread.tid) %evt.type %evt.args'],
  [
    'c',
    '*%evt.num %evt.time %evt.cpu %container.name (%container.id) %proc.name (%thread.tid:%thread.vtid) %evt.type %evt.args',
  ],
  [
    'k',
    '*%evt.num %evt.time %evt.cpu %k8s.pod.name (%container.id) %proc.name (%thread.tid:%thread.vtid) %evt.type %evt.args',
  ],
])

export const DEFAULT_FORMAT: string = FORMATS.get('p')!

/** What `-p` says: `-pc` and `-pcontainer`, `-pk` and `-pkubernetes` are formats by name. */
export function formatOf(text: string | undefined): string {
  if (text === undefined) return DEFAULT_FORMAT
  return /^(?:c|container|k|kubernetes|p)$/.test(text) ? FORMATS.get(text[0]!)! : text
}
