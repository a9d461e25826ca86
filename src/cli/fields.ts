import { closestName } from '../diagnostics/closest-name.ts'
import { fields } from '../fields/catalogue.ts'
import type { Field } from '../fields/field.ts'
import type { Command } from './command.ts'
import { CommandError } from './command-error.ts'
import { wrapText } from './render-help.ts'

export type ListFormat = 'text' | 'markdown' | 'json'

/** The value of `--format`, checked. */
export function parseListFormat(text: string | undefined): ListFormat {
  if (text === undefined || text === 'text' || text === 'markdown' || text === 'json') return text ?? 'text'
  throw new CommandError(`unknown format \`${text}\``, 'it is text, markdown or json')
}

/** How the field is written: with the argument that it takes. */
function fieldSyntax(field: Field): string {
  switch (field.arg) {
    case 'none':
      return field.name
    case 'optional':
      return `${field.name}[…]?`
    case 'required':
      return `${field.name}[…]`
    default:
      return field.arg satisfies never
  }
}

/** What a rule author must know besides name and type; empty for most fields. */
function fieldMarks(field: Field): readonly string[] {
  return [
    ...(field.deprecated === true ? ['deprecated'] : []),
    ...(field.filterOnly === true ? ['conditions only'] : []),
    ...(field.printOnly === true ? ['outputs only'] : []),
  ]
}

/** The groups of `list` in order of first appearance. */
function groupFields(list: readonly Field[]): ReadonlyMap<string, readonly Field[]> {
  return Map.groupBy(list, field => field.group)
}

/** Fields as `format`; `namesOnly` gives one name a line whatever the format. */
export function renderFields(list: readonly Field[], format: ListFormat, namesOnly: boolean): string {
  if (namesOnly)
    return format === 'json' ? `${JSON.stringify(list.map(f => f.name))}\n` : list.map(f => `${f.name}\n`).join('')
  switch (format) {
    case 'json':
      return `${JSON.stringify(
        list.map(f => ({
          name: f.name,
          group: f.group,
          type: f.type,
          is_list: f.isList === true,
          argument: f.arg,
          marks: fieldMarks(f),
          doc: f.doc,
        })),
        undefined,
        2,
      )}\n`
    case 'markdown':
      return renderFieldsMarkdown(list)
    case 'text': {
      let text = ''
      for (const [group, members] of groupFields(list)) {
        text += `${text === '' ? '' : '\n'}${group}\n`
        for (const field of members) {
          const marks = [`${field.isList === true ? 'list of ' : ''}${field.type}`, ...fieldMarks(field)].join(', ')
          text += `  ${fieldSyntax(field)}  (${marks})\n${wrapText(field.doc, 6)}\n`
        }
      }
      return text
    }
    default:
      return format satisfies never
  }
}

/** One table a group. */
export function renderFieldsMarkdown(list: readonly Field[]): string {
  let text = ''
  for (const [group, members] of groupFields(list)) {
    text += `\n## ${group}\n\n| field | type | what it is |\n|---|---|---|\n`
    for (const field of members) {
      const marks = fieldMarks(field)
      const doc = (marks.length === 0 ? '' : `*${marks.join(', ')}.* `) + field.doc
      text += `| \`${fieldSyntax(field)}\` | ${field.isList === true ? 'list of ' : ''}${field.type} | ${doc.replaceAll('|', '\\|')} |\n`
    }
  }
  return text.trimStart()
}

/** Fields whose name, group or documentation contains `word`; all without one. */
function findFields(word: string | undefined): readonly Field[] {
  if (word === undefined) return fields
  const wanted = word.toLowerCase()
  const named = fields.filter(f => f.name.includes(wanted) || f.group === wanted)
  return named.length > 0 ? named : fields.filter(f => f.doc.toLowerCase().includes(wanted))
}

export const fieldsCommand: Command = {
  name: 'fields',
  summary: 'list the fields that conditions and outputs can use',
  usage: '[WORD] [--names] [--format FORMAT] [--source SOURCE]',
  operands: { min: 0, max: 1, name: 'word' },
  options: [
    { name: 'names', short: 'N', doc: 'names only, one a line' },
    { name: 'format', value: 'FORMAT', doc: 'text (default), markdown or json' },
    { name: 'json', doc: 'the same as --format json' },
    { name: 'source', value: 'SOURCE', doc: 'only the fields of this source; syscall is the only one' },
  ],
  doc: ['With a WORD only the fields whose name contains it, or, if there is none, whose documentation does.'],
  examples: [
    { command: 'tiercel fields sip', doc: 'all about the server address' },
    { command: 'tiercel fields --names | grep ^proc', doc: 'for scripts and editors' },
  ],
  exitCodes: ['fields were listed', 'none matches, or the command line is wrong'],
  run: async (args, terminal) => {
    const source = args.value('source')
    if (source !== undefined && source !== '' && source !== 'syscall') {
      throw new CommandError(`no fields for the source \`${source}\``, 'the only source is syscall')
    }
    const [word] = args.operands
    const list = findFields(word)
    if (list.length === 0) {
      const near = closestName(
        word!,
        fields.map(f => f.name),
      )
      throw new CommandError(
        `no field has to do with \`${word}\``,
        near === undefined ? undefined : `did you mean \`${near}\`?`,
      )
    }
    terminal.out(
      renderFields(list, args.has('json') ? 'json' : parseListFormat(args.value('format')), args.has('names')),
    )
    return 0
  },
}
