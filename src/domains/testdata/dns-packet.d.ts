/** The part of dns-packet that the scripted server uses; the package has no types of its own. */
declare module 'dns-packet' {
  export interface Question {
    readonly name: string
    readonly type: string
    readonly class?: string
  }
  export interface Packet {
    readonly id?: number
    readonly type?: 'query' | 'response'
    readonly flags?: number
    readonly questions?: readonly Question[]
    readonly answers?: readonly { readonly name: string; readonly type: string; readonly ttl: number; readonly data: string }[]
    readonly additionals?: readonly { readonly type: string; readonly udpPayloadSize?: number }[]
  }
  export const RECURSION_DESIRED: number
  export const RECURSION_AVAILABLE: number
  export const TRUNCATED_RESPONSE: number
  export function decode(bytes: Buffer): Packet
  export function encode(packet: Packet): Buffer
}
