import { readFileSync } from 'node:fs'
import { arch, hostname, release, type, version } from 'node:os'
import type { Command } from './command.ts'
import { loadSettings } from './load-settings.ts'
import { rulesOption, settingsOptions } from './shared-options.ts'
import { chooseRulePaths, readRuleFiles } from './rule-files.ts'
import { readVersions } from './versions.ts'

export const supportCommand: Command = {
  name: 'support',
  summary: 'print details for a bug report, as JSON',
  usage: '[-r PATH…] [-c CONFIG]',
  operands: { min: 0, max: 0, name: 'operand' },
  options: [rulesOption, ...settingsOptions],
  doc: [
    'Versions, the machine, and the configuration and rules as read. Review it before you send it: a configuration may hold addresses and keys.',
  ],
  examples: [{ command: 'tiercel support -c tiercel.yaml > report.json', doc: 'to attach to an issue' }],
  exitCodes: ['it was printed', 'configuration or rules cannot be read'],
  run: async (args, terminal) => {
    const config = loadSettings(args, terminal)
    const configFile = args.value('config')
    const files = readRuleFiles(chooseRulePaths(args.values('rules'), config.rulesFiles))
    const v = readVersions()
    const report = {
      cmdline: process.argv.join(' '),
      config: configFile === undefined ? '' : readFileSync(configFile, 'utf8'),
      engine_info: { engine_version: v.falcoEngine, event_schema: v.eventSchema, node: v.node },
      rules_files: files.map(({ path, text }) => ({ name: path, content: text })),
      system_info: { machine: arch(), nodename: hostname(), release: release(), sysname: type(), version: version() },
      version: v.tiercel,
    }
    terminal.out(`${JSON.stringify(report, undefined, 2)}\n`)
    return 0
  },
}
