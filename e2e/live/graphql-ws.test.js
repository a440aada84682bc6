// Live events by npm's graphql-ws: each way to sign in, a log-out elsewhere, a restart.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { call, createUser, logIn } from '../lib/api.js'
import { authEvents, collect, socketClient, untilListening } from '../lib/live.js'
import { until } from '../lib/process.js'
import { freePort, startServer } from '../lib/server.js'

describe('graphql-ws', { timeout: 120_000 }, () => {
  let server, origin

  before(async () => {
    server = await startServer()
    origin = server.origin
  })
  after(() => server?.stop())

  /** Makes a user and signs them in, and returns a listener of theirs that has begun. */
  async function listen(email, open) {
    await createUser(origin, email)
    const session = await logIn(origin, email)
    const client = open(session)
    const listener = collect((sink) => client.subscribe({ query: authEvents }, sink))
    await untilListening(origin, session.token, listener)
    return { ...session, client, listener }
  }

  for (const [way, open] of [
    ['the cookie of a page', ({ cookie }) => socketClient(origin, { cookie, origin })],
    ['a header', ({ token }) => socketClient(origin, { authorization: `Bearer ${token}` })],
    ['connection parameters', ({ token }) => socketClient(origin, {}, { connectionParams: { Authorization: `Bearer ${token}` } })],
    ['connection parameters in lower case', ({ token }) => socketClient(origin, {}, { connectionParams: { authorization: `Bearer ${token}` } })],
    ['a token in connection parameters', ({ token }) => socketClient(origin, {}, { connectionParams: () => ({ 'Authentication-Token': token }) })],
  ]) {
    test(`is told by ${way}, and sent away when its session ends elsewhere`, async () => {
      const email = `${way.replaceAll(' ', '-').toLowerCase()}@example.test`
      const { client, listener, token, cookie } = await listen(email, open)
      const elsewhere = await logIn(origin, email)
      assert.equal((await listener.next()).kind, 'SIGNED_IN')
      assert.equal((await listener.next()).kind, 'SIGNED_IN') // logIn does it twice
      const credential = way.includes('cookie') ? { cookie, origin } : { authorization: `Bearer ${token}` }
      await call(origin, 'mutation { logout { loggedOut } }', { authorization: `Bearer ${elsewhere.token}` })
      assert.deepEqual(await listener.next(), { kind: 'SIGNED_OUT', current: false, user: { firstName: 'Ada, the last' } })
      await call(origin, 'mutation { logout { loggedOut } }', credential)
      assert.deepEqual(await listener.next(), { kind: 'SIGNED_OUT', current: true, user: { firstName: 'Ada, the last' } })
      const { error } = await listener.next()
      assert.equal(error.code, 4401)
      assert.equal(error.reason, 'Unauthorized')
      assert.deepEqual(client.closed, [4401]) // and does not come back
    })
  }

  test('refuses strangers and pages of other origins', async () => {
    for (const [headers, connectionParams] of [
      [{}, undefined],
      [{}, { Authorization: 'Bearer garbage' }],
      [{ cookie: 'authgraph_session=garbage', origin }, undefined],
    ]) {
      const client = socketClient(origin, headers, { connectionParams, retryAttempts: 0 })
      const { error } = await collect((sink) => client.subscribe({ query: authEvents }, sink)).next()
      assert.equal(error.code, 4401)
    }
    await createUser(origin, 'foreign@example.test')
    const { cookie } = await logIn(origin, 'foreign@example.test')
    for (const headers of [{ cookie, origin: 'https://evil.example' }, { cookie, origin: 'null' }, { cookie }]) {
      const client = socketClient(origin, headers, { retryAttempts: 0 })
      const { error } = await collect((sink) => client.subscribe({ query: authEvents }, sink)).next()
      assert.match(error.message, /403/)
    }
  })

  test('asks queries, and is told why it may not change anything', async () => {
    await createUser(origin, 'query@example.test')
    const { token } = await logIn(origin, 'query@example.test')
    const client = socketClient(origin, {}, { connectionParams: { Authorization: `Bearer ${token}` } })
    const { value } = await client.iterate({ query: '{ me { email } }' }).next()
    assert.deepEqual(value, { data: { me: { email: 'query@example.test' } } })
    await assert.rejects(client.iterate({ query: 'mutation { logout { loggedOut } }' }).next(), (errors) => errors[0].extensions.code === 'BAD_REQUEST')
    await client.dispose()
  })

  test('listens to several things at once and stops one of them', async () => {
    const { client, listener, token } = await listen('several@example.test', ({ token }) =>
      socketClient(origin, {}, { connectionParams: { Authorization: `Bearer ${token}` } }),
    )
    const second = collect((sink) => client.subscribe({ query: authEvents }, sink))
    await untilListening(origin, token, second)
    listener.stop()
    await untilListening(origin, token, second)
    assert.deepEqual(client.closed, [])
    await client.dispose()
  })
})

describe('graphql-ws, while the server is restarted', { timeout: 120_000 }, () => {
  test('comes back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'authgraph-e2e-'))
    const port = await freePort()
    const settings = { AUTHGRAPH_DATABASE: `sqlite:${join(folder, 'authgraph.db')}`, AUTHGRAPH_PUBLIC_URL: `http://localhost:${port}` }
    let server = await startServer(settings, port)
    try {
      const { origin } = server
      await createUser(origin, 'ada@example.test')
      const { token } = await logIn(origin, 'ada@example.test')
      const client = socketClient(origin, {}, { connectionParams: { Authorization: `Bearer ${token}` }, retryAttempts: 1000 })
      const listener = collect((sink) => client.subscribe({ query: authEvents }, sink))
      await untilListening(origin, token, listener)
      await server.stop()
      server = undefined
      await until('the socket is closed', () => client.closed.length > 0)
      assert.equal(client.closed[0], 1001)
      server = await startServer(settings, port)
      await untilListening(origin, token, listener)
      await client.dispose()
    } finally {
      await server?.stop()
      await rm(folder, { recursive: true })
    }
  })
})
