// The proxies of deploy/ that end TLS, before the real server.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request as requestPlain } from 'node:http'
import { connect } from 'node:http2'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { password } from '../lib/api.js'
import { skipWithoutCaddy, startCaddy } from '../lib/caddy.js'
import { authEvents, collect } from '../lib/live.js'
import { skipWithoutNginx, startNginx } from '../lib/nginx.js'
import { replaceAll } from '../lib/page.js'
import { until } from '../lib/process.js'
import { freePort, startServer } from '../lib/server.js'

const name = 'login.example.com'
const file = (path) => readFile(join(import.meta.dirname, '..', '..', 'deploy', path), 'utf8')

/** Starts nginx as deploy/nginx.conf has it, on other ports. */
async function nginx({ plain, secure, behind, certificate, key }) {
  const text = replaceAll(await file('nginx.conf'), {
    'listen 80;': `listen 127.0.0.1:${plain};`,
    'listen [::]:80;': '',
    'listen 443 ssl': `listen 127.0.0.1:${secure} ssl`,
    'listen [::]:443 ssl http2;': '',
    'http://127.0.0.1:8080': behind,
    '/etc/letsencrypt/live/login.example.com/fullchain.pem': certificate,
    '/etc/letsencrypt/live/login.example.com/privkey.pem': key,
  })
  return startNginx(`http://127.0.0.1:${plain}`, text, {})
}

/** Starts Caddy as deploy/Caddyfile has it, on other ports and with a certificate that is there already. */
async function caddy({ plain, secure, behind, certificate, key }) {
  const text = replaceAll(await file('Caddyfile'), {
    '\tauto_https disable_redirects\n': `\tauto_https disable_redirects\n\tadmin off\n\thttp_port ${plain}\n\thttps_port ${secure}\n\tdefault_bind 127.0.0.1\n`,
    '\nlogin.example.com {\n': `\nlogin.example.com {\n\ttls ${certificate} ${key}\n`,
    '127.0.0.1:8080': new URL(behind).host,
  })
  return startCaddy(`http://127.0.0.1:${plain}`, text)
}

