// The server is held to GraphQL over HTTP by the audits of npm's graphql-http, each of which asks
// for both media types where they differ.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { serverAudits } from 'graphql-http'
import { startServer } from '../lib/server.js'

/** The audits that send queries by GET, which is off unless a setting lets them in. */
const byGet = ['5A70', 'D6D5', '6A70']

for (const [title, settings, left] of [
  ['GraphQL over HTTP, without settings', {}, byGet],
  ['GraphQL over HTTP, with queries by GET', { AUTHGRAPH_GET_QUERIES: 'on' }, []],
]) {
  describe(title, { timeout: 60_000 }, () => {
    let server, audits

    before(async () => {
      server = await startServer(settings)
      audits = serverAudits({ url: `${server.origin}/graphql` })
    })
    after(() => server?.stop())

    for (const [level, least] of [
      ['MUST', 13],
      ['SHOULD', 23],
      ['MAY', 25],
    ]) {
      test(`what a server ${level} do`, async (t) => {
        const asked = audits.filter(({ name }) => name.startsWith(`${level} `))
        assert.ok(asked.length >= least, `there are only ${asked.length} audits`)
        const failed = {}
        for (const { id, name, fn } of asked) {
          const { status, reason } = await fn()
          if (status !== 'ok') failed[id] = `${name}: ${reason}`
        }
        assert.deepEqual(Object.keys(failed), level === 'MAY' ? left : [], JSON.stringify(failed, null, 2))
        t.diagnostic(`${asked.length - Object.keys(failed).length} of ${asked.length} audits`)
      })
    }

    test('every audit is one of them', () => {
      assert.deepEqual(audits.filter(({ name }) => !/^(MUST|SHOULD|MAY) /.test(name)), [])
    })
  })
}

describe('what the audits do not look at', { timeout: 60_000 }, () => {
  let server

  before(async () => {
    server = await startServer({ AUTHGRAPH_GET_QUERIES: 'on' })
  })
  after(() => server?.stop())

  const json = { 'Content-Type': 'application/json' }
  const query = (text) => `/graphql?${new URLSearchParams({ query: text })}`
  const signedOut = 'mutation { logout { loggedOut } }'

  for (const accept of ['application/json', 'application/graphql-response+json']) {
    for (const [title, path, request, status, allow] of [
      ['another method', '/graphql', { method: 'PUT', headers: json, body: '{}' }, 405, 'GET, POST'],
      ['a mutation by GET', query(signedOut), {}, 405, 'POST'],
      ['a form', '/graphql', { method: 'POST', body: new URLSearchParams({ query: signedOut }) }, 415],
      ['a form with files', '/graphql', { method: 'POST', body: new FormData() }, 415],
      ['plain text', '/graphql', { method: 'POST', body: JSON.stringify({ query: signedOut }) }, 415],
      ['a body of 101 KiB', '/graphql', { method: 'POST', headers: json, body: JSON.stringify({ query: `${signedOut}#${'x'.repeat(101 << 10)}` }) }, 413],
      ['a batch', '/graphql', { method: 'POST', headers: json, body: `[{"query":"${signedOut}"}]` }, 400],
    ]) {
      test(`${title} is ${status} for ${accept}`, async () => {
        const response = await fetch(server.origin + path, { ...request, headers: { ...request.headers, Accept: accept } })
        const text = await response.text()
        assert.equal(response.status, status, text)
        assert.equal(response.headers.get('allow') ?? undefined, allow)
        assert.equal(response.headers.get('content-type'), `${accept}; charset=utf-8`)
        const { errors, ...rest } = JSON.parse(text)
        assert.deepEqual(errors.map(({ extensions }) => extensions.code), ['BAD_REQUEST'])
        assert.deepEqual(rest, {}, 'a request that is not executed has no data')
      })
    }
  }
})
