// A dev server's proxy before the real server: whether log-in passes goes by the Host that it sends.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createServer } from 'vite'
import { call, createUser, password } from '../lib/api.js'
import { freePort, startServer } from '../lib/server.js'

describe("Vite's proxy", { timeout: 60_000 }, () => {
  let server, folder

  before(async () => {
    server = await startServer()
    folder = await mkdtemp(join(tmpdir(), 'authgraph-vite-'))
    await createUser(server.origin, 'ada@example.test')
  })
  after(async () => {
    if (folder) await rm(folder, { recursive: true })
    await server?.stop()
  })

  for (const [title, proxy, status] of [
    ['by its short form, changes the Host: the page is a foreign one', (target) => target, 403],
    ['with a target, keeps the Host: the page is the server’s own', (target) => ({ target }), 200],
  ]) {
    test(title, async () => {
      const port = await freePort()
      const vite = await createServer({
        root: folder,
        configFile: false,
        logLevel: 'silent',
        server: { host: 'localhost', port, strictPort: true, ws: false, proxy: { '/graphql': proxy(server.origin) } },
      })
      await vite.listen()
      try {
        const origin = `http://localhost:${port}`
        const { response, errors } = await call(
          origin,
          `mutation { login(input: {identifier: "ada@example.test", password: "${password}"}) { __typename } }`,
          { Origin: origin, 'Sec-Fetch-Site': 'same-origin' },
        )
        assert.equal(response.status, status)
        assert.equal(errors?.[0].extensions.code, status === 403 ? 'FORBIDDEN' : undefined)
        assert.equal(response.headers.getSetCookie().length > 0, status === 200)
      } finally {
        await vite.close()
      }
    })
  }
})
