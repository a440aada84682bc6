// The proxy of deploy/compose.yml, before three servers that share a database.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { call, createUser, logIn } from '../lib/api.js'
import { skipWithoutNginx, startNginxWhole } from '../lib/nginx.js'
import { replaceAll } from '../lib/page.js'
import { until } from '../lib/process.js'
import { freePort, startServer } from '../lib/server.js'

describe('nginx takes turns among replicas', { skip: skipWithoutNginx, timeout: 120_000 }, () => {
  let folder, origin, proxy
  const replicas = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'authgraph-replicas-'))
    origin = `http://127.0.0.1:${await freePort()}`
    const settings = {
      AUTHGRAPH_DATABASE: `sqlite:${join(folder, 'authgraph.db')}`,
      AUTHGRAPH_PUBLIC_URL: origin,
      AUTHGRAPH_TRUSTED_PROXIES: '127.0.0.1',
    }
    for (let n = 0; n < 3; n++) replicas.push(await startServer(settings))
    const conf = await readFile(join(import.meta.dirname, '..', '..', 'deploy', 'replicas.conf'), 'utf8')
    proxy = await startNginxWhole(origin, (own) =>
      replaceAll(conf, {
        '/tmp/': `${own}/`,
        'listen 8080;': `listen ${new URL(origin).host};`,
        // The names of containers are known among containers only.
        'server authgraph:8080 resolve max_fails=1 fail_timeout=5s;': replicas
          .map((replica) => `server ${new URL(replica.origin).host.replace('localhost', '127.0.0.1')} max_fails=1 fail_timeout=5s;`)
          .join('\n'),
      }),
    )
  })

  after(async () => {
    await proxy?.stop()
    for (const replica of replicas) await replica?.stop()
    await rm(folder, { recursive: true })
  })

  /** Returns what each replica has logged of the operations with a name, once there are so many; it comes after the answer. */
  const logged = (name, count) =>
    until(`${count} times ${name} is logged`, () => {
      const lines = replicas.map((replica) => replica.output().split('\n').slice(0, -1).filter((line) => line.includes(`"name":"${name}"`)))
      return lines.flat().length >= count && lines
    })

  test('each replica knows a session that one of them made', async () => {
    await createUser(origin, 'ada@example.test')
    const { token } = await logIn(origin, 'ada@example.test')
    for (let n = 0; n < 6; n++) {
      const { data } = await call(origin, 'query Turn { me { email } }', { Authorization: `Bearer ${token}` })
      assert.equal(data.me.email, 'ada@example.test')
    }
    assert.deepEqual((await logged('Turn', 6)).map((lines) => lines.length), [2, 2, 2])
  })

  test('the address that the proxy before it names is passed on', async () => {
    await call(origin, 'query Where { status { signupOpen } }', { 'X-Forwarded-For': '203.0.113.9' })
    const lines = await logged('Where', 1)
    assert.deepEqual(lines.flat().map((line) => JSON.parse(line).address), ['203.0.113.9'])
  })

  test('a replica that has gone is not missed', async () => {
    await replicas.shift().stop()
    for (let n = 0; n < 12; n++) {
      const { response } = await call(origin, '{ status { signupOpen } }')
      assert.equal(response.status, 200)
    }
  })
})
