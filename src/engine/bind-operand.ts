import type { Field, Reader } from '../fields/field.ts'
import type { PlanOperand } from '../rules/plan.ts'
import type { Scalar, ValueType } from '../values/value.ts'
import { fromBase64, getOptions, joinValues, lengthOf, toBasename, toLower, toUpper } from './transform-value.ts'

/** Finds the catalogue's row of a field; `fieldByName` of `fields/catalogue.ts`. */
export type FieldBinder = (name: string) => Field | undefined

/** Which of a field's readers is meant. `exists` and `print` fall back to `value` where a field has none of its own. */
export type ReaderUse = 'value' | 'exists' | 'print' | 'json'

/** The row of a field that a plan names. A plan is compiled against the same catalogue, so a missing row is a bug. */
export function fieldOf(fields: FieldBinder, name: string): Field {
  const field = fields(name)
  if (field === undefined) throw new Error(`unreachable: the plan names the field ${name}, which no row has`)
  return field
}

/** A reader of the operand's value at the current event; undefined when it, or anything it is made of, has no value. */
export function bindOperand(operand: PlanOperand, fields: FieldBinder, use: ReaderUse = 'value'): Reader {
  switch (operand.kind) {
    case 'field':
      return bindField(fieldOf(fields, operand.ref.spec.name), operand.ref.arg, use)
    case 'literal': {
      const { value } = operand
      return () => value
    }
    case 'list':
      return bindList(operand.items, fields)
    case 'transform':
      return bindTransform(operand, fields)
    default:
      return operand satisfies never
  }
}

function bindField(field: Field, arg: string | undefined, use: ReaderUse): Reader {
  const own =
    use === 'exists'
      ? field.bindExists
      : use === 'print'
        ? field.bindPrint
        : use === 'json'
          ? field.bindJson
          : undefined
  if (own !== undefined) return own(arg)
  if (use === 'json' && field.bindPrint !== undefined) return field.bindPrint(arg)
  const read = field.bind(arg)
  const isCompared = use === 'value' || use === 'exists'
  return field.typeOf === undefined || !isCompared ? read : guardType(read, field.typeOf(arg))
}

/** A parameter may be of another type in another event (`evt.rawarg`): what does not fit the type that was compiled against is no value. */
function guardType(read: Reader, type: ValueType): Reader {
  const isText = TEXT_TYPES.has(type)
  return ctx => {
    const value = read(ctx)
    return value !== undefined && (typeof value === 'string') === isText ? value : undefined
  }
}

const TEXT_TYPES: ReadonlySet<ValueType> = new Set<ValueType>(['CHARBUF', 'FSPATH', 'FSRELPATH', 'BYTEBUF'])

/** The items' values in order, lists spliced in; nothing when any item has none. */
function bindList(items: readonly PlanOperand[], fields: FieldBinder): Reader {
  const readers = items.map(item => bindOperand(item, fields))
  return ctx => {
    const values: Scalar[] = []
    for (const read of readers) {
      const value = read(ctx)
      if (value === undefined) return undefined
      if (typeof value === 'object') values.push(...value)
      else values.push(value)
    }
    return values
  }
}

function bindTransform(operand: PlanOperand & { kind: 'transform' }, fields: FieldBinder): Reader {
  const readers = operand.args.map(arg => bindOperand(arg, fields))
  const none: Reader = () => undefined
  const [first = none, second = none] = readers
  const { index } = operand
  switch (operand.name) {
    case 'val':
      return first
    case 'tolower':
      return mapValue(first, toLower)
    case 'toupper':
      return mapValue(first, toUpper)
    case 'basename':
      return mapValue(first, toBasename)
    case 'b64':
      return mapValue(first, fromBase64)
    case 'len':
      return mapValue(first, lengthOf)
    case 'join':
      return ctx => {
        const separator = first(ctx)
        const list = separator === undefined ? undefined : second(ctx)
        return list === undefined ? undefined : joinValues(String(separator), list)
      }
    case 'concat':
      return ctx => {
        let text = ''
        for (const read of readers) {
          const value = read(ctx)
          if (value === undefined) return undefined
          text += String(value)
        }
        return text
      }
    case 'getopt':
      return ctx => {
        const optstring = second(ctx)
        const list = optstring === undefined ? undefined : first(ctx)
        return list === undefined ? undefined : getOptions(list, String(optstring), index)
      }
    default:
      return operand.name satisfies never
  }
}

function mapValue(read: Reader, map: (value: NonNullable<ReturnType<Reader>>) => ReturnType<Reader>): Reader {
  return ctx => {
    const value = read(ctx)
    return value === undefined ? undefined : map(value)
  }
}
