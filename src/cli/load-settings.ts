import type { Config } from '../agent/config.ts'
import { type LoadedConfig, loadConfig } from '../agent/load-config.ts'
import { renderDiagnostic } from '../diagnostics/render.ts'
import { CommandError } from './command-error.ts'
import { requireReadableFile } from './input-file.ts'
import type { Arguments } from './parse-arguments.ts'
import type { Terminal } from './terminal.ts'

/**
 * The configuration that `args` ask for: the file of `-c`, then `-o` in order, then `extra`. Findings go to standard error; throws a
 * `CommandError` if one is an error. Without a file nothing is read: no configuration lies in wait in /etc.
 */
export function loadSettings(args: Arguments, terminal: Terminal, extra: readonly string[] = []): Config {
  return loadSettingsAndFiles(args, terminal, extra).config
}

/** Whether the configuration that `args` ask for names a capture. What is wrong with it is for whoever loads it to say. */
export function namesCapture(args: Arguments): boolean {
  return loadConfig(sourcesOf(args)).config.engine.captureFile !== ''
}

function sourcesOf(args: Arguments, extra: readonly string[] = []): Parameters<typeof loadConfig>[0] {
  const file = args.value('config')
  if (file !== undefined) requireReadableFile(file, 'configuration')
  return { ...(file !== undefined && { file }), overrides: [...args.values('option'), ...extra], env: process.env }
}

/** As `loadSettings`, and which files and folders were read: a live agent watches them. */
export function loadSettingsAndFiles(
  args: Arguments,
  terminal: Terminal,
  extra: readonly string[] = [],
): Pick<LoadedConfig, 'config' | 'files' | 'folders'> {
  const { config, findings, files, folders } = loadConfig(sourcesOf(args, extra))
  const isQuiet = args.has('quiet')
  for (const finding of findings) {
    if (isQuiet && finding.severity === 'warning') continue
    terminal.err(`${renderDiagnostic(finding, { color: terminal.errColors.isColorSupported })}\n`)
  }
  const errors = findings.filter(f => f.severity === 'error').length
  if (errors > 0) throw new CommandError(`the configuration has ${errors === 1 ? 'an error' : `${errors} errors`}`)
  return { config, files, folders }
}
