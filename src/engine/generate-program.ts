import type { Reader } from '../fields/field.ts'
import type { CheckNode, Node, TestBuilder, ValueSource } from './condition-graph.ts'
import { inlineCheckTest } from './check-test.ts'
import type { IndexStep, Step } from './decision-block.ts'
import type { EventContext, NameWatcher } from './name-watcher.ts'
import { type Candidate, RuleIndex } from './rule-index.ts'

/**
 * Writes the decisions of one event type as JavaScript: one function that runs the steps, one for each value and each test that is used
 * more than once (it remembers its result until the next event), and more where a function would grow too long for the optimiser.
 * What is read and compared comes in as constants, so no text of a rule is ever run: literals are written by JSON.stringify.
 */
export interface ProgramDeps {
  readonly bindValue: (value: ValueSource) => Reader
  readonly buildTest: TestBuilder
  readonly names: NameWatcher | undefined
  /** Gets the number of each condition that is true, once for each event. */
  readonly hit: (condition: number) => void
}

export type Program = (ctx: EventContext) => void

export function generateProgram(steps: readonly Step[], deps: ProgramDeps): Program {
  return new ProgramWriter(steps, deps).finish()
}

/** Longer function bodies, in characters, are cut up: V8 neither inlines nor optimises very long functions well. */
const MAX_BODY = 4000
/** Remembering a result costs about as much as this; what is cheaper is remembered only if many ask for it. */
const CHEAP_TEST = 8
const CHEAP_VALUE = 3
const MANY_USES = 5

class ProgramWriter {
  readonly #deps: ProgramDeps
  readonly #steps: readonly Step[]
  readonly #constants: unknown[] = []
  readonly #functions: string[] = []
  readonly #testUses = new Map<Node, number>()
  readonly #valueUses = new Map<ValueSource, number>()
  readonly #testNames = new Map<Node, string>()
  readonly #valueNames = new Map<ValueSource, string>()
  readonly #checkTests = new Map<CheckNode, string>()
  /** Functions of candidates' rests, in the order in which the finished program hands them out. */
  readonly #rests = new Map<Node, number>()
  readonly #restNames: string[] = []
  readonly #candidates: { readonly candidate: Candidate; readonly rest: Node | undefined }[] = []
  #memoTests = 0
  #memoValues = 0
  #outlined = 0

  constructor(steps: readonly Step[], deps: ProgramDeps) {
    this.#steps = steps
    this.#deps = deps
    this.#countSteps(steps)
  }

  finish(): Program {
    const body = this.#stepsText(this.#steps)
    const source = [
      '"use strict"',
      ...this.#constants.map((_, i) => `const k${i} = k[${i}]`),
      'let now = 0',
      `const seenTest = new Int32Array(${this.#memoTests}), seenValue = new Int32Array(${this.#memoValues})`,
      `const values = new Array(${this.#memoValues}).fill(undefined)`,
      ...this.#functions,
      'function run(c) {',
      'if (now === 0x7fffffff) { now = 0; seenTest.fill(0); seenValue.fill(0) }',
      'now++',
      'let t',
      body,
      '}',
      `return { run, rests: [${this.#restNames.join(', ')}] }`,
    ].join('\n')
    const make = new Function('k', 'hit', source) as (constants: unknown[], hit: ProgramDeps['hit']) => Finished
    const { run, rests } = make(this.#constants, this.#deps.hit)
    for (const { candidate, rest } of this.#candidates) {
      if (rest !== undefined) candidate.test = rests[this.#rests.get(rest) as number]
    }
    return run
  }

  #countSteps(steps: readonly Step[]): void {
    for (const step of steps) {
      switch (step.kind) {
        case 'leaf':
          for (const test of step.tests) this.#countTest(test)
          break
        case 'guard':
          for (const test of step.tests) this.#countTest(test)
          this.#countSteps(step.steps)
          break
        case 'index': {
          this.#countValue(step.index.value)
          const rests = new Set(step.index.candidates.map(c => c.rest))
          for (const rest of rests) if (rest !== undefined) this.#countTest(rest)
          break
        }
        default:
          step satisfies never
      }
    }
  }

  #countTest(node: Node): void {
    const uses = (this.#testUses.get(node) ?? 0) + 1
    this.#testUses.set(node, uses)
    if (uses > 1 && isWorthRemembering(node)) return
    switch (node.kind) {
      case 'const':
        return
      case 'check':
        this.#countValue(node.value)
        return
      case 'not':
        this.#countTest(node.operand)
        return
      case 'and':
      case 'or':
        for (const operand of node.operands) this.#countTest(operand)
        return
      default:
        node satisfies never
    }
  }

  #countValue(value: ValueSource): void {
    this.#valueUses.set(value, (this.#valueUses.get(value) ?? 0) + 1)
  }

