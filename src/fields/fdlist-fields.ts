import { paramFdList } from '../events/decode-record.ts'
import type { EventContext } from '../state/event-context.ts'
import type { Fd } from '../state/fd.ts'
import { renderIp } from '../values/ip.ts'
import type { ByteText, Ip } from '../values/value.ts'
import { exitCode } from './event-codes.ts'
import { isInetSocket, isListening } from './fd-text.ts'
import type { Field } from './field.ts'

const POLL: number = exitCode('poll')
const PPOLL: number = exitCode('ppoll')

function ipText(ip: Ip | undefined): ByteText | undefined {
  return ip === undefined ? undefined : renderIp(ip)
}

/** The fds that poll or ppoll returned, one text each, comma-separated; undefined when there is none. */
function listed(
  ctx: EventContext,
  read: (fd: Fd | undefined, num: number) => ByteText | undefined,
): ByteText | undefined {
  const type = ctx.rec.type
  if ((type !== POLL && type !== PPOLL) || ctx.thread === undefined) return undefined
  const fds = ctx.machine.fdsOf(ctx.thread)
  const texts: ByteText[] = []
  for (const polled of paramFdList(ctx.rec, 1)) {
    const text = read(fds?.peek(polled.fd), polled.fd)
    if (text !== undefined) texts.push(text)
  }
  return texts.length > 0 ? texts.join(',') : undefined
}

function listField(name: string, what: string, read: (fd: Fd | undefined, num: number) => ByteText | undefined): Field {
  return {
    name: `fdlist.${name}`,
    group: 'fdlist',
    type: 'CHARBUF',
    arg: 'none',
    doc: `${what} of the fds that poll or ppoll waited for, comma-separated; no value for other events.`,
    bind: () => ctx => listed(ctx, read),
  }
}

/** Fields of poll and ppoll. */
export const fdlistFields: readonly Field[] = [
  listField('nums', 'Numbers', (_, num) => String(num)),
  listField('names', 'Names', fd => fd?.name || '<NA>'),
  listField('cips', 'Client addresses', fd => (fd !== undefined && isInetSocket(fd) ? ipText(fd.sip) : undefined)),
  listField('sips', 'Server addresses', fd => {
    if (fd === undefined) return undefined
    if (isInetSocket(fd)) return ipText(fd.dip)
    return isListening(fd) ? ipText(fd.sip) : undefined
  }),
  listField('cports', 'Client ports', fd => (fd !== undefined && isInetSocket(fd) ? String(fd.sport) : undefined)),
  listField('sports', 'Server ports', fd => (fd !== undefined && isInetSocket(fd) ? String(fd.dport) : undefined)),
]
