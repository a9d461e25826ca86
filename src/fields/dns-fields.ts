import type { DnsAnswer, DnsPayload, EventContext, HttpPayload, TlsPayload } from '../state/event-context.ts'
import { isPublicDomain } from '../values/domain-name.ts'
import { renderIp, unmapIp } from '../values/ip.ts'
import { shapeOfLongestLabel } from '../values/label-shape.ts'
import type { ByteText, Ip, Value } from '../values/value.ts'
import type { Field } from './field.ts'

/*
 * What processes say to name servers and to the servers they connect to: values are there only where the agent observes names, and only
 * for the event that completed the message.
 */

/** IANA's names of DNS record types that are in use; others print as `TYPE65280` (RFC 3597). */
const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'A'],
  [2, 'NS'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [10, 'NULL'],
  [12, 'PTR'],
  [13, 'HINFO'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [29, 'LOC'],
  [33, 'SRV'],
  [35, 'NAPTR'],
  [37, 'CERT'],
  [39, 'DNAME'],
  [43, 'DS'],
  [44, 'SSHFP'],
  [46, 'RRSIG'],
  [47, 'NSEC'],
  [48, 'DNSKEY'],
  [50, 'NSEC3'],
  [52, 'TLSA'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [99, 'SPF'],
  [251, 'IXFR'],
  [252, 'AXFR'],
  [255, 'ANY'],
  [256, 'URI'],
  [257, 'CAA'],
])

/** IANA's names of response codes; others print as `RCODE12`. */
const CODE_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'NOERROR'],
  [1, 'FORMERR'],
  [2, 'SERVFAIL'],
  [3, 'NXDOMAIN'],
  [4, 'NOTIMP'],
  [5, 'REFUSED'],
  [6, 'YXDOMAIN'],
  [7, 'YXRRSET'],
  [8, 'NXRRSET'],
  [9, 'NOTAUTH'],
  [10, 'NOTZONE'],
  [16, 'BADVERS'],
  [23, 'BADCOOKIE'],
])

function typeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `TYPE${type}`
}

function answerText(answer: DnsAnswer): ByteText {
  if (answer.ip !== undefined) return renderIp(answer.ip)
  return answer.target ?? answer.text ?? typeName(answer.type)
}

function smallestTtl(answers: readonly DnsAnswer[]): number | undefined {
  let least: number | undefined
  for (const { ttlSec } of answers) if (least === undefined || ttlSec < least) least = ttlSec
  return least
}

/** How far addresses reach, the nearest first; see `dns.answers.scope`. */
const SCOPES = ['link', 'host', 'private', 'public'] as const

function scopeOf(ip: Ip): number {
  if (typeof ip === 'number') {
    const first = ip >>> 24
    const second = (ip >>> 16) & 0xff
    if (first === 169 && second === 254) return 0
    if (first === 127 || first === 0) return 1
    const isPrivate =
      first === 10 ||
      (first === 172 && second >> 4 === 1) ||
      (first === 192 && second === 168) ||
      (first === 100 && second >> 6 === 1)
    return isPrivate ? 2 : 3
  }
  const first = ip.charCodeAt(0)
  if (first === 0xfe && (ip.charCodeAt(1) & 0xc0) === 0x80) return 0
  if (ip.startsWith(FIFTEEN_ZEROS) && ip.charCodeAt(15) <= 1) return 1
  return (first & 0xfe) === 0xfc ? 2 : 3
}

const FIFTEEN_ZEROS: string = '\0'.repeat(15)

const NXDOMAIN = 3

function isText({ answers, rcode }: DnsPayload['message']): boolean {
  return rcode !== NXDOMAIN && answers.some(answer => answer.text !== undefined)
}

function nearestScope(answers: readonly DnsAnswer[]): string | undefined {
  let nearest: number = SCOPES.length
  for (const { ip } of answers) if (ip !== undefined) nearest = Math.min(nearest, scopeOf(unmapIp(ip)))
  return SCOPES[nearest]
}

function ofDns(
  name: string,
  type: Field['type'],
  doc: string,
  read: (dns: DnsPayload) => Value | undefined,
  more: Pick<Field, 'isList' | 'isName'> = {},
): Field {
  return {
    name: `dns.${name}`,
    group: 'dns',
    type,
    ...more,
    arg: 'none',
    doc,
    bind: () => ctx => (ctx.payload?.kind === 'dns' ? read(ctx.payload) : undefined),
  }
}

