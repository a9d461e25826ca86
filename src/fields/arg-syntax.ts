import { eventTable } from '../events/event-table.ts'
import type { ValueType } from '../values/value.ts'
import type { ArgParse, PrintFormat } from './field.ts'
import { parseBracketArg, parseInt32Arg } from './field-syntax.ts'

/*
 * The fields whose argument is not simply `[text]`. `evt.arg.NAME` takes the longest parameter name of the whole event table that
 * the rest begins with, so that `%evt.arg.name:` in an output ends where the name ends.
 */

/** Parameter name → type of its first occurrence in the event table, which is the type that conditions are checked against. */
const paramTypes: ReadonlyMap<string, ValueType> = new Map(
  eventTable
    .flatMap(event => event.params)
    .reverse()
    .map(param => [param.name, param.type as ValueType]),
)

const longestParamName: number = Math.max(...[...paramTypes.keys()].map(name => name.length))

const eventNames: ReadonlySet<string> = new Set(eventTable.map(event => event.name))

/** The type of the parameter `name` where the event table first has it; undefined when no event has it. */
export function paramTypeOf(name: string): ValueType | undefined {
  return paramTypes.get(name)
}

function longestParamPrefix(text: string): string | undefined {
  for (let length = Math.min(longestParamName, text.length); length > 0; length--) {
    const name = text.slice(0, length)
    if (paramTypes.has(name)) return name
  }
  return undefined
}

/** The word at the start of `text`, to name it in a message. */
function firstWord(text: string): string {
  return /^[A-Za-z0-9_]*/.exec(text)![0] || text
}

/** `.NAME` of `evt.rawarg`; an index is refused, because the type must be known when the rule is loaded. */
export function parseParamName(rest: string): ArgParse {
  if (rest.startsWith('[')) return { message: 'the argument must be given by name, as in `evt.rawarg.fd`' }
  if (!rest.startsWith('.')) return { message: 'the name of an argument is required, as in `evt.arg.fd`' }
  const name = longestParamPrefix(rest.slice(1))
  if (name === undefined) return { message: `no event has an argument named \`${firstWord(rest.slice(1))}\`` }
  return { arg: name, length: name.length + 1 }
}

/** `.NAME` or `[INDEX]` of `evt.arg`. */
export function parseParamNameOrIndex(rest: string): ArgParse {
  if (!rest.startsWith('[')) return parseParamName(rest)
  const parsed = parseBracketArg(rest)
  if (parsed === undefined || 'message' in parsed) return parsed
  if (parseInt32Arg(parsed.arg) === undefined) return { message: `argument \`${parsed.arg}\` is not a number` }
  return parsed
}

/** `.NAME` or `.CODE` of `evt.type.is`; it reaches to the end of the word. */
export function parseEventName(rest: string): ArgParse {
  const word = /^\.([A-Za-z0-9_]+)/.exec(rest)?.[1]
  if (word === undefined) return { message: 'the name of an event is required, as in `evt.type.is.open`' }
  if (!/^\d+$/.test(word) && !eventNames.has(word)) return { message: `no event is named \`${word}\`` }
  return { arg: word, length: word.length + 1 }
}

/** The optional `.src` or `.dst` of `evt.abspath`. */
export function parsePathSide(rest: string): ArgParse {
  return rest.startsWith('.src') || rest.startsWith('.dst') ? { arg: rest.slice(1, 4), length: 4 } : undefined
}

/** `.SUBSYSTEM` of `thread.cgroup`: letters and underscores. */
export function parseSubsystem(rest: string): ArgParse {
  const name = /^\.([A-Za-z_]*)/.exec(rest)?.[1]
  if (name === undefined) return { message: 'the name of a subsystem is required, as in `thread.cgroup.memory`' }
  return { arg: name, length: name.length + 1 }
}

/** `[KEY]` or `.KEY` of label fields; a key after a dot reaches to the next blank, comma, bracket, quote or per cent sign. */
export function parseLabelKey(rest: string): ArgParse {
  if (rest.startsWith('[')) return parseBracketArg(rest)
  const key = /^\.([^\s,()[\]"'%=]+)/.exec(rest)?.[1]
  return key === undefined ? undefined : { arg: key, length: key.length + 1 }
}

const paramFormats: ReadonlyMap<string, PrintFormat> = new Map(
  eventTable
    .flatMap(event => event.params)
    .reverse()
    .map(param => [param.name, param.format === 'NA' ? 'DEC' : param.format]),
)

/** How the parameter `name` prints as a number, where the event table first has it. */
export function paramFormatOf(name: string | undefined): PrintFormat {
  return (name !== undefined && paramFormats.get(name)) || 'DEC'
}