  #constant(value: unknown): string {
    this.#constants.push(value)
    return `k${this.#constants.length - 1}`
  }

  #stepsText(steps: readonly Step[]): string {
    let texts: readonly string[] = steps.map(step => this.#stepText(step))
    for (;;) {
      const chunks = cutIntoChunks(texts, MAX_BODY)
      if (chunks.length === 1) return texts.join('\n')
      texts = chunks.map(chunk => this.#outline(chunk.join('\n')))
    }
  }

  /** Puts statements into a function of their own; gives the call. */
  #outline(statements: string): string {
    const name = `s${this.#outlined++}`
    this.#functions.push(`function ${name}(c) {\nlet t\n${statements}\n}`)
    return `${name}(c)`
  }

  #stepText(step: Step): string {
    switch (step.kind) {
      case 'leaf':
        return `${this.#ifText(step.tests)}hit(${step.condition})`
      case 'guard': {
        const inner = this.#stepsText(step.steps)
        return `${this.#ifText(step.tests)}{\n${inner.length > MAX_BODY / 2 ? this.#outline(inner) : inner}\n}`
      }
      case 'index':
        return `${this.#indexName(step.index)}.lookup(${this.#valueText(step.index.value)}, c)`
      default:
        return step satisfies never
    }
  }

  #ifText(tests: readonly Node[]): string {
    return tests.length === 0 ? '' : `if (${tests.map(test => this.#testText(test)).join(' && ')}) `
  }

  #indexName(step: IndexStep): string {
    const index = new RuleIndex(step.kind, this.#deps.names, this.#deps.hit)
    for (const { keys, rest, condition } of step.candidates) {
      const candidate: Candidate = { test: undefined, condition, lastLookup: 0 }
      for (const key of keys) index.add(key, candidate)
      this.#candidates.push({ candidate, rest })
      if (rest !== undefined) this.#addRest(rest)
    }
    return this.#constant(index)
  }

  #addRest(rest: Node): void {
    if (this.#rests.has(rest)) return
    const name = `q${this.#restNames.length}`
    this.#rests.set(rest, this.#restNames.length)
    this.#restNames.push(name)
    this.#functions.push(`function ${name}(c) {\nlet t\nreturn ${this.#testText(rest)}\n}`)
  }

  /** An expression that can stand as an operand of && and ||. */
  #testText(node: Node): string {
    const known = this.#testNames.get(node)
    if (known !== undefined) return `${known}(c)`
    if ((this.#testUses.get(node) ?? 0) > 1 && isWorthRemembering(node)) {
      return `${this.#rememberTest(node)}(c)`
    }
    const text = this.#plainTestText(node)
    return text.length <= MAX_BODY / 4 ? text : this.#outlineTest(text)
  }

  #rememberTest(node: Node): string {
    const slot = this.#memoTests++
    const name = `m${slot}`
    this.#testNames.set(node, name)
    this.#functions.push(
      `function ${name}(c) {\nlet t = seenTest[${slot}]\nif (t === now) return true\nif (t === -now) return false\n` +
        `if (${this.#plainTestText(node)}) { seenTest[${slot}] = now; return true }\nseenTest[${slot}] = -now\nreturn false\n}`,
    )
    return name
  }

  #plainTestText(node: Node): string {
    switch (node.kind) {
      case 'const':
        return String(node.value)
      case 'check':
        return this.#checkText(node)
      case 'not':
        return `!${this.#testText(node.operand)}`
      case 'and':
      case 'or':
        return `(${this.#operandTexts(node.operands, node.kind === 'and' ? ' && ' : ' || ')})`
      default:
        return node satisfies never
    }
  }

  /** The operands joined; so many that they would fill a function are cut into several, again and again until they fit. */
  #operandTexts(operands: readonly Node[], operator: string): string {
    let texts: readonly string[] = operands.map(operand => this.#testText(operand))
    for (;;) {
      const chunks = cutIntoChunks(texts, MAX_BODY)
      if (chunks.length === 1) return texts.join(operator)
      texts = chunks.map(chunk => this.#outlineTest(chunk.join(operator)))
    }
  }

  /** Puts an expression into a function of its own; gives the call. */
  #outlineTest(text: string): string {
    const name = `x${this.#outlined++}`
    this.#functions.push(`function ${name}(c) {\nlet t\nreturn ${text}\n}`)
    return `${name}(c)`
  }

  #checkText(node: CheckNode): string {
    const value = this.#valueText(node.value)
    const inline = inlineCheckTest(node.check, value, constant => this.#constant(constant))
    if (inline !== undefined) return `(${inline})`
    let name = this.#checkTests.get(node)
    if (name === undefined) {
      name = this.#constant(this.#deps.buildTest(node.check))
      this.#checkTests.set(node, name)
    }
    return `${name}(${value}, c)`
  }

  #valueText(value: ValueSource): string {
    let name = this.#valueNames.get(value)
    if (name === undefined) {
      name = this.#constant(this.#deps.bindValue(value))
      const uses = this.#valueUses.get(value) ?? 0
      if (uses >= MANY_USES || (uses > 1 && value.cost >= CHEAP_VALUE)) name = this.#rememberValue(name)
      this.#valueNames.set(value, name)
    }
    return `${name}(c)`
  }

  #rememberValue(reader: string): string {
    const slot = this.#memoValues++
    const name = `v${slot}`
    this.#functions.push(
      `function ${name}(c) {\nif (seenValue[${slot}] === now) return values[${slot}]\nseenValue[${slot}] = now\n` +
        `return values[${slot}] = ${reader}(c)\n}`,
    )
    return name
  }
}

/** Larger tests are remembered also because their text would otherwise stand in several places. */
function isWorthRemembering(node: Node): boolean {
  return node.cost >= CHEAP_TEST || node.size > 2
}

/** Consecutive texts in chunks of about `length` characters; no chunk is empty, and one text alone may be longer. */
function cutIntoChunks(texts: readonly string[], length: number): readonly (readonly string[])[] {
  const chunks: string[][] = [[]]
  let filled = 0
  for (const text of texts) {
    if (filled > 0 && filled + text.length > length) {
      chunks.push([])
      filled = 0
    }
    chunks[chunks.length - 1]?.push(text)
    filled += text.length
  }
  return chunks
}

interface Finished {
  readonly run: Program
  readonly rests: readonly ((ctx: EventContext) => boolean)[]
}
