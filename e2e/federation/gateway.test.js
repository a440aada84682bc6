// A gateway in front of the real server and of a service that extends User, as docs/federation.md
// shows them.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { accessToken, call, createUser, logIn, password } from '../lib/api.js'
import { pageFetch } from '../lib/cookies.js'
import { startFederation } from '../lib/federation.js'
import { admin } from '../lib/server.js'

describe('a gateway in front of authgraph and a service of notes', { timeout: 120_000 }, () => {
  let federation, ada, eve, user, boss // ada's id; what eve, ada and an administrator sign in by

  before(async () => {
    federation = await startFederation()
    ada = await createUser(federation.authgraph, 'ada@example.test')
    await createUser(federation.authgraph, 'eve@example.test')
    user = await logIn(federation.authgraph, 'ada@example.test')
    eve = await logIn(federation.authgraph, 'eve@example.test')
    boss = await logIn(federation.authgraph, admin.email, admin.password)
    for (const [text, shown] of [['buy milk', false], ['meet at noon', true]]) {
      const { errors } = await ask(`mutation { addNote(text: "${text}", public: ${shown}) { text } }`, bearer(user))
      assert.equal(errors, undefined)
    }
  })
  after(() => federation?.stop())

  const bearer = ({ token }) => ({ Authorization: `Bearer ${token}` })
  const cookie = ({ cookie }) => ({ Cookie: cookie })

  /** Asks the gateway; at is the address of another to ask. */
  async function ask(query, headers = {}, at = federation.origin) {
    const response = await fetch(at, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    })
    return { response, ...(await response.json()) }
  }

  /** Returns the codes of an answer's errors, by the field that they are at. */
  const codes = ({ errors = [] }) => Object.fromEntries(errors.map(({ path, extensions }) => [path?.join('.') ?? '', extensions.code]))

  const strangers = [
    ['a stranger', () => ({})],
    ['a made-up token', () => ({ Authorization: 'Bearer ags_nothing' })],
    ['a made-up cookie', () => ({ Cookie: 'authgraph_session=nothing' })],
  ]
  const others = [
    ['another user, by cookie', () => cookie(eve)],
    ['another user, by token', () => bearer(eve)],
  ]
  const allowed = [
    ['the user, by cookie', () => cookie(user)],
    ['the user, by token', () => bearer(user)],
    ['an administrator, by cookie', () => cookie(boss)],
    ['an administrator, by token', () => bearer(boss)],
  ]

  describe('log-in', () => {
    const logInBy = (email) => `mutation { login(input: {identifier: "${email}", password: "${password}"}) { ... on LoginSuccess { user { email } } } }`

    test('sets the cookies of the page, which then asks two services at once, and log-out clears them', async () => {
      const page = pageFetch(federation.origin)
      const send = async (query) => {
        const response = await page(federation.origin, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ query }),
        })
        return response.json()
      }
      assert.deepEqual(await send(logInBy('ada@example.test')), { data: { login: { user: { email: 'ada@example.test' } } } })
      assert.ok(page.jar.has('authgraph_session'), [...page.jar.keys()].join(' '))
      assert.ok(page.jar.size >= 2, 'one of several cookies came through')
      assert.deepEqual(await send('{ me { email notes { text } } }'), {
        data: { me: { email: 'ada@example.test', notes: [{ text: 'buy milk' }, { text: 'meet at noon' }] } },
      })
      assert.deepEqual((await send('mutation { logout { loggedOut } }')).data, { logout: { loggedOut: true } })
      assert.equal(page.jar.has('authgraph_session'), false)
      assert.deepEqual(codes(await send('{ me { email } }')), { me: 'UNAUTHENTICATED' })
    })

    test('tells authgraph who asks, from where', async () => {
      const address = '203.0.113.7'
      const headers = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'X-Forwarded-For': address }
      const { response } = await ask(logInBy('eve@example.test'), headers)
      const [session] = response.headers.getSetCookie().filter((each) => each.startsWith('authgraph_session='))
      const { data } = await ask('{ session { address device { name } } }', { Cookie: session.split(';')[0] })
      assert.deepEqual(data, { session: { address, device: { name: 'Firefox on Linux' } } })
    })

    test('is refused in the words of authgraph', async () => {
      const { data, errors } = await ask(logInBy('ada@example.test').replace(password, 'wrong wrong wrong'))
      assert.deepEqual(data, { login: null })
      assert.equal(errors[0].extensions.code, 'INVALID_CREDENTIALS')
      const taken = await ask(`mutation { createUser(input: {email: "ada@example.test", password: "${password}"}) { user { id } } }`)
      assert.deepEqual([taken.errors[0].extensions.code, taken.errors[0].extensions.field], ['ALREADY_EXISTS', 'email'])
    })
  })

  describe('what is of two services', () => {
    for (const [name, headers] of [
      ['by cookie', () => cookie(user)],
      ['by the token of a session', () => bearer(user)],
      ['by Authentication-Token', () => ({ 'Authentication-Token': user.token })],
      ["by an access token of authgraph's audience", async () => ({ Authorization: `Bearer ${await accessToken(federation.authgraph, user.token, federation.origin)}` })],
    ]) {
      test(`is asked for at once, ${name}`, async () => {
        assert.deepEqual((await ask('{ me { email notes { text } } }', await headers())).data, {
          me: { email: 'ada@example.test', notes: [{ text: 'buy milk' }, { text: 'meet at noon' }] },
        })
      })
    }

    for (const [name, headers] of strangers) {
      test(`is not for ${name}`, async () => {
        const answer = await ask('{ me { email notes { text } } }', headers())
        assert.deepEqual(answer.data, { me: null })
        assert.deepEqual(codes(answer), { me: 'UNAUTHENTICATED' })
      })
    }

    test('is guarded by each: an administrator sees the user and not the notes', async () => {
      const answer = await ask(`{ user(id: "${ada}") { email notes { text } } }`, bearer(boss))
      assert.deepEqual(answer.data, { user: { email: 'ada@example.test', notes: null } })
      assert.deepEqual(codes(answer), { 'user.notes': 'FORBIDDEN' })
    })
  })

  describe("another's email address", () => {
    const through = '{ publicNotes { text author { email } } }'
    const note = (email) => ({ publicNotes: [{ text: 'meet at noon', author: { email } }] })

    for (const [name, headers] of [...strangers, ...others]) {
      test(`is not shown to ${name}, through what another service refers to`, async () => {
        const answer = await ask(through, headers())
        assert.deepEqual(answer.data, note(null))
        assert.equal(JSON.stringify(answer).includes('ada@example.test'), false)
        assert.equal(answer.errors.length, 1)
        assert.match(answer.errors[0].extensions.code, /^(UNAUTHENTICATED|NOT_FOUND)$/)
      })
    }
    for (const [name, headers] of allowed) {
      test(`is shown to ${name}, through what another service refers to`, async () => {
        const answer = await ask(through, headers())
        assert.deepEqual(answer.data, note('ada@example.test'))
        assert.equal(answer.errors, undefined)
      })
    }

    const fetchAda = () => `{ _entities(representations: [{__typename: "User", id: "${ada}"}]) { ... on User { email } } }`

    for (const [name, headers] of strangers) {
      test(`is not shown to ${name}, who asks authgraph as a gateway does`, async () => {
        const { data, errors } = await call(federation.authgraph, fetchAda(), headers())
        assert.equal(data, null)
        assert.equal(errors[0].extensions.code, 'UNAUTHENTICATED')
      })
    }
    for (const [name, headers] of others) {
      test(`is not shown to ${name}, who asks authgraph as a gateway does`, async () => {
        const { data, errors } = await call(federation.authgraph, fetchAda(), headers())
        assert.deepEqual(data, { _entities: [null] })
        assert.equal(errors[0].extensions.code, 'NOT_FOUND')
      })
    }
    for (const [name, headers] of allowed) {
      test(`is shown to ${name}, who asks authgraph as a gateway does`, async () => {
        const { data, errors } = await call(federation.authgraph, fetchAda(), headers())
        assert.equal(errors, undefined)
        assert.deepEqual(data, { _entities: [{ email: 'ada@example.test' }] })
      })
    }

    test('cannot be asked for by _entities at the gateway', async () => {
      const { data, errors } = await ask(fetchAda(), bearer(boss))
      assert.equal(data, undefined)
      assert.equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED')
    })
  })

  describe('the service of notes', () => {
    const fetchNotes = () => `{ _entities(representations: [{__typename: "User", id: "${ada}"}]) { ... on User { notes { text } } } }`

    test('shows nothing to whoever asks it past the gateway', async () => {
      for (const [headers, code] of [
        [{}, 'UNAUTHENTICATED'],
        [cookie(user), 'UNAUTHENTICATED'],
        [{ Authorization: `Bearer ${await accessToken(federation.authgraph, eve.token, 'https://notes.example')}` }, 'FORBIDDEN'],
      ]) {
        const answer = await ask(fetchNotes(), headers, federation.notes)
        assert.deepEqual(answer.data, { _entities: [{ notes: null }] })
        assert.deepEqual(codes(answer), { '_entities.0.notes': code })
      }
      for (const token of [user.token, await accessToken(federation.authgraph, user.token, federation.origin)]) {
        const answer = await ask(fetchNotes(), bearer({ token }), federation.notes)
        assert.equal(JSON.stringify(answer).includes('buy milk'), false)
        assert.equal(answer.errors[0].extensions.code, 'UNAUTHENTICATED')
      }
    })

    test('never gets what callers sign in by', async () => {
      const secrets = [user, eve, boss].flatMap(({ token, cookie }) => [token, cookie.split('=')[1].split(';')[0]])
      for (const headers of [cookie(user), bearer(user), { 'Authentication-Token': user.token }]) {
        federation.got.length = 0
        assert.equal((await ask('{ me { notes { text } } }', headers)).errors, undefined)
        assert.equal(federation.got.length, 1)
        const [{ authorization, ...rest }] = federation.got
        assert.match(authorization, /^Bearer eyJ/)
        assert.deepEqual(['cookie', 'authentication-token'].filter((name) => name in rest), [])
        for (const secret of secrets) assert.equal(JSON.stringify(federation.got).includes(secret), false)
      }
    })

    test('takes tokens for itself, which are good nowhere else', async () => {
      const headers = { Authorization: `Bearer ${await accessToken(federation.authgraph, user.token, 'https://notes.example')}` }
      assert.deepEqual((await ask(fetchNotes(), headers, federation.notes)).data, { _entities: [{ notes: [{ text: 'buy milk' }, { text: 'meet at noon' }] }] })
      assert.deepEqual(codes(await ask('{ me { email } }', headers)), { me: 'UNAUTHENTICATED' })
    })

    test('is not asked for a caller who has logged out', async () => {
      const session = await logIn(federation.authgraph, 'eve@example.test')
      assert.equal((await ask('{ me { notes { text } } }', bearer(session))).errors, undefined)
      await ask('mutation { logout { loggedOut } }', bearer(session))
      assert.deepEqual(codes(await ask('{ me { notes { text } } }', bearer(session))), { me: 'UNAUTHENTICATED' })
    })
  })

  describe('a page of another site', () => {
    for (const [name, headers] of [
      ['its origin', { Origin: 'https://evil.example' }],
      ['what the browser says of it', { 'Sec-Fetch-Site': 'cross-site' }],
    ]) {
      test(`does nothing by a visitor's cookie, told by ${name}`, async () => {
        const known = await ask('mutation { addNote(text: "mine") { text } }', { ...cookie(boss), Origin: federation.origin })
        assert.equal(known.errors, undefined) // the gateway has a token for this cookie now
        for (const query of ['{ me { email } }', 'mutation { logout { loggedOut } }', 'mutation { addNote(text: "forged") { text } }']) {
          const answer = await ask(query, { ...cookie(boss), ...headers })
          assert.match(answer.errors[0].extensions.code, /^(FORBIDDEN|UNAUTHENTICATED)$/, query)
          assert.doesNotMatch(JSON.stringify(answer.data), /example\.test|forged|true/)
        }
        assert.deepEqual((await ask('{ me { email } }', { ...cookie(boss), Origin: federation.origin })).data, { me: { email: admin.email } })
      })
    }

    test('signs nobody in', async () => {
      const logInAsEve = `mutation { login(input: {identifier: "eve@example.test", password: "${password}"}) { __typename } }`
      const { response, errors } = await ask(logInAsEve, { Origin: 'https://evil.example' })
      assert.equal(errors[0].extensions.code, 'FORBIDDEN')
      assert.deepEqual(response.headers.getSetCookie(), [])
    })
  })
})