function ofOpening<K extends 'tls' | 'http'>(
  kind: K,
  name: string,
  type: Field['type'],
  doc: string,
  read: (payload: Extract<TlsPayload | HttpPayload, { readonly kind: K }>) => Value | undefined,
  more: Pick<Field, 'isName'> = {},
): Field {
  return {
    name,
    group: kind,
    type,
    ...more,
    arg: 'none',
    doc,
    bind: () => (ctx: EventContext) =>
      ctx.payload?.kind === kind
        ? read(ctx.payload as Extract<TlsPayload | HttpPayload, { readonly kind: K }>)
        : undefined,
  }
}

const ofAnswer = (dns: DnsPayload, value: (dns: DnsPayload) => Value | undefined): Value | undefined =>
  dns.message.isAnswer ? value(dns) : undefined

/** Fields of DNS messages, ClientHellos and HTTP requests. Not in Falco. */
export const dnsFields: readonly Field[] = [
  ofDns(
    'qname',
    'CHARBUF',
    'Name that a DNS query or answer is about, in lower case and without the final dot. The `dns.*` fields have values for the event that sent or received the message, at the client and at the server, where names are observed (`domains.observe`).',
    ({ message }) => message.question?.name,
    { isName: true },
  ),
  ofDns('qtype', 'CHARBUF', 'What is asked of the name: `A`, `AAAA`, `TXT`, `HTTPS`, …', ({ message }) =>
    message.question === undefined ? undefined : typeName(message.question.type),
  ),
  ofDns(
    'is_answer',
    'BOOL',
    'Whether the DNS message is an answer; else it is a query.',
    ({ message }) => message.isAnswer,
  ),
  ofDns('rcode', 'CHARBUF', 'Result of a DNS answer: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, … No value for queries.', dns =>
    ofAnswer(dns, ({ message }) => CODE_NAMES.get(message.rcode) ?? `RCODE${message.rcode}`),
  ),
  ofDns(
    'answers',
    'CHARBUF',
    'What a DNS answer holds, in its order: addresses, the names that aliases lead to, texts; for other records their type. No value for queries and empty answers.',
    dns => (dns.message.answers.length === 0 ? undefined : dns.message.answers.map(answerText)),
    { isList: true, isName: true },
  ),
  ofDns('answers.count', 'UINT32', 'How many records a DNS answer holds. No value for queries.', dns =>
    ofAnswer(dns, ({ message }) => message.answers.length),
  ),
  ofDns('ttl', 'UINT32', 'The smallest time to live among the records of a DNS answer, in seconds.', ({ message }) =>
    smallestTtl(message.answers),
  ),
  ofDns(
    'is_truncated',
    'BOOL',
    'Whether the server left something out of a DNS answer, so that the client asks again over TCP.',
    ({ message }) => message.isTruncated,
  ),
  ofDns(
    'is_unasked',
    'BOOL',
    'Whether a DNS answer fits no question that its process has asked: another id, question, server or port, a second answer, or a late one. It may be forged; nothing is learnt from it. No value for queries, and at the server.',
    dns => dns.isUnasked,
  ),
  ofDns('server', 'IPADDR', 'Address of the DNS server.', dns => dns.serverIp),
  ofDns(
    'server.trusted',
    'BOOL',
    'Whether the DNS server is one that is trusted: one of `domains.trusted_resolvers`, or where there are none, one that the `resolv.conf` of the process names. No value at the server, and where it is not known.',
    dns => dns.isTrusted,
  ),
  ofDns('server.port', 'PORT', 'Port of the DNS server.', dns => dns.serverPort),
  ofDns(
    'qname.is_public',
    'BOOL',
    'Whether the name in `dns.qname` is one of the public DNS: of two labels or more, and not below a suffix for private use (`.local`, `.internal`, `.lan`, …).',
    ({ message }) => (message.question === undefined ? undefined : isPublicDomain(message.question.name)),
  ),
  ofDns(
    'qname.longest_label',
    'UINT32',
    'Bytes of the longest label of `dns.qname`, 0 to 63. Names that carry data have long ones.',
    ({ message }) => (message.question === undefined ? undefined : shapeOfLongestLabel(message.question.name).length),
  ),
  ofDns(
    'qname.entropy',
    'UINT32',
    'Entropy of the longest label of `dns.qname`, in hundredths of a bit for each byte, 0 to 598: how far it is from a pattern. Words have up to 350, encoded data of some length has 350 to 480.',
    ({ message }) => (message.question === undefined ? undefined : shapeOfLongestLabel(message.question.name).entropy),
  ),
  ofDns(
    'answers.scope',
    'CHARBUF',
    'How far the addresses of a DNS answer reach, the nearest of them: `link` (169.254/16, fe80::/10), `host` (127/8, 0/8, ::1, ::), `private` (10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7) or `public`. No value without addresses.',
    ({ message }) => nearestScope(message.answers),
  ),
  ofDns(
    'query.count',
    'UINT32',
    'How many DNS queries the process sent in its minute. Counts of a minute begin with the first message of a process and begin anew with the first one after sixty seconds; they have a value for the message of that process that raised them, so that `dns.query.count = 100` matches once a minute at most. Kept for 2,048 processes.',
    ({ message, totals }) => (message.isAnswer ? undefined : totals?.queries),
  ),
  ofDns(
    'query.bytes',
    'UINT32',
    'Characters of the names in the DNS queries that the process sent in its minute; see `dns.query.count`.',
    ({ message, totals }) => (message.isAnswer ? undefined : totals?.queryBytes),
  ),
  ofDns(
    'query.untrusted',
    'UINT32',
    'How many of the DNS queries that the process sent in its minute went to servers that are not trusted (see `dns.server.trusted`). Has a value for queries to such servers; see `dns.query.count`.',
    ({ message, isTrusted, totals }) =>
      message.isAnswer || isTrusted !== false ? undefined : totals?.untrustedQueries,
  ),
  ofDns(
    'query.encoded',
    'UINT32',
    'How many different names the process asked for in its minute that look like encoded data, up to 256: their longest label has 30 bytes or more and an entropy of 300 or more (see `dns.qname.entropy`). Has a value for the query that raised it; see `dns.query.count`.',
    ({ message, totals }) => (message.isAnswer ? undefined : totals?.encodedNames || undefined),
  ),
  ofDns(
    'nxdomain.count',
    'UINT32',
    'Number of distinct public domains (last two labels) in which the process got NXDOMAIN within its minute, up to 256. Has a value for the answer that raised it; see `dns.query.count`.',
    ({ message, totals }) => (message.isAnswer && message.rcode === NXDOMAIN ? totals?.nxdomains : undefined),
  ),
  ofDns(
    'txt.count',
    'UINT32',
    'How many DNS answers with TXT records the process received in its minute. Has a value for such answers; see `dns.query.count`.',
    ({ message, totals }) => (isText(message) ? totals?.texts : undefined),
  ),
  ofDns(
    'txt.bytes',
    'UINT32',
    'Bytes of the TXT records that the process received in its minute. Has a value for answers with such records; see `dns.query.count`.',
    ({ message, totals }) => (isText(message) ? totals?.textBytes : undefined),
  ),
  ofOpening(
    'tls',
    'tls.sni',
    'CHARBUF',
    'Name of the server that a TLS client asks for in its first message, over TCP or QUIC, in lower case and without a final dot; it may be whatever the client likes. The `tls.*` fields have values for the event that completed that message, where names are observed (`domains.observe`).',
    tls => tls.serverName,
    { isName: true },
  ),
  ofOpening(
    'tls',
    'tls.sni.confirmed',
    'BOOL',
    'Whether something else than the client says that the name in `tls.sni` has the address of the server: a DNS answer, a hosts file, a look-up.',
    tls => (tls.serverName === undefined ? undefined : tls.isConfirmed),
  ),
  ofOpening(
    'tls',
    'tls.ech',
    'BOOL',
    'Whether the first message of the TLS client has an encrypted part (ECH), or feigns one: then `tls.sni` may be the name of whoever hosts the server.',
    tls => tls.hasEch,
  ),
  ofOpening(
    'http',
    'http.host',
    'CHARBUF',
    'Host that the first HTTP/1 request of a connection names, in lower case and without a port. Has a value for the event that completed it, where names are observed.',
    http => http.host,
    { isName: true },
  ),
  ofOpening(
    'http',
    'http.host.confirmed',
    'BOOL',
    'Whether something else than the client says that the name in `http.host` has the address of the server. False for requests to a proxy.',
    http => (http.host === undefined ? undefined : http.isConfirmed),
  ),
]
