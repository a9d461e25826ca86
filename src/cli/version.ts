import type { Command } from './command.ts'
import { readVersions } from './versions.ts'

export const versionCommand: Command = {
  name: 'version',
  summary: 'print the version, and which Falco it keeps to',
  usage: '[--json]',
  operands: { min: 0, max: 0, name: 'operand' },
  options: [{ name: 'json', doc: 'as one JSON object; the keys are Falco’s where it has them' }],
  doc: [],
  examples: [{ command: 'tiercel version --json', doc: 'for scripts' }],
  exitCodes: ['always', 'never'],
  run: async (args, terminal) => {
    const v = readVersions()
    terminal.out(
      args.has('json')
        ? `${JSON.stringify({
            default_driver_version: '',
            driver_api_version: v.eventApi,
            driver_schema_version: v.eventSchema,
            engine_version: v.falcoEngine.split('.')[1],
            engine_version_semver: v.falcoEngine,
            node_version: v.node,
            tiercel_version: v.tiercel,
          })}\n`
        : `Tiercel version: ${v.tiercel}\nFalco engine:    ${v.falcoEngine} (rules of Falco 0.44)\nEvent schema:    ${v.eventSchema}\nEvent API:       ${v.eventApi}\nNode:            ${v.node}\n`,
    )
    return 0
  },
}
