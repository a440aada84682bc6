// Two tabs of a browser: one cookie jar, two programs.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { pageFetch } from '../../../../e2e/lib/cookies.js'
import { admin, startServer } from '../../../../e2e/lib/server.js'
import { becomes, operations, program } from './program.js'

describe('another tab', { timeout: 60_000 }, () => {
  let server, jar, one, two

  before(async () => {
    server = await startServer({ AUTHGRAPH_RATE_LIMITS: 'off' })
  })
  after(() => server?.stop())

  beforeEach(() => {
    jar = pageFetch(server.origin)
    one = program(server, {}, jar)
    two = program(server, {}, jar)
  })
  afterEach(() => {
    one.auth.close()
    two.auth.close()
  })

  test('is signed in and out with this one', async () => {
    await two.auth.check()
    await one.logIn()
    assert.deepEqual(await becomes(two.auth, 'signed-in'), one.auth.state)
    assert.equal((await two.me()).email, admin.email)

    await one.logOut()
    assert.deepEqual(await becomes(two.auth, 'signed-out'), { status: 'signed-out', reason: 'elsewhere' })
  })

  test('ignores answers of before the log-out here', async () => {
    await one.logIn()
    await becomes(two.auth, 'signed-in')
    const { reached, release } = two.wire.hold('Me')
    const late = assert.rejects(two.me(), { name: 'AbortError' })
    await reached
    await one.logOut()
    await becomes(two.auth, 'signed-out')
    release()
    await late
  })

  test('tells a log-out from an end, though it finds out before it is told', async () => {
    await one.logIn()
    await becomes(two.auth, 'signed-in')
    let known
    const seen = new Promise((resolve) => two.auth.subscribe(() => two.auth.state.reason === 'elsewhere' && resolve()))
    await one.auth.signOut(async () => {
      await one.auth.request(operations.logOut)
      known = await two.auth.check()
    })
    assert.deepEqual(known, { status: 'signed-out', reason: 'ended' })
    await seen
    assert.deepEqual(two.auth.state, { status: 'signed-out', reason: 'elsewhere' })
  })

  test('learns that the session ended from the one that finds out', async () => {
    await one.logIn()
    await becomes(two.auth, 'signed-in')
    const elsewhere = program(server, { shared: false }, pageFetch(server.origin))
    await elsewhere.logIn()
    await elsewhere.auth.request('mutation { revokeOtherSessions { count } }')
    await one.auth.check()
    assert.deepEqual(await becomes(two.auth, 'signed-out'), { status: 'signed-out', reason: 'ended' })
  })

  test('does not renew what this one has renewed', async () => {
    let time = 0
    const options = { renewAfter: 60, now: () => time }
    const [first, second] = [program(server, options, jar), program(server, options, jar)]
    try {
      await first.logIn()
      await becomes(second.auth, 'signed-in')
      const listener = new BroadcastChannel(`authgraph ${first.auth.endpoint}`) // it hears after the second
      const told = once(listener, 'message')
      time = 60_000
      await first.me()
      assert.equal((await told)[0].data, 'renewed')
      listener.close()
      await second.me()
      assert.equal(first.wire.count('AuthRenew') + second.wire.count('AuthRenew'), 1)
    } finally {
      first.auth.close()
      second.auth.close()
    }
  })
})
