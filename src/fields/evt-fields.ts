import { paramText } from '../events/decode-record.ts'
import type { EventContext } from '../state/event-context.ts'
import { toByteText } from '../values/text.ts'
import { isMetaEvent, singleCode } from './event-codes.ts'
import { clockNsText, clockText, dateTimeNsText, dateTimeText, isoTimeText } from './event-time.ts'
import type { Field, Reader } from './field.ts'
import { toScalar } from './integers.ts'

const NS_PER_SECOND = 1_000_000_000n

const ASYNC_EVENT: number = singleCode('asyncevent')

const timestamp: Reader = ctx => toScalar(ctx.rec.tsNs)

/** A time that prints as text, and in JSON is the number of nanoseconds since the epoch. */
function timeText(name: string, doc: string, text: (ns: bigint) => string): Field {
  return {
    name,
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: `${doc} In JSON it is the number of nanoseconds since the epoch.`,
    bind: () => ctx => text(ctx.rec.tsNs),
    bindJson: () => timestamp,
  }
}

function sinceFirst(ctx: EventContext): bigint {
  return BigInt.asUintN(64, ctx.rec.tsNs - ctx.firstTsNs)
}

function asyncType(ctx: EventContext): string | undefined {
  if (!isMetaEvent(ctx.rec.type)) return undefined
  return ctx.rec.type === ASYNC_EVENT ? paramText(ctx.rec, 1) : ctx.rec.info.name
}

/** Fields that every event has, whatever its source. */
export const evtFields: readonly Field[] = [
  {
    name: 'evt.num',
    group: 'evt',
    type: 'UINT64',
    arg: 'none',
    print: 'ID',
    doc: 'Number of the event in its source; the first is 1.',
    bind: () => ctx => ctx.rec.num,
  },
  timeText('evt.time', 'Time of the event with nanoseconds, in the local time zone.', clockNsText),
  timeText('evt.time.s', 'Time of the event without fractions of a second, in the local time zone.', clockText),
  timeText('evt.time.iso8601', 'Date and time of the event with nanoseconds, in UTC, as ISO 8601 has it.', isoTimeText),
  timeText('evt.datetime', 'Date and time of the event with nanoseconds, in the local time zone.', dateTimeNsText),
  timeText('evt.datetime.s', 'Date and time of the event in whole seconds, in the local time zone.', dateTimeText),
  {
    name: 'evt.rawtime',
    group: 'evt',
    type: 'ABSTIME',
    arg: 'none',
    doc: 'Time of the event in nanoseconds since the epoch.',
    bind: () => timestamp,
  },
  {
    name: 'evt.rawtime.s',
    group: 'evt',
    type: 'ABSTIME',
    arg: 'none',
    doc: 'Whole seconds of the time of the event since the epoch.',
    bind: () => ctx => Number(ctx.rec.tsNs / NS_PER_SECOND),
  },
  {
    name: 'evt.rawtime.ns',
    group: 'evt',
    type: 'ABSTIME',
    arg: 'none',
    print: 'PADDED_DEC',
    doc: 'Nanoseconds of the time of the event after its last whole second; nine digits in text.',
    bind: () => ctx => Number(ctx.rec.tsNs % NS_PER_SECOND),
  },
  {
    name: 'evt.reltime',
    group: 'evt',
    type: 'RELTIME',
    arg: 'none',
    print: 'PADDED_DEC',
    doc: 'Nanoseconds since the first event of the source; at least nine digits in text.',
    bind: () => ctx => toScalar(sinceFirst(ctx)),
  },
  {
    name: 'evt.reltime.s',
    group: 'evt',
    type: 'RELTIME',
    arg: 'none',
    doc: 'Whole seconds since the first event of the source.',
    bind: () => ctx => toScalar(sinceFirst(ctx) / NS_PER_SECOND),
  },
  {
    name: 'evt.reltime.ns',
    group: 'evt',
    type: 'RELTIME',
    arg: 'none',
    print: 'PADDED_DEC',
    doc: 'Nanoseconds of the time since the first event after its last whole second; nine digits in text.',
    bind: () => ctx => Number(sinceFirst(ctx) % NS_PER_SECOND),
  },
  {
    name: 'evt.pluginname',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Name of the plugin that made the event. There are no plugins, so it never has a value.',
    bind: () => () => undefined,
  },
  {
    name: 'evt.plugininfo',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Summary of the event by the plugin that made it. There are no plugins, so it never has a value.',
    bind: () => () => undefined,
  },
  {
    name: 'evt.source',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Name of the source of the event: `syscall`.',
    bind: () => () => 'syscall',
  },
  {
    name: 'evt.is_async',
    group: 'evt',
    type: 'BOOL',
    arg: 'none',
    doc: 'Whether the event was not made by the kernel but beside it, such as the news of a container.',
    bind: () => ctx => isMetaEvent(ctx.rec.type),
  },
  {
    name: 'evt.asynctype',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Kind of an asynchronous event, for example `container`; no value for other events.',
    bind: () => asyncType,
  },
  {
    name: 'evt.hostname',
    group: 'evt',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Name of the host where the event happened. The environment variable FALCO_HOSTNAME replaces that of the running host.',
    bind: () => ctx => toByteText(ctx.machine.hostname),
  },
]
