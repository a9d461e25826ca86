// In a network namespace: a DNS server on 127.0.0.1 that knows the names given as `name=address`, and a TCP server on port 80 of every
// address. Says `ready` when both listen.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import * as dns from 'dns-packet'

const zone = new Map(process.argv.slice(2).map(word => word.split('=') as [string, string]))

const udp = createSocket('udp4')
udp.on('message', (message, peer) => {
  const query = dns.decode(message)
  const [question] = query.questions ?? []
  const address = zone.get(question?.name.toLowerCase() ?? '')
  udp.send(
    dns.encode({
      type: 'response',
      ...(query.id !== undefined && { id: query.id }),
      flags: address === undefined ? 3 : 0,
      questions: query.questions ?? [],
      answers:
        address !== undefined && question?.type === 'A'
          ? [{ name: question.name, type: 'A', ttl: 30, data: address }]
          : [],
    }),
    peer.port,
    peer.address,
  )
})
udp.bind(53, '127.0.0.1', () => {
  createServer(socket => socket.on('error', () => {}).end()).listen(80, '0.0.0.0', () => process.stdout.write('ready\n'))
})
