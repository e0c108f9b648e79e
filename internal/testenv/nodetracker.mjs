// Runs the server of npm's bittorrent-tracker on one port of 127.0.0.1 and of
// ::1. The package's own command can't: it binds UDP to 0.0.0.0 whatever it is
// told, and HTTP to a single address. Arguments: the package's server.js, the
// port. Says "listening" when it answers at every address.
import { once } from 'node:events'
import http from 'node:http'
import { pathToFileURL } from 'node:url'

const [, file, port] = process.argv
const { default: Server } = await import(pathToFileURL(file))

// It would share its UDP port with other sockets that allow it.
const tracker = new Server({ udp: { reuseAddr: false } })
tracker.on('warning', err => console.log(`warning: ${err.message}`))
tracker.on('error', err => {
  console.log(`error: ${err.message}`)
  if (!tracker.listening) process.exit(1)
})

// The other address: the same swarms, asked by HTTP and WebSocket.
const http6 = http.createServer()
for (const event of ['request', 'upgrade']) {
  http6.on(event, (...args) => tracker.http.emit(event, ...args))
}

const both = Promise.all([once(http6, 'listening'), once(tracker, 'listening')])
http6.listen(port, '::1')
tracker.listen(port, { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' })
await both
console.log('listening')
