import { closestName } from '../diagnostics/closest-name.ts'
import { type EventInfo, type EventParam, eventTable } from '../events/event-table.ts'
import type { Command } from './command.ts'
import { CommandError } from './command-error.ts'
import { type ListFormat, parseListFormat } from './fields.ts'
import { wrapText } from './render-help.ts'
import { readVersions } from './versions.ts'

/** Events that rules can see: exit events in their current version. Codes of the kernel's own housekeeping have no name to match. */
export function listEvents(): readonly EventInfo[] {
  return eventTable.filter(e => e.isExit === isExitKind(e) && !e.isOld && !e.flags.has('unused') && e.name !== 'NA')
}

/** Events that come in pairs count by their exit; those that are only ever one record by that. */
function isExitKind(event: EventInfo): boolean {
  const partner = eventTable[event.code ^ 1]
  return partner !== undefined && partner.name === event.name ? true : event.isExit
}

function paramFlags(param: EventParam): readonly string[] {
  return (param.flags ?? []).map(([name]) => name)
}

export function renderEventsMarkdown(list: readonly EventInfo[]): string {
  let text = '| event | parameters |\n|---|---|\n'
  for (const event of list) {
    const params = event.params.map(p => {
      const flags = paramFlags(p)
      return `**${p.name}** ${p.type}${flags.length === 0 ? '' : ` (${flags.join(', ')})`}`
    })
    text += `| \`${event.name}\` | ${params.join('; ')} |\n`
  }
  return text
}

export function renderEvents(list: readonly EventInfo[], format: ListFormat): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(
        {
          schema_version: readVersions().eventSchema,
          events: list.map(e => ({
            name: e.name,
            code: e.code,
            params: e.params.map(p => ({
              name: p.name,
              type: p.type,
              ...(p.flags !== undefined && { flags: paramFlags(p) }),
            })),
          })),
        },
        undefined,
        2,
      )}\n`
    case 'markdown':
      return renderEventsMarkdown(list)
    case 'text':
      return list
        .map(e => {
          const head = `${e.name}(${e.params.map(p => `${p.name}: ${p.type}`).join(', ')})\n`
          const flags = e.params.filter(p => p.flags !== undefined)
          return head + flags.map(p => `${wrapText(`${p.name}: ${paramFlags(p).join(', ')}`, 6)}\n`).join('')
        })
        .join('')
    default:
      return format satisfies never
  }
}

export const eventsCommand: Command = {
  name: 'events',
  summary: 'list the events and their parameters',
  usage: '[WORD] [--format FORMAT]',
  operands: { min: 0, max: 1, name: 'word' },
  options: [
    { name: 'format', value: 'FORMAT', doc: 'text (default), markdown or json' },
    { name: 'json', doc: 'the same as --format json' },
  ],
  doc: [
    'Event names are the values of `evt.type`; parameter NAME is `evt.arg.NAME` (as text) or `evt.rawarg.NAME` (raw). With a WORD, only events whose name contains it.',
  ],
  examples: [{ command: 'tiercel events open', doc: 'openat and related calls, with their flags' }],
  exitCodes: ['events were listed', 'none matches, or the command line is wrong'],
  run: async (args, terminal) => {
    const [word] = args.operands
    const all = listEvents()
    const list = word === undefined ? all : all.filter(e => e.name.includes(word.toLowerCase()))
    if (list.length === 0) {
      const near = closestName(
        word!,
        all.map(e => e.name),
      )
      throw new CommandError(
        `no event is called \`${word}\``,
        near === undefined ? undefined : `did you mean \`${near}\`?`,
      )
    }
    terminal.out(renderEvents(list, args.has('json') ? 'json' : parseListFormat(args.value('format'))))
    return 0
  },
}