for (const [title, start, skip, cutsOff] of [
  ['nginx', nginx, skipWithoutNginx, false],
  ['Caddy', caddy, skipWithoutCaddy, true], // as deploy/Caddyfile says
]) {
  describe(`${title} ends TLS`, { skip, timeout: 120_000 }, () => {
    let folder, ca, server, proxy, plain, secure

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'authgraph-tls-'))
      const certificate = join(folder, 'certificate.pem')
      const key = join(folder, 'key.pem')
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
      const about = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
      execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '2', ...about, '-keyout', key, '-out', certificate], { stdio: 'pipe' })
      ca = await readFile(certificate)
      server = await startServer({ AUTHGRAPH_PUBLIC_URL: `https://${name}`, AUTHGRAPH_TRUSTED_PROXIES: '127.0.0.1' })
      plain = await freePort()
      secure = await freePort()
      const behind = server.origin.replace('localhost', '127.0.0.1')
      proxy = await start({ plain, secure, behind, certificate, key })
    })

    after(async () => {
      await proxy?.stop()
      await server?.stop()
      await rm(folder, { recursive: true })
    })

    /** Sends a request over TLS, from another address of this machine than the proxy's. */
    async function ask(path, { headers = {}, body, method = body ? 'POST' : 'GET' } = {}) {
      const sent = request({ host: '127.0.0.1', port: secure, servername: name, ca, localAddress: '127.0.0.2', method, path, headers: { Host: name, ...headers } })
      const [response] = await once(sent.end(body), 'response')
      let text = ''
      for await (const part of response.setEncoding('utf8')) text += part
      return { status: response.statusCode, headers: response.headers, text }
    }
    const post = (query, headers = {}) =>
      ask('/graphql', { headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify({ query }) })
    /** Waits until the server has logged an operation and returns the line; it comes after the answer. */
    const logged = (name) =>
      until(`${name} is logged`, () => {
        const line = server.output().split('\n').slice(0, -1).find((text) => text.includes(`"name":"${name}"`))
        return line && JSON.parse(line)
      })

    test('a browser signs in, with a cookie for this host over https alone', async () => {
      const origin = { Origin: `https://${name}` }
      await post(`mutation { createUser(input: {username: "ada", password: "${password}"}) { user { id } } }`, origin)
      const login = await post(`mutation { login(input: {identifier: "ada", password: "${password}"}) { ... on LoginSuccess { user { username } } } }`, origin)
      assert.match(login.text, /"username":"ada"/)
      assert.match(login.headers['strict-transport-security'], /max-age=/)
      const [cookie] = login.headers['set-cookie']
      assert.match(cookie, /^__Host-.*; Secure/)
      const me = await post('{ me { username } }', { ...origin, Cookie: cookie.split(';')[0] })
      assert.equal(me.text, '{"data":{"me":{"username":"ada"}}}')
    })

    test('the server is told where the client is, and not by the client', async () => {
      for (const [name, headers] of [
        ['Silent', {}],
        ['Claiming', { 'X-Forwarded-For': '203.0.113.9' }],
      ]) {
        assert.equal((await post(`query ${name} { status { signupOpen } }`, headers)).status, 200)
        assert.equal((await logged(name)).address, '127.0.0.2')
      }
    })

    test('live events pass, over a socket and as a stream, when they happen', async () => {
      const origin = `https://${name}`
      const signIn = () => post(`mutation { login(input: {identifier: "ada", password: "${password}"}) { ... on LoginSuccess { user { username } } } }`, { Origin: origin })
      const cookie = (await signIn()).headers['set-cookie'][0].split(';')[0]
      const secured = { headers: { Host: name, Origin: origin, Cookie: cookie }, servername: name, ca, localAddress: '127.0.0.2' }
      const client = createClient({
        url: `wss://127.0.0.1:${secure}/graphql`,
        webSocketImpl: class extends WebSocket {
          constructor(address, protocols) {
            super(address, protocols, secured)
          }
        },
        retryAttempts: 0,
      })
      const socket = collect((sink) => client.subscribe({ query: authEvents }, sink))
      const headers = { ...secured.headers, 'Content-Type': 'application/json', Accept: 'text/event-stream' }
      let stream
      let streamed = ''
      const openStream = async () => {
        const sent = request({ ...secured, host: '127.0.0.1', port: secure, method: 'POST', path: '/graphql', headers })
        ;[stream] = await once(sent.end(JSON.stringify({ query: authEvents })), 'response')
        assert.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8')
        stream.setEncoding('utf8').on('data', (text) => (streamed += text))
      }
      await openStream()
      const first = socket.next()
      let told = false
      first.then(() => (told = true))
      await until('both tell of it', async () => {
        if (told && streamed.includes('SIGNED_IN')) return true
        if (stream.closed) {
          assert.ok(cutsOff, 'the stream was cut off')
          await openStream()
        }
        await signIn()
        return sleep(200, false) // nothing says when the socket has begun
      })
      assert.equal((await first).kind, 'SIGNED_IN')
      socket.stop()
      await client.dispose()
      stream.destroy()
    })

    test('plain HTTP is refused and goes no further', async () => {
      const headers = { 'Content-Type': 'application/json', Host: name }
      for (const path of ['/', '/graphql']) {
        const sent = requestPlain({ host: '127.0.0.1', port: plain, method: 'POST', path, headers })
        const [response] = await once(sent.end('{"query":"query InTheClear { status { signupOpen } }"}'), 'response')
        response.resume()
        assert.equal(response.statusCode, 403)
        assert.equal(response.headers.location, undefined)
      }
      await post('query Later { status { signupOpen } }')
      await logged('Later')
      assert.doesNotMatch(server.output(), /InTheClear/)
    })

    test('clients get to the API and the keys alone', async () => {
      const { status, text } = await ask('/.well-known/jwks.json')
      assert.equal(status, 200)
      assert.match(text, /"keys"/)
      for (const path of ['/', '/auth', '/healthz', '/readyz', '/graphql/', '/graphql/../readyz']) {
        assert.equal((await ask(path)).status, 404, path)
      }
    })

    test('a body that is too large is refused as such', async () => {
      assert.equal((await post(`{ status { signupOpen } } # ${'x'.repeat(110 * 1024)}`)).status, 413)
    })

    test('HTTP/2 is spoken', async () => {
      const session = connect(`https://127.0.0.1:${secure}`, { servername: name, ca })
      const stream = session.request({ ':path': '/.well-known/jwks.json', ':authority': name })
      const [headers] = await once(stream, 'response')
      assert.equal(headers[':status'], 200)
      stream.resume()
      await once(stream, 'end')
      session.close()
      await once(session, 'close')
    })
  })
}
