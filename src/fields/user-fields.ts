import type { UserEntry } from '../events/source.ts'
import type { EventContext } from '../state/event-context.ts'
import type { ByteText } from '../values/value.ts'
import type { Field } from './field.ts'

const NOT_SET = 0xffffffff

/** What Falco knows of users that no list names. */
function unnamed(uid: number, forRoot: ByteText): ByteText {
  return uid === 0 ? forRoot : '<NA>'
}

function userText(
  name: string,
  doc: string,
  read: (user: UserEntry) => ByteText,
  forRoot: ByteText,
  uidOf: (ctx: EventContext) => number,
): Field {
  return {
    name,
    group: 'user',
    type: 'CHARBUF',
    arg: 'none',
    doc: `${doc} \`<NA>\` when it is not known.`,
    bind: () => ctx => {
      const thread = ctx.thread
      if (thread === undefined) return undefined
      const uid = uidOf(ctx)
      const user = ctx.machine.user(thread.containerId, uid)
      return user === undefined ? unnamed(uid, forRoot) : read(user)
    },
  }
}

const effective = (ctx: EventContext): number => ctx.thread!.uid
const login = (ctx: EventContext): number => ctx.thread!.loginuid

/** Fields of the user and group that the event's thread acts for. */
export const userFields: readonly Field[] = [
  {
    name: 'user.uid',
    group: 'user',
    type: 'UINT32',
    arg: 'none',
    print: 'ID',
    doc: 'Effective user id.',
    bind: () => ctx => ctx.thread?.uid,
  },
  userText('user.name', 'Name of the effective user.', user => user.name, 'root', effective),
  userText('user.homedir', 'Home directory of the effective user.', user => user.home, '/root', effective),
  userText('user.shell', 'Login shell of the effective user.', user => user.shell, '<NA>', effective),
  {
    name: 'user.loginuid',
    group: 'user',
    type: 'INT64',
    arg: 'none',
    print: 'ID',
    doc: 'User id with which the session was logged in (audit uid); −1 when it was not set.',
    bind: () => ctx =>
      ctx.thread === undefined ? undefined : ctx.thread.loginuid >= NOT_SET ? -1 : ctx.thread.loginuid,
  },
  userText('user.loginname', 'Name of the user who logged in.', user => user.name, 'root', login),
  {
    name: 'group.gid',
    group: 'group',
    type: 'UINT32',
    arg: 'none',
    print: 'ID',
    doc: 'Effective group id.',
    bind: () => ctx => ctx.thread?.gid,
  },
  {
    name: 'group.name',
    group: 'group',
    type: 'CHARBUF',
    arg: 'none',
    doc: 'Name of the effective group. `<NA>` when it is not known.',
    bind: () => ctx => {
      const thread = ctx.thread
      if (thread === undefined) return undefined
      return ctx.machine.group(thread.containerId, thread.gid)?.name ?? unnamed(thread.gid, 'root')
    },
  },
]
