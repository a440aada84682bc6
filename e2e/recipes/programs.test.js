// The recipes for what is no page: the mobile app's session, in Node, and the server that renders.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { after, before, describe, test } from 'node:test'
import { call, createUser, password } from '../lib/api.js'
import { pageFetch } from '../lib/cookies.js'
import { startProgram, until } from '../lib/process.js'
import { recipes } from '../lib/recipes.js'
import { freePort, startServer } from '../lib/server.js'

describe('the recipe for a mobile app', { timeout: 120_000 }, () => {
  const email = 'ada@example.test'
  let server, project
  let starts = 0

  before(async () => {
    server = await startServer()
    project = await recipes(server.origin)
    const { code, output } = await project.run('vite', 'build', '--config', 'mobile.config.js')
    assert.equal(code, 0, output)
    await createUser(server.origin, email)
  })
  after(async () => {
    await project?.remove()
    await server?.stop()
  })

  /** Starts the app, with what the device has kept for it. */
  const start = async (kept = []) => {
    const app = await import(`${pathToFileURL(join(project.folder, 'mobile/dist/mobile.mjs'))}?${starts++}`)
    for (const [key, value] of kept) app.kept.set(key, value)
    return app
  }
  const token = (app) => app.kept.get('authgraph.token')
  const endSession = (app) => call(server.origin, 'mutation { logout { loggedOut } }', { Authorization: `Bearer ${token(app)}` })

  test('nobody is signed in at first, and a wrong password signs nobody in', async () => {
    const app = await start()
    assert.equal(await app.resume(), false)
    await assert.rejects(app.logIn(email, 'violet harbour lantern 48'), ({ response }) => response.errors[0].extensions.code === 'INVALID_CREDENTIALS')
    assert.equal(await app.whoAmI(), null)
    assert.equal(app.kept.size, 0)
  })

  test('who has signed in still is when the app starts again, with another token', async () => {
    const app = await start()
    await app.logIn(email, password)
    assert.equal(await app.whoAmI(), email)
    const again = await start(app.kept)
    assert.equal(await again.resume(), true)
    assert.equal(await again.whoAmI(), email)
    assert.notEqual(token(again), token(app))
  })

  test('however many renew at once, one does', async () => {
    const app = await start()
    await app.logIn(email, password)
    const first = token(app)
    const asked = server.output().split('"name":"RenewSession"').length
    await Promise.all([app.renew(), app.renew(), app.renew()])
    assert.notEqual(token(app), first)
    await app.renew() // and the next one does again
    await until('both are logged', () => server.output().split('"name":"RenewSession"').length === asked + 2)
  })

  test('a session that ended elsewhere is forgotten', async () => {
    const app = await start()
    await app.logIn(email, password)
    await endSession(app)
    const again = await start(app.kept)
    assert.equal(await again.resume(), false)
    assert.equal(again.kept.size, 0)
  })

  test('log-out ends the session and forgets the token', async () => {
    const app = await start()
    await app.logIn(email, password)
    const before = token(app)
    await app.logOut()
    assert.equal(app.kept.size, 0)
    const { data } = await call(server.origin, '{ session { id } }', { Authorization: `Bearer ${before}` })
    assert.equal(data.session, null)
  })

  test('without a network the session is kept', async () => {
    const app = await start()
    await app.logIn(email, password)
    const { fetch } = globalThis
    globalThis.fetch = () => Promise.reject(new TypeError('fetch failed'))
    try {
      const again = await start(app.kept)
      assert.equal(await again.resume(), true)
      assert.equal(token(again), token(app))
    } finally {
      globalThis.fetch = fetch
    }
  })
})

describe('the recipe for a server that renders', { timeout: 120_000 }, () => {
  let server, project, program, origin

  before(async () => {
    const port = await freePort()
    origin = `http://localhost:${port}`
    server = await startServer({ AUTHGRAPH_PUBLIC_URL: origin })
    project = await recipes(server.origin)
    program = startProgram(process.execPath, [join(project.folder, 'node/server.mjs'), server.origin, String(port)])
    await until('the program listens', () => program.output().includes(`listening on ${port}`))
  })
  after(async () => {
    await program?.stop()
    await project?.remove()
    await server?.stop()
  })

  const browser = () => {
    const send = pageFetch(origin)
    return {
      jar: send.jar,
      page: async () => {
        const response = await send(`${origin}/`)
        assert.equal(response.headers.get('cache-control'), 'private, no-store')
        return response.text()
      },
      ask: async (query) => {
        const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ query }) }
        return (await send(`${origin}/graphql`, options)).json()
      },
    }
  }

  test('renders for whoever has signed in through it, and for them alone', async () => {
    await createUser(server.origin, 'ada@example.test')
    const ada = browser()
    assert.match(await ada.page(), /Nobody is signed in/)
    const { errors } = await ada.ask(`mutation { login(input: {identifier: "ada@example.test", password: "${password}"}) { __typename } }`)
    assert.equal(errors, undefined)
    assert.match(await ada.page(), /Hello, ada@example\.test/)
    assert.match(await browser().page(), /Nobody is signed in/)
    await ada.ask('mutation { logout { loggedOut } }')
    assert.match(await ada.page(), /Nobody is signed in/)
  })

  test('a page of another origin cannot use the cookie through it', async () => {
    await createUser(server.origin, 'grace@example.test')
    const grace = browser()
    await grace.ask(`mutation { login(input: {identifier: "grace@example.test", password: "${password}"}) { __typename } }`)
    const cookie = [...grace.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(`${origin}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Cookie: cookie, Origin: 'https://evil.test' },
      body: '{"query": "{ session { id } }"}',
    })
    assert.equal(response.status, 403)
  })
})
