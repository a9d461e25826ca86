import type { Command } from './command.ts'
import type { Arguments } from './parse-arguments.ts'
import type { Terminal } from './terminal.ts'
import { readVersions, versionPage } from './versions.ts'

async function wantsJson(args: Arguments, terminal: Terminal): Promise<boolean> {
  if (args.has('json') || !(args.has('config') || args.has('option'))) return args.has('json')
  const { loadSettings } = await import('./load-settings.ts')
  return loadSettings(args, terminal).jsonOutput
}

export const versionCommand: Command = {
  name: 'version',
  summary: 'print the version, and the compatible Falco version',
  usage: '[--json]',
  operands: { min: 0, max: 0, name: 'operand' },
  options: [
    { name: 'json', doc: 'as one JSON object; the keys are Falco’s where it has them' },
    { name: 'config', short: 'c', value: 'FILE', doc: 'its json_output decides', hidden: true },
    { name: 'option', short: 'o', value: 'KEY=VALUE', repeated: true, doc: 'json_output=true', hidden: true },
  ],
  doc: [],
  examples: [{ command: 'tiercel version --json', doc: 'for scripts' }],
  exitCodes: ['always', 'never'],
  run: async (args, terminal) => {
    const v = readVersions()
    terminal.out(
      (await wantsJson(args, terminal))
        ? `${JSON.stringify(versionPage(v))}\n`
        : `Tiercel version: ${v.tiercel}\nFalco engine:    ${v.falcoEngine} (rules of Falco ${v.falco.replace(/\.0$/, '')})\nEvent schema:    ${v.eventSchema}\nEvent API:       ${v.eventApi}\nNode:            ${v.node}\n`,
    )
    return 0
  },
}
