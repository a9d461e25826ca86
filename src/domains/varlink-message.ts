/**
 * What a program asks systemd-resolved over varlink, as nss-resolve does, and what it is told: JSON texts, a NUL behind each (varlink.org;
 * `io.systemd.Resolve`). Only `ResolveHostname` is read: names from addresses are not believed (whoever owns the address writes them), and
 * plain records are what programs ask that have a resolver of their own. Nothing throws, whatever the bytes.
 */
import type { Ip } from '../values/value.ts'
import { MAX_ADDRESSES_PER_ANSWER } from './binding.ts'
import { readAddress, type ServiceAnswer } from './service-answer.ts'

export interface VarlinkCall {
  /** The name whose addresses are asked for; undefined for all else. */
  readonly name: string | undefined
  /** No reply will come. */
  readonly isOneway: boolean
}

export interface VarlinkReply {
  /** Undefined for errors and for replies of other kinds. */
  readonly answer: ServiceAnswer | undefined
  /** More replies to the same call follow. */
  readonly continues: boolean
}

const RESOLVE_HOSTNAME = 'io.systemd.Resolve.ResolveHostname'

/** Undefined for what is no call. */
export function readVarlinkCall(text: string): VarlinkCall | undefined {
  const call = parseObject(text)
  if (typeof call?.['method'] !== 'string') return undefined
  const parameters = asObject(call['parameters'])
  const name = call['method'] === RESOLVE_HOSTNAME ? parameters?.['name'] : undefined
  return { name: typeof name === 'string' ? name : undefined, isOneway: call['oneway'] === true }
}

/** Undefined for what is no reply. */
export function readVarlinkReply(text: string): VarlinkReply | undefined {
  const reply = parseObject(text)
  if (reply === undefined) return undefined
  const parameters = reply['error'] === undefined ? asObject(reply['parameters']) : undefined
  return { answer: parameters && readParameters(parameters), continues: reply['continues'] === true }
}

function readParameters({ addresses, name }: JsonObject): ServiceAnswer | undefined {
  if (!Array.isArray(addresses)) return undefined
  const ips = new Set<Ip>()
  for (const entry of addresses.slice(0, MAX_ADDRESSES_PER_ANSWER) as readonly unknown[]) {
    const bytes = asObject(entry)?.['address']
    if (!Array.isArray(bytes) || !bytes.every(byte => Number.isInteger(byte) && byte >= 0 && byte <= 255)) continue
    const ip = readAddress(Buffer.from(bytes as number[]), 0, bytes.length)
    if (ip !== undefined) ips.add(ip)
  }
  return { ips: [...ips], canonicalName: typeof name === 'string' ? name : undefined }
}

type JsonObject = Readonly<Record<string, unknown>>

function parseObject(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
}
