import { UsageError } from './command-error.ts'
import { closestName } from '../diagnostics/closest-name.ts'

/** One option of a command; help and parser read the same row. */
export interface OptionSpec {
  /** Without dashes: `rules` for `--rules`. */
  readonly name: string
  /** One letter: `r` for `-r`. */
  readonly short?: string
  /** What follows, as help names it. Absent: a switch. */
  readonly value?: string
  /** The value may be left out; it is then given only as `--name=value`, never as the next word. */
  readonly valueOptional?: boolean
  readonly repeated?: boolean
  readonly doc: string
  /** Accepted, but left out of help. */
  readonly hidden?: boolean
}

/** What `parseArguments` needs to know of a command. */
export interface ArgumentSpec {
  /** As typed, for messages: `replay`. Empty for the flags without a command. */
  readonly name: string
  readonly options: readonly OptionSpec[]
  /** Options that are not there (any more), and what to use instead. */
  readonly gone?: readonly { readonly flags: readonly string[]; readonly help: string }[]
  /** How many words that are no options it takes. */
  readonly operands: { readonly min: number; readonly max: number; readonly name: string }
}

export class Arguments {
  readonly operands: readonly string[]
  readonly #values: ReadonlyMap<string, readonly (string | undefined)[]>

  constructor(operands: readonly string[], values: ReadonlyMap<string, readonly (string | undefined)[]>) {
    this.operands = operands
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** The last value given for `name`. */
  value(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  /** All values given for `name`, in order. */
  values(name: string): readonly string[] {
    return (this.#values.get(name) ?? []).filter(value => value !== undefined)
  }

  /** Names of the options given, in order of their first use. */
  names(): Iterable<string> {
    return this.#values.keys()
  }
}

function isRulesPath(word: string): boolean {
  return /\.ya?ml$/i.test(word)
}

/**
 * Reads `words` as the options and operands of `spec`: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-abc` for switches,
 * `--` before words that only look like options. Rule files may follow one `-r`: `-r a.yaml b.yaml`. Throws `UsageError`.
 */
export function parseArguments(words: readonly string[], spec: ArgumentSpec): Arguments {
  const operands: string[] = []
  const values = new Map<string, (string | undefined)[]>()
  const asTyped = spec.name === '' ? 'tiercel' : `tiercel ${spec.name}`
  const seeHelp = `\`${asTyped} --help\` shows what it takes`

  const add = (option: OptionSpec, value: string | undefined, typed: string): void => {
    const given = values.get(option.name)
    if (given === undefined) values.set(option.name, [value])
    else if (option.repeated === true || option.value === undefined) given.push(value)
    else throw new UsageError(`\`${typed}\` is given twice`, `it takes one ${option.value}`)
  }
  const unknown = (typed: string): UsageError => {
    const gone = spec.gone?.find(g => g.flags.includes(typed))
    if (gone !== undefined) return new UsageError(`\`${typed}\` is not there`, gone.help)
    const names = spec.options.flatMap(o => (o.hidden === true ? [] : [`--${o.name}`]))
    const near = typed.startsWith('--') ? closestName(typed, names) : undefined
    return new UsageError(`unknown option \`${typed}\``, near === undefined ? seeHelp : `did you mean \`${near}\`?`)
  }

  let afterRules = false // the word before was a value of --rules
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const needValue = (option: OptionSpec, typed: string): string => {
      const next = words[++i]
      if (next === undefined) throw new UsageError(`\`${typed}\` needs a ${option.value}`, seeHelp)
      return next
    }
    if (word === '--') {
      operands.push(...words.slice(i + 1))
      break
    }
    if (word === '-' || !word.startsWith('-')) {
      const rules = afterRules && isRulesPath(word) ? values.get('rules') : undefined
      if (rules !== undefined) rules.push(word)
      else {
        operands.push(word)
        afterRules = false
      }
      continue
    }
    afterRules = false
    if (word.startsWith('--')) {
      const equals = word.indexOf('=')
      const typed = equals === -1 ? word : word.slice(0, equals)
      const option = spec.options.find(o => `--${o.name}` === typed)
      if (option === undefined) throw unknown(typed)
      if (option.value === undefined) {
        if (equals !== -1) throw new UsageError(`\`${typed}\` takes no value`, seeHelp)
        add(option, undefined, typed)
      } else if (equals !== -1) add(option, word.slice(equals + 1), typed)
      else add(option, option.valueOptional === true ? undefined : needValue(option, typed), typed)
      afterRules = option.name === 'rules'
      continue
    }
    for (let at = 1; at < word.length; at++) {
      const typed = `-${word[at]}`
      const option = spec.options.find(o => o.short === word[at])
      if (option === undefined) throw unknown(typed)
      if (option.value === undefined) {
        add(option, undefined, typed)
        continue
      }
      const joined = word.slice(at + 1)
      add(option, joined !== '' ? joined : option.valueOptional === true ? undefined : needValue(option, typed), typed)
      afterRules = option.name === 'rules'
      break
    }
  }

  const { min, max, name } = spec.operands
  if (operands.length < min) throw new UsageError(`\`${asTyped}\` needs a ${name}`, seeHelp)
  if (operands.length > max) {
    throw new UsageError(
      max === 0
        ? `\`${asTyped}\` takes no ${name}: \`${operands[0]}\``
        : `\`${asTyped}\` takes ${max === 1 ? 'one' : `at most ${max}`} ${name}: \`${operands[max]}\` is too many`,
      seeHelp,
    )
  }
  return new Arguments(operands, values)
}

/** The value of the option `name`, given as `--name`, which must be a number above 0; undefined when it is not given. */
export function positiveNumber(args: Arguments, name: string): number | undefined {
  const text = args.value(name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new UsageError(`\`--${name}\` needs a number above 0, not \`${text}\``)
}
