// ClientHellos for tests: made by hand, and by the TLS of this Node.
import { createServer } from 'node:net'
import { connect } from 'node:tls'

function u16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff])
}

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([u16(type), u16(data.length), data])
}

/** The handshake message, without records. */
export function clientHello(options: { readonly name?: string; readonly hasEch?: boolean; readonly padding?: number } = {}): Buffer {
  const { name, hasEch = false, padding = 0 } = options
  const extensions = Buffer.concat([
    extension(0x002b, Buffer.from([2, 3, 4])),
    ...(padding > 0 ? [extension(21, Buffer.alloc(padding))] : []),
    ...(name === undefined
      ? []
      : [extension(0, Buffer.concat([u16(name.length + 3), Buffer.from([0]), u16(name.length), Buffer.from(name, 'latin1')]))]),
    ...(hasEch ? [extension(0xfe0d, Buffer.alloc(20))] : []),
  ])
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([32]),
    Buffer.alloc(32, 8),
    u16(4),
    Buffer.from([0x13, 1, 0x13, 2]),
    Buffer.from([1, 0]),
    u16(extensions.length),
    extensions,
  ])
  return Buffer.concat([Buffer.from([1, 0, body.length >>> 8, body.length & 0xff]), body])
}

/** A handshake message as records of at most `recordBytes`. */
export function asRecords(message: Buffer, recordBytes = 16_384): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += recordBytes) {
    const part = message.subarray(at, at + recordBytes)
    records.push(Buffer.from([22, 3, 1]), u16(part.length), part)
  }
  return Buffer.concat(records)
}

/** What this Node's TLS sends first to a server of this name. */
export async function realClientHello(name: string): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const server = createServer(socket => socket.once('data', data => resolve(data)))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', () => done()))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const client = connect({ port, host: '127.0.0.1', servername: name, rejectUnauthorized: false })
  client.on('error', () => {})
  try {
    return await promise
  } finally {
    client.destroy()
    server.close()
  }
}
