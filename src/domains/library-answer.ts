/**
 * What the C library told a program that asked it for the addresses of a name (`getaddrinfo`, `gethostbyname` and its kin): from DNS, a
 * cache such as nscd or systemd-resolved, a hosts file, whatever the machine is set up to ask. The probe reads it where the function
 * returns (`native/bpf/library-events.h`): 64 slots of a byte 4, 6 or 0 for none and 16 for the address, then the name. Nothing throws,
 * whatever the bytes.
 */
import { readIpv4, readIpv6 } from '../events/decode-record.ts'
import type { EventRecord } from '../events/event-record.ts'
import { unmapIp } from '../values/ip.ts'
import type { ByteText, Ip } from '../values/value.ts'

export interface LibraryAnswer {
  /** As the program wrote it. */
  readonly name: ByteText
  /** Each once, in order. */
  readonly ips: readonly Ip[]
}

const DATA_PARAM = 2
const SLOTS = 64
const SLOT_BYTES = 17

/** Undefined where the bytes are none. */
export function readLibraryAnswer(record: EventRecord): LibraryAnswer | undefined {
  if (record.paramCount <= DATA_PARAM) return undefined
  const { bytes, view } = record
  const at = record.paramAt[DATA_PARAM]!
  const end = at + record.paramLen[DATA_PARAM]!
  const nameAt = at + SLOTS * SLOT_BYTES
  if (nameAt >= end) return undefined
  const ips = new Set<Ip>()
  for (let slot = at; slot < nameAt; slot += SLOT_BYTES) {
    if (bytes[slot] === 4) ips.add(readIpv4(view, slot + 1))
    else if (bytes[slot] === 6) ips.add(unmapIp(readIpv6(bytes, slot + 1)))
  }
  const name = bytes.latin1Slice(nameAt, end).replace(/\0.*/s, '')
  return name === '' ? undefined : { name, ips: [...ips] }
}
