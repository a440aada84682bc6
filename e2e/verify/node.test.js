// The Node program of docs/verify.md, against the real server.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { accessToken, call, createUser, logIn } from '../lib/api.js'
import { codeBlock } from '../lib/page.js'
import { startProgram, until } from '../lib/process.js'
import { admin, startServer } from '../lib/server.js'

const audience = 'https://notes.example'
const other = 'https://other.example'

/** Starts the page's program, which finds its packages where this suite does. */
async function startNotes(issuer) {
  const folder = await mkdtemp(join(tmpdir(), 'authgraph-notes-'))
  await symlink(join(import.meta.dirname, '..', 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'notes.mjs'), await codeBlock('notes.mjs'))
  const program = startProgram(process.execPath, [join(folder, 'notes.mjs'), issuer, audience, '0'])
  const port = await until('the program listens', () => {
    assert.equal(program.ended(), false, program.output())
    return /listening on (\d+)/.exec(program.output())?.[1]
  })
  const ask = (headers) => fetch(`http://localhost:${port}/notes`, { headers })
  return {
    ask,
    /** Holds the program to how it answers a token. */
    async answers(token, status) {
      const response = await ask({ Authorization: `Bearer ${token}` })
      const text = await response.text()
      assert.equal(response.status, status, text)
      if (status === 401) assert.equal(response.headers.get('www-authenticate'), 'Bearer error="invalid_token"')
      return text
    },
    async stop() {
      await program.stop()
      await rm(folder, { recursive: true })
    },
  }
}

for (const algorithm of ['ES256', 'RS256', 'EdDSA']) {
  describe(`a Node service verifies ${algorithm} tokens`, { timeout: 120_000 }, () => {
    let server, notes, user, session, good

    before(async () => {
      server = await startServer({
        AUTHGRAPH_AUDIENCES: `${audience},${other}`,
        AUTHGRAPH_SIGNING_ALGORITHM: algorithm,
      })
      notes = await startNotes(server.origin)
      user = await createUser(server.origin, 'ada@example.test')
      session = (await logIn(server.origin, 'ada@example.test')).token
      good = await accessToken(server.origin, session, audience)
    })

    after(async () => {
      await notes?.stop()
      await server?.stop()
    })

    test('one for itself is taken', async () => {
      assert.deepEqual(JSON.parse(await notes.answers(good, 200)), { user, permissions: [] })
    })

    test('it says what an administrator may do', async () => {
      const { token } = await logIn(server.origin, admin.email, admin.password)
      const answer = JSON.parse(await notes.answers(await accessToken(server.origin, token, audience), 200))
      assert.ok(answer.permissions.includes('users:write'), answer.permissions)
    })

    test('without one there is a challenge', async () => {
      const response = await notes.ask({})
      assert.equal(response.status, 401)
      assert.equal(response.headers.get('www-authenticate'), 'Bearer')
    })

    test('one for another service is refused, and one for authgraph', async () => {
      await notes.answers(await accessToken(server.origin, session, other), 401)
      await notes.answers(await accessToken(server.origin, session, server.origin), 401)
      await notes.answers(session, 401)
    })

    test('one that was changed is refused', async () => {
      const [header, claims, signature] = good.split('.')
      const changed = (part, change) => Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url')), ...change })).toString('base64url')
      await notes.answers([header, changed(claims, { permissions: ['users:write'] }), signature].join('.'), 401)
      await notes.answers([changed(header, { alg: 'none' }), claims, ''].join('.'), 401)
      await notes.answers([changed(header, { alg: 'none' }), claims, signature].join('.'), 401)
      await notes.answers([changed(header, { kid: 'key_other' }), claims, signature].join('.'), 401)
      await notes.answers([header, claims, ''].join('.'), 401)
      await notes.answers('nonsense', 401)
    })

    if (algorithm === 'ES256') {
      test('one that expired is refused', async () => {
        const short = await accessToken(server.origin, session, audience, 1)
        await notes.answers(short, 200)
        await until('it expires', async () => (await notes.ask({ Authorization: `Bearer ${short}` })).status === 401)
      })
    }

    test('one of a session that has ended is taken until it expires', async () => {
      const { data } = await call(server.origin, 'mutation { logout { loggedOut } }', { Authorization: `Bearer ${session}` })
      assert.equal(data.logout.loggedOut, true)
      await notes.answers(good, 200)
    })
  })
}

describe('a Node service checks each claim', { timeout: 60_000 }, () => {
  // What the real authgraph never signs, by one of the test's own.
  let issuer, listener, notes, key, stranger, secret
  let away = true

  before(async () => {
    const pair = await generateKeyPair('ES256')
    key = pair.privateKey
    stranger = (await generateKeyPair('ES256')).privateKey
    const keys = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'key_1', alg: 'ES256', use: 'sig' }] })
    secret = new TextEncoder().encode(keys)
    listener = createServer((_, response) => (away ? response.writeHead(503).end() : response.end(keys)))
    listener.listen(0, 'localhost')
    await once(listener, 'listening')
    issuer = `http://localhost:${listener.address().port}`
    notes = await startNotes(issuer)
  })

  after(async () => {
    await notes?.stop()
    listener?.close()
    listener?.closeAllConnections()
  })

  const now = Math.floor(Date.now() / 1000)
  const sign = (change = {}, header = {}, by = key) =>
    new SignJWT({ iss: issuer, sub: 'usr_1', aud: audience, iat: now, nbf: now, exp: now + 600, permissions: [], ...change })
      .setProtectedHeader({ alg: 'ES256', kid: 'key_1', typ: 'at+jwt', ...header })
      .sign(by)

  test('while the keys cannot be had, it is the service that is at fault', async () => {
    await notes.answers(await sign(), 503)
    away = false
    await notes.answers(await sign(), 200)
  })

  for (const [name, status, token] of [
    ['a list of audiences with this one', 200, () => sign({ aud: [other, audience] })],
    ['another issuer', 401, () => sign({ iss: 'https://evil.test' })],
    ['no issuer', 401, () => sign({ iss: undefined })],
    ['another audience', 401, () => sign({ aud: other })],
    ['no audience', 401, () => sign({ aud: undefined })],
    ['expired', 401, () => sign({ exp: now - 60 })],
    ['no end', 401, () => sign({ exp: undefined })],
    ['not yet', 401, () => sign({ nbf: now + 3600 })],
    ['another type', 401, () => sign({}, { typ: 'JWT' })],
    ["another's key by the same id", 401, () => sign({}, {}, stranger)],
    ['the public key as a shared secret', 401, () => sign({}, { alg: 'HS256' }, secret)],
  ]) {
    test(`${name}: ${status}`, async () => {
      await notes.answers(await token(), status)
    })
  }
})
