// The nginx configuration of docs/verify.md, between the real server and a service.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as send } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { accessToken, call, createUser, logIn, password } from '../lib/api.js'
import { skipWithoutNginx, startNginx } from '../lib/nginx.js'
import { codeBlock, replaceAll } from '../lib/page.js'
import { admin, startServer } from '../lib/server.js'

describe('nginx asks authgraph', { skip: skipWithoutNginx, timeout: 120_000 }, () => {
  let server, service, gateway, nginx, user, session, boss
  let reached = 0 // how many requests the service got

  before(async () => {
    server = await startServer({ AUTHGRAPH_AUDIENCES: 'https://notes.example' })
    // A service that answers with what it was asked.
    service = createServer(async (request, response) => {
      reached++
      let body = ''
      for await (const part of request.setEncoding('utf8')) body += part
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }))
    }).listen(0, '127.0.0.1')
    await once(service, 'listening')
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const address = `127.0.0.1:${free.address().port}`
    free.close()
    await once(free, 'close')
    gateway = `http://${address}`
    const conf = replaceAll(await codeBlock('gateway.conf'), {
      '127.0.0.1:8000': address,
      '127.0.0.1:8080': new URL(server.origin).host,
      '127.0.0.1:9000': `127.0.0.1:${service.address().port}`,
    })
    nginx = await startNginx(gateway, conf, { 'authgraph.conf': await codeBlock('authgraph.conf') })
    user = await createUser(gateway, 'ada@example.test')
    session = await logIn(gateway, 'ada@example.test')
    boss = await logIn(gateway, admin.email, admin.password)
  })

  after(async () => {
    await nginx?.stop()
    service?.close()
    service?.closeAllConnections()
    await server?.stop()
  })

  const get = (path, headers = {}) => fetch(gateway + path, { headers })
  /** Sends a path as it is, where fetch would tidy it up, and returns what reached the service. */
  async function getRaw(path, headers) {
    const [response] = await once(send(gateway, { path, headers }).end(), 'response')
    let body = ''
    for await (const part of response.setEncoding('utf8')) body += part
    return response.statusCode === 200 ? JSON.parse(body) : { status: response.statusCode }
  }
  const bearer = (token) => ({ Authorization: `Bearer ${token}` })
  const basic = (name, secret) => ({ Authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` })

  /** Holds the gateway to letting nothing through. */
  async function refuses(status, path, headers) {
    const before = reached
    const response = await get(path, headers)
    await response.body?.cancel()
    assert.equal(response.status, status)
    assert.equal(reached, before, 'the service was reached')
    return response
  }

  test('strangers get a challenge', async () => {
    for (const headers of [{}, bearer('ags_nothing'), basic('ada@example.test', 'wrong'), { Cookie: 'authgraph_session=nothing' }]) {
      const response = await refuses(401, '/notes', headers)
      assert.match(response.headers.get('www-authenticate'), /realm="authgraph"/)
    }
  })

  for (const [name, credential] of [
    ['a cookie', () => ({ Cookie: session.cookie })],
    ['the token of a session', () => bearer(session.token)],
    ['a token in Authentication-Token', () => ({ 'Authentication-Token': session.token })],
    ['an access token for authgraph', async () => bearer(await accessToken(gateway, session.token, server.origin))],
    ['HTTP Basic', () => basic('ada@example.test', password)],
  ]) {
    test(`${name} reaches the service as a user`, async () => {
      const response = await get('/notes?page=2', await credential())
      assert.equal(response.status, 200)
      const { url, headers } = await response.json()
      assert.equal(url, '/notes?page=2')
      assert.equal(headers['x-auth-user'], user)
      assert.equal('x-auth-session' in headers, name !== 'HTTP Basic')
      for (const absent of ['x-auth-roles', 'x-auth-permissions', 'authorization', 'authentication-token', 'cookie']) {
        assert.equal(headers[absent], undefined, absent)
      }
    })
  }

  test('an access token for another service is refused', async () => {
    await refuses(401, '/notes', bearer(await accessToken(gateway, session.token, 'https://notes.example')))
  })

  test('a body reaches the service', async () => {
    const response = await fetch(`${gateway}/notes`, { method: 'POST', headers: { Cookie: session.cookie }, body: 'a new note' })
    const { method, body } = await response.json()
    assert.deepEqual({ method, body }, { method: 'POST', body: 'a new note' })
  })

  test('only an administrator gets where the role is asked for', async () => {
    await refuses(401, '/admin/')
    await refuses(403, '/admin/', { Cookie: session.cookie })
    const response = await get('/admin/', { Cookie: boss.cookie })
    assert.equal(response.status, 200)
    const { headers } = await response.json()
    assert.equal(headers['x-auth-roles'], 'admin')
    assert.ok(headers['x-auth-permissions'].split(' ').includes('users:write'), headers['x-auth-permissions'])
    assert.match(headers['x-auth-session'], /^ses_/)
  })

  test('the service gets the path by which the guard was chosen', async () => {
    const { url } = await getRaw('/admin/../notes', { Cookie: session.cookie })
    assert.equal(url, '/notes')
    for (const path of ['/notes/../admin/', '//admin/', '/%61dmin/', '/notes%2f..%2fadmin/']) {
      const before = reached
      assert.equal((await getRaw(path, { Cookie: session.cookie })).status, 403, path)
      assert.equal(reached, before, 'the service was reached')
    }
  })

  test('a client cannot say who it is', async () => {
    const claims = { 'X-Auth-User': 'usr_other', 'X-Auth-Session': 'ses_other', 'X-Auth-Roles': 'admin', 'X-Auth-Permissions': 'users:write', X_Auth_Roles: 'admin' }
    await refuses(401, '/notes', claims)
    await refuses(403, '/admin/', { ...claims, Cookie: session.cookie })
    const { headers } = await (await get('/notes', { ...claims, Cookie: session.cookie })).json()
    assert.equal(headers['x-auth-user'], user)
    assert.match(headers['x-auth-session'], /^ses_/)
    assert.doesNotMatch(JSON.stringify(headers), /_other|admin|users:write/)
  })

  test('nobody asks from outside', async () => {
    await refuses(404, '/_auth', { Cookie: boss.cookie })
    await refuses(404, '/_auth_admin', { Cookie: boss.cookie })
  })

  test('the keys are published', async () => {
    const { keys } = await (await get('/.well-known/jwks.json')).json()
    assert.ok(keys.length > 0)
  })

  test('a log-out counts at once', async () => {
    const { data } = await call(gateway, 'mutation { logout { loggedOut } }', { Cookie: session.cookie })
    assert.equal(data.logout.loggedOut, true)
    await refuses(401, '/notes', { Cookie: session.cookie })
  })

  test('while authgraph does not answer, nobody is let through', async () => {
    await server.stop()
    server = undefined
    await refuses(500, '/notes', { Cookie: boss.cookie })
  })
})
