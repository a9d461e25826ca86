import type { Command } from './command.ts'

interface CommandEntry {
  readonly name: string
  readonly load: () => Promise<Command>
}

/** All commands in the order of help. */
const commands: readonly CommandEntry[] = [
  { name: 'demo', load: async () => (await import('./demo.ts')).demoCommand },
  { name: 'start', load: async () => (await import('./start.ts')).startCommand },
  { name: 'replay', load: async () => (await import('./replay.ts')).replayCommand },
  { name: 'run', load: async () => (await import('./run.ts')).runCommand },
  { name: 'top', load: async () => (await import('./top.ts')).topCommand },
  { name: 'trace', load: async () => (await import('./trace.ts')).traceCommand },
  { name: 'record', load: async () => (await import('./record.ts')).recordCommand },
  { name: 'check', load: async () => (await import('./check.ts')).checkCommand },
  { name: 'describe', load: async () => (await import('./describe.ts')).describeCommand },
  { name: 'domains', load: async () => (await import('./domains.ts')).domainsCommand },
  { name: 'learn', load: async () => (await import('./learn.ts')).learnCommand },
  { name: 'fields', load: async () => (await import('./fields.ts')).fieldsCommand },
  { name: 'events', load: async () => (await import('./events.ts')).eventsCommand },
  { name: 'convert', load: async () => (await import('./convert.ts')).convertCommand },
  { name: 'support', load: async () => (await import('./support.ts')).supportCommand },
  { name: 'version', load: async () => (await import('./version.ts')).versionCommand },
  { name: 'help', load: async () => (await import('./help.ts')).helpCommand },
]

export const commandNames: readonly string[] = commands.map(c => c.name)

export async function loadCommand(name: string): Promise<Command | undefined> {
  return commands.find(c => c.name === name)?.load()
}

export async function loadAllCommands(): Promise<readonly Command[]> {
  return Promise.all(commands.map(c => c.load()))
}
