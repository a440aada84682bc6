// One program and its session: signing in and out, late answers, renewal, step-up.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createAuth, isRefusedWith, memoryTokens } from '@authgraph/client'
import { pageFetch } from '../../../../e2e/lib/cookies.js'
import { admin, startServer } from '../../../../e2e/lib/server.js'
import { bearerProgram, operations, program, watch } from './program.js'

const audience = 'https://reports.example.test'

describe('a session', { timeout: 120_000 }, () => {
  let server

  before(async () => {
    server = await startServer({ AUTHGRAPH_RATE_LIMITS: 'off', AUTHGRAPH_FRESH_DURATION: '1h', AUTHGRAPH_AUDIENCES: audience })
  })
  after(() => server?.stop())

  for (const [way, start] of [
    ['a cookie', () => program(server, { shared: false }, pageFetch(server.origin))],
    ['a token', () => bearerProgram(server)],
  ]) {
    test(`by ${way} is known from log-in to log-out`, async () => {
      const { auth, logIn, logOut, me } = start()
      assert.deepEqual(auth.state, { status: 'unknown' })
      assert.deepEqual(await auth.check(), { status: 'signed-out', reason: 'none' })
      const seen = []
      auth.subscribe(() => seen.push(auth.state.status))

      const { user } = await logIn()
      assert.equal(auth.state.userId, user.id)
      assert.match(auth.state.sessionId, /^ses_/)
      assert.ok(Date.parse(auth.state.expiresAt) > Date.now())
      assert.deepEqual(await me(), { id: user.id, email: admin.email })

      assert.deepEqual(await logOut(), { logout: { loggedOut: true } })
      assert.deepEqual(auth.state, { status: 'signed-out', reason: 'signed-out' })
      await assert.rejects(me(), (error) => isRefusedWith(error, 'UNAUTHENTICATED'))
      assert.deepEqual(seen, ['signed-in', 'signed-out'])
    })
  }

  test('that is refused does not begin', async () => {
    const { auth, tokens, logIn } = bearerProgram(server)
    await auth.check()
    await assert.rejects(logIn({ email: admin.email, password: 'not this one 47' }), (error) => isRefusedWith(error, 'INVALID_CREDENTIALS'))
    assert.equal(auth.state.status, 'signed-out')
    assert.equal(tokens.get(), null)
  })

  test('goes on where the log-out did not reach the server', async () => {
    const { auth, logIn, me } = bearerProgram(server)
    await logIn()
    await assert.rejects(auth.signOut(() => fetch('http://localhost:1/')))
    assert.equal(auth.state.status, 'signed-in')
    assert.equal((await me()).email, admin.email)
  })

  test('that was ended elsewhere is found to be at the next request', async () => {
    const one = bearerProgram(server)
    const other = bearerProgram(server)
    await one.logIn()
    await other.logIn()
    await other.auth.request('mutation { revokeOtherSessions { count } }')
    await assert.rejects(one.me(), (error) => isRefusedWith(error, 'UNAUTHENTICATED'))
    assert.deepEqual(one.auth.state, { status: 'signed-out', reason: 'ended' })
    assert.equal(one.tokens.get(), null)
  })

  test('is not held to have ended by an answer to another token', async () => {
    const { auth, tokens, logIn, me, wire } = bearerProgram(server)
    await logIn()
    const good = tokens.get()
    tokens.set('ags_of-another-time')
    const { reached, release } = wire.hold('Me')
    const answer = me()
    await reached
    tokens.set(good) // as another tab does that shares the store
    release()
    assert.equal((await answer).email, admin.email)
    assert.equal(auth.state.status, 'signed-in')
  })

  test('is not given to other servers', async () => {
    const { auth, logIn } = bearerProgram(server)
    await logIn()
    const seen = []
    const other = createAuth({
      endpoint: `${server.origin}/graphql`,
      tokens: memoryTokens('ags_secret'),
      fetch: async (input, init) => {
        seen.push(new Request(input, init))
        return new Response()
      },
    })
    await other.fetch('http://localhost:1/graphql', { headers: { 'X-Own': '1' } })
    await other.fetch(`${server.origin}/graphql/elsewhere`)
    assert.deepEqual(seen.map(({ headers, credentials }) => [headers.get('Authorization'), credentials]), [[null, 'same-origin'], [null, 'same-origin']])
    assert.equal(seen[0].headers.get('X-Own'), '1')
  })

  test('an outage is not its end', async () => {
    const { auth, tokens, logIn } = bearerProgram(server)
    await logIn()
    const cutOff = createAuth({ endpoint: 'http://localhost:1/graphql', tokens })
    await assert.rejects(cutOff.check())
    assert.deepEqual(cutOff.state, { status: 'unknown' })
    assert.notEqual(tokens.get(), null)
    assert.equal((await auth.check()).status, 'signed-in')
  })

  describe('a late answer', () => {
    for (const [what, change] of [
      ['log-out', ({ logOut }) => logOut()],
      ['log-in', ({ logIn }) => logIn()],
    ]) {
      test(`of before the ${what} reaches nobody after it`, async () => {
        const one = bearerProgram(server)
        await one.logIn()
        const { reached, release } = one.wire.hold('Me')
        const late = assert.rejects(one.me(), { name: 'AbortError' })
        await reached
        await change(one)
        release()
        await late
      })
    }

    test('to a stranger is heeded when nobody turns out to be signed in', async () => {
      const { auth, wire } = bearerProgram(server)
      const { reached, release } = wire.hold('Status')
      const answer = auth.request('query Status { status { signupOpen } }')
      await reached
      await auth.check()
      release()
      assert.deepEqual(await answer, { status: { signupOpen: true } })
    })

    test('can still be given up by who asked', async () => {
      const { auth } = bearerProgram(server, { fetch })
      const controller = new AbortController()
      controller.abort(new Error('given up'))
      const asked = auth.fetch(auth.endpoint, { method: 'POST', body: '{}', signal: controller.signal })
      await assert.rejects(asked, /given up/)
    })
  })

  describe('renewal', () => {
    test('is made once for all requests that are sent meanwhile', async () => {
      let time = 0
      const { tokens, logIn, me, wire } = bearerProgram(server, { renewAfter: 60, now: () => time })
      await logIn()
      const before = tokens.get()
      await me()
      assert.equal(wire.count('AuthRenew'), 0)

      time = 60_000
      const answers = await Promise.all(Array.from({ length: 10 }, me))
      assert.ok(answers.every(({ email }) => email === admin.email))
      assert.equal(wire.count('AuthRenew'), 1)
      assert.notEqual(tokens.get(), before)

      time += 59_999
      await me()
      assert.equal(wire.count('AuthRenew'), 1)
    })

    test('that is asked for many times at once gives one token', async () => {
      const { auth, tokens, logIn, me, wire } = bearerProgram(server)
      await logIn()
      const before = tokens.get()
      await Promise.all([auth.renew(), auth.renew(), auth.renew()])
      assert.equal(wire.count('AuthRenew'), 1)
      assert.notEqual(tokens.get(), before)
      assert.equal((await me()).email, admin.email)
    })

    test('lets requests pass that were sent with the token before', async () => {
      const { auth, logIn, me, wire } = bearerProgram(server)
      await logIn()
      const { reached, release } = wire.hold('Me')
      const early = me()
      await reached
      await auth.renew()
      release()
      assert.equal((await early).email, admin.email)
      assert.equal(auth.state.status, 'signed-in')
    })

    test('that fails keeps no request from being sent, and is not tried again at once', async () => {
      let time = 0
      let broken = false
      let failed = 0
      const { logIn, me, wire } = bearerProgram(server, { renewAfter: 60, now: () => time }, (url, options) => {
        if (!broken || !options.body.includes('AuthRenew')) return fetch(url, options)
        failed++
        return Promise.reject(new TypeError('fetch failed'))
      })
      await logIn()
      time = 60_000
      broken = true
      assert.equal((await me()).email, admin.email)
      assert.equal((await me()).email, admin.email)
      assert.equal(failed, 1)
      broken = false
      time += 30_000
      await me()
      assert.equal(wire.count('AuthRenew'), 2)
    })

    test('by cookie replaces the cookie', async () => {
      const page = pageFetch(server.origin)
      const { auth, logIn, me } = program(server, { shared: false }, page)
      await logIn()
      const before = page.jar.get('authgraph_session')
      await auth.renew()
      assert.notEqual(page.jar.get('authgraph_session'), before)
      assert.equal((await me()).email, admin.email)
    })

    test('and log-out go one after the other, so that no late cookie revives the session', async () => {
      const page = pageFetch(server.origin)
      const { auth, logIn, logOut, wire } = program(server, { shared: false }, page)
      await logIn()
      const { reached, release } = wire.hold('AuthRenew')
      const renewed = auth.renew()
      await reached
      const out = logOut()
      release()
      await Promise.all([renewed, out])
      assert.deepEqual(wire.sent.slice(-2), ['AuthRenew', 'LogOut'])
      assert.equal(page.jar.has('authgraph_session'), false)
    })
  })

  describe('an access token', () => {
    test('is asked for once by all who need it, and again before it ends', async () => {
      let time = 0
      const { auth, logIn, wire } = bearerProgram(server, { now: () => time })
      await logIn()
      const [one, same, other] = await Promise.all([auth.accessToken({ audience }), auth.accessToken({ audience }), auth.accessToken()])
      assert.equal(one, same)
      assert.notEqual(one, other)
      assert.equal(wire.count('AuthAccessToken'), 2)
      time = 479_999
      assert.equal(await auth.accessToken({ audience }), one)
      time = 480_000 // of 600 s
      assert.notEqual(await auth.accessToken({ audience }), one)
    })

    test('is forgotten at log-out', async () => {
      const { auth, logIn, logOut, wire } = bearerProgram(server)
      await logIn()
      const before = await auth.accessToken()
      await logOut()
      await logIn()
      assert.notEqual(await auth.accessToken(), before)
      assert.equal(wire.count('AuthAccessToken'), 2)
    })

    test('that a service refuses is replaced once', async () => {
      const seen = []
      const service = async (request) => {
        seen.push([request.headers.get('Authorization'), await request.text()])
        return new Response(null, { status: seen.length === 1 ? 401 : 200 })
      }
      const own = watch()
      const { auth, logIn } = bearerProgram(server, {
        fetch: (input, init) => (input instanceof Request ? service(input) : own.fetch(input, init)),
      })
      await logIn()
      const response = await auth.fetchFor(audience)('http://localhost:1/reports', { method: 'POST', body: 'which' })
      assert.equal(response.status, 200)
      assert.deepEqual(seen.map(([, body]) => body), ['which', 'which'])
      assert.match(seen[0][0], /^Bearer ey/)
      assert.notEqual(seen[1][0], seen[0][0])
      assert.equal(seen[1][0], `Bearer ${await auth.accessToken({ audience })}`)
    })
  })
})

