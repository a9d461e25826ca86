/** Accounts as `/etc/passwd` and `/etc/group` have them, and as recordings do where they are a container's. */
import { le, makeRecord, withNul } from './encode-event.ts'
import type { EventRecord } from './event-record.ts'
import { eventTable } from './event-table.ts'
import type { GroupEntry, UserEntry } from './source.ts'
import type { ByteText } from '../values/value.ts'

/** What a passwd file says; lines that are none are left out. */
export function parsePasswd(text: ByteText): readonly UserEntry[] {
  return linesOf(text).flatMap(([name = '', , uid, gid, , home = '', shell = '']) =>
    isId(uid) && isId(gid) ? [{ uid: Number(uid), gid: Number(gid), name, home, shell }] : [],
  )
}

/** What a group file says. */
export function parseGroup(text: ByteText): readonly GroupEntry[] {
  return linesOf(text).flatMap(([name = '', , gid]) => (isId(gid) ? [{ gid: Number(gid), name }] : []))
}

function linesOf(text: ByteText): readonly (readonly ByteText[])[] {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return lines.map(line => line.split(':'))
}

/** Whether it is a number that can be a user or a group. */
export function isId(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= 0xffffffff
}

const [USER_ADDED, GROUP_ADDED] = ['useradded', 'groupadded'].map(
  name => eventTable.find(info => info.name === name && !info.isOld)!.code,
) as [number, number]

/** The event that tells of a container's user. */
export function makeUserAdded(user: UserEntry, containerId: string, tsNs: bigint): EventRecord {
  const { uid, gid, name, home, shell } = user
  const params = [le(4, uid), le(4, gid), ...[name, home, shell, containerId].map(withNul)]
  return makeRecord(USER_ADDED, params, { ts: tsNs, tid: 0 })
}

/** The event that tells of a container's group. */
export function makeGroupAdded({ gid, name }: GroupEntry, containerId: string, tsNs: bigint): EventRecord {
  return makeRecord(GROUP_ADDED, [le(4, gid), withNul(name), withNul(containerId)], { ts: tsNs, tid: 0 })
}
