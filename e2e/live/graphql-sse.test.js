// Live events by npm's graphql-sse, in its "distinct connections" mode.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createClient } from 'graphql-sse'
import { call, createUser, logIn } from '../lib/api.js'
import { authEvents, collect, untilListening } from '../lib/live.js'
import { startServer } from '../lib/server.js'

describe('graphql-sse', { timeout: 60_000 }, () => {
  let server, origin

  before(async () => {
    server = await startServer()
    origin = server.origin
  })
  after(() => server?.stop())

  const connect = (headers) => createClient({ url: `${origin}/graphql`, headers, retryAttempts: 0 })

  for (const [way, credential] of [
    ['the cookie of a page', ({ cookie }) => ({ cookie, origin })],
    ['a header', ({ token }) => ({ Authorization: `Bearer ${token}` })],
    ['a token in a header', ({ token }) => ({ 'Authentication-Token': token })],
  ]) {
    test(`is told by ${way}, until its session ends elsewhere`, async () => {
      const email = `${way.replaceAll(' ', '-')}@example.test`
      await createUser(origin, email)
      const session = await logIn(origin, email)
      const client = connect(credential(session))
      const listener = collect((sink) => client.subscribe({ query: authEvents }, sink))
      await untilListening(origin, session.token, listener)
      await call(origin, 'mutation { logout { loggedOut } }', credential(session))
      assert.deepEqual(await listener.next(), { kind: 'SIGNED_OUT', current: true, user: { firstName: 'Ada, the last' } })
      assert.equal(await listener.next(), 'UNAUTHENTICATED')
      assert.equal(await listener.next(), 'complete')
    })
  }

  test('asks queries and changes', async () => {
    await createUser(origin, 'query@example.test')
    const { token } = await logIn(origin, 'query@example.test')
    const client = connect({ Authorization: `Bearer ${token}` })
    const ask = async (query) => (await client.iterate({ query }).next()).value
    assert.deepEqual(await ask('{ me { email } }'), { data: { me: { email: 'query@example.test' } } })
    assert.deepEqual(await ask('mutation { logout { loggedOut } }'), { data: { logout: { loggedOut: true } } })
  })

  test('tells strangers why they are told nothing', async () => {
    const listener = collect((sink) => connect({}).subscribe({ query: authEvents }, sink))
    assert.equal(await listener.next(), 'UNAUTHENTICATED')
    assert.equal(await listener.next(), 'complete')
  })

  test('is refused what cannot be executed', async () => {
    const { error } = await collect((sink) => connect({}).subscribe({ query: 'subscription { nothing }' }, sink)).next()
    assert.equal(error.response.status, 400)
  })
})