describe('step-up', { timeout: 120_000 }, () => {
  let server

  before(async () => {
    server = await startServer({ AUTHGRAPH_RATE_LIMITS: 'off', AUTHGRAPH_FRESH_DURATION: '1h' })
  })
  after(() => server?.stop())

  /** Returns a program in a session that is not fresh: a token that has a successor never is. */
  async function staleProgram() {
    const started = bearerProgram(server)
    await started.logIn()
    await started.auth.request('mutation { renewSession { token } }') // and the new one is lost
    return started
  }

  test('is asked for once by all that were refused, and each of them is repeated', async () => {
    const { auth, reauthenticate } = await staleProgram()
    let asked = 0
    auth.askPassword = async () => {
      asked++
      await reauthenticate()
      return true
    }
    const names = ['a', 'b', 'c']
    const made = await Promise.all(names.map((name) => auth.request(operations.createApiToken(name))))
    assert.deepEqual(made.map(({ createApiToken }) => createApiToken.apiToken.name), names)
    assert.equal(asked, 1)
  })

  test('is not asked for where the session has become fresh meanwhile', async () => {
    const { auth, tokens, wire, logIn } = await staleProgram()
    auth.askPassword = () => assert.fail('asked')
    const stale = tokens.get()
    await logIn()
    const fresh = tokens.get()
    tokens.set(stale)
    const { reached, release } = wire.hold('CreateApiToken')
    const made = auth.request(operations.createApiToken('late'))
    await reached
    tokens.set(fresh)
    release()
    assert.equal((await made).createApiToken.apiToken.name, 'late')
    assert.equal(wire.count('CreateApiToken'), 2)
  })

  test('that is declined leaves the refusal, and so does one that nobody can be asked for', async () => {
    const { auth, wire } = await staleProgram()
    const refused = () => assert.rejects(auth.request(operations.createApiToken('x')), (error) => isRefusedWith(error, 'REAUTHENTICATION_REQUIRED'))
    await refused()
    auth.askPassword = async () => false
    await refused()
    assert.equal(wire.count('CreateApiToken'), 2)
  })

  test('repeats once at most', async () => {
    const { auth, wire } = await staleProgram()
    auth.askPassword = async () => true // though nothing was proved
    await assert.rejects(auth.request(operations.createApiToken('x')), (error) => isRefusedWith(error, 'REAUTHENTICATION_REQUIRED'))
    assert.equal(wire.count('CreateApiToken'), 2)
  })

  test('does not repeat what was done in part', async () => {
    const { auth, wire } = await staleProgram()
    let asked = 0
    auth.askPassword = async () => ++asked > 0
    const query = 'mutation Both { updateMe(input: {firstName: "Ada"}) { user { id } } createApiToken(input: {name: "x"}) { token } }'
    await assert.rejects(auth.request(query), (error) => isRefusedWith(error, 'REAUTHENTICATION_REQUIRED'))
    assert.equal(asked, 0)
    assert.equal(wire.count('Both'), 1)
  })

  test('is asked for also while signing out', async () => {
    const { auth, reauthenticate } = await staleProgram()
    auth.askPassword = async () => {
      await reauthenticate()
      return true
    }
    const made = await auth.signOut(() => auth.request(operations.createApiToken('last')))
    assert.equal(made.createApiToken.apiToken.name, 'last')
    assert.equal(auth.state.status, 'signed-out')
  })

  test('ends with the session', async () => {
    const { auth, logOut } = await staleProgram()
    let answer
    const asked = new Promise((resolve) => {
      auth.askPassword = () => {
        resolve()
        return new Promise((done) => (answer = done))
      }
    })
    const waits = assert.rejects(auth.request(operations.createApiToken('x')), { name: 'AbortError' })
    await asked
    await logOut()
    answer(true)
    await waits
  })
})
