// What pages of other origins get in a browser, as docs/cors-and-cookies.md tells.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { createUser, password } from '../lib/api.js'
import { launchBrowser, skipWithoutBrowser } from '../lib/browser.js'
import { startServer } from '../lib/server.js'

const logIn = `mutation { login(input: {identifier: "ada@example.test", password: "${password}"}) { ... on LoginSuccess { token } } }`
const whoAmI = '{ session { user { email } } }'

describe('pages of other origins', { skip: skipWithoutBrowser, timeout: 120_000 }, () => {
  let browser, site, server, everyone, port

  before(async () => {
    // One server for all pages; what counts is the name by which the browser knows it.
    site = createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><link rel="icon" href="data:,">'))
    site.listen(0)
    await once(site, 'listening')
    port = site.address().port
    const settings = { AUTHGRAPH_RATE_LIMITS: 'off' }
    server = await startServer({ ...settings, AUTHGRAPH_ORIGINS: `http://localhost:${port},http://127.0.0.1:${port}` })
    everyone = await startServer({ ...settings, AUTHGRAPH_ORIGINS: '*' })
    await createUser(server.origin, 'ada@example.test')
    await createUser(everyone.origin, 'ada@example.test')
    browser = await launchBrowser()
  })
  after(async () => {
    await browser?.close()
    site?.close()
    site?.closeAllConnections()
    await server?.stop()
    await everyone?.stop()
  })

  /** Opens a page under a name and returns what asks from it. */
  async function open(name) {
    const context = await browser.newContext()
    const page = await context.newPage()
    const told = []
    page.on('console', (message) => told.push(message.text()))
    await page.goto(`http://${name}:${port}/`)
    const ask = (at, query, options = {}) =>
      page.evaluate(
        async ([url, query, options]) => {
          const headers = { 'Content-Type': 'application/json', ...options.headers }
          try {
            const response = await fetch(url, { method: 'POST', body: JSON.stringify({ query }), ...options, headers })
            return { ...(await response.json()), requestId: response.headers.get('X-Request-Id') }
          } catch (error) {
            return { failed: error.message }
          }
        },
        [`${at.origin}/graphql`, query, options],
      )
    return { ask, told, cookies: () => context.cookies(server.origin), close: () => context.close() }
  }

  const withCookies = { credentials: 'include' }

  test('listed, with credentials: include: the cookie is kept and sent', async () => {
    const page = await open('localhost')
    const { errors, requestId } = await page.ask(server, logIn, withCookies)
    assert.equal(errors, undefined)
    assert.match(requestId, /^req_/)
    const { data } = await page.ask(server, whoAmI, withCookies)
    assert.equal(data.session.user.email, 'ada@example.test')
    await page.close()
  })

  test('listed, without it: log-in answers, and nobody is signed in', async () => {
    const page = await open('localhost')
    assert.ok((await page.ask(server, logIn)).data.login.token)
    assert.deepEqual(await page.cookies(), [])
    const { data } = await page.ask(server, whoAmI, withCookies)
    assert.equal(data.session, null)
    await page.close()
  })

  test('not listed: the browser keeps the answer from the page, and says CORS', async () => {
    const page = await open('other.localhost')
    assert.deepEqual(await page.ask(server, logIn, withCookies), { failed: 'Failed to fetch' })
    assert.match(page.told.join('\n'), /blocked by CORS policy/)
    assert.deepEqual(await page.cookies(), [])
    await page.close()
  })

  test('listed, but of another site: log-in answers, and the Lax cookie is dropped', async () => {
    const page = await open('127.0.0.1')
    assert.ok((await page.ask(server, logIn, withCookies)).data.login.token)
    const { data } = await page.ask(server, whoAmI, withCookies)
    assert.equal(data.session, null)
    assert.ok(server.output().includes(`browsers send no lax cookie from http://127.0.0.1:${port}`), server.output())
    await page.close()
  })

  test('where every origin may call: no cookies, and the token serves', async () => {
    const page = await open('localhost')
    assert.deepEqual(await page.ask(everyone, logIn, withCookies), { failed: 'Failed to fetch' })
    assert.match(page.told.join('\n'), /must not be the wildcard/)
    const { data } = await page.ask(everyone, logIn)
    const answer = await page.ask(everyone, whoAmI, { headers: { Authorization: `Bearer ${data.login.token}` } })
    assert.equal(answer.data.session.user.email, 'ada@example.test')
    await page.close()
  })
})
