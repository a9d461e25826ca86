import type { Command } from './command.ts'
import type { OptionSpec } from './parse-arguments.ts'
import type { Colors } from './terminal.ts'

const WIDTH = 80

/** `text` broken at blanks so that no line is longer than `width`, each indented. */
export function wrapText(text: string, indent: number, width: number = WIDTH): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines.map(l => ' '.repeat(indent) + l).join('\n')
}

function optionNames(option: OptionSpec): string {
  const value =
    option.value === undefined ? '' : option.valueOptional === true ? `[=${option.value}]` : ` ${option.value}`
  return `${option.short === undefined ? '    ' : `-${option.short}, `}--${option.name}${value}`
}

/** The options as two columns. */
export function renderOptions(options: readonly OptionSpec[], colors: Colors): string {
  const shown = options.filter(o => o.hidden !== true)
  const column = Math.min(30, Math.max(...shown.map(o => optionNames(o).length)) + 2)
  return shown
    .map(option => {
      const names = optionNames(option)
      const doc = wrapText(option.doc + (option.repeated === true ? ' (repeatable)' : ''), column + 2)
      return names.length < column
        ? `  ${colors.cyan(names)}${doc.slice(names.length + 2)}\n`
        : `  ${colors.cyan(names)}\n${doc}\n`
    })
    .join('')
}

/** What `tiercel COMMAND --help` prints. */
export function renderCommandHelp(command: Command, colors: Colors): string {
  const heading = (text: string): string => `\n${colors.bold(text)}\n`
  let text = `${colors.bold(`tiercel ${command.name}`)}: ${command.summary}\n`
  text += heading('Usage')
  text += `${`  tiercel ${command.name} ${command.usage}`.trimEnd()}\n`
  for (const paragraph of command.doc) text += `\n${wrapText(paragraph, 2)}\n`
  if (command.options.some(o => o.hidden !== true)) text += heading('Options') + renderOptions(command.options, colors)
  text += heading('Examples')
  for (const { command: line, doc } of command.examples) text += `  ${colors.dim(`# ${doc}`)}\n  ${line}\n`
  text += heading('Exit code')
  for (const [code, doc] of command.exitCodes.entries()) text += `  ${code}${wrapText(doc, 5).slice(3)}\n`
  return text
}
