// Trusted documents: the manifests that three tools make of a front end are all that the server
// executes, and a client of each tool's world names their documents.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { Client, fetchExchange } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import relay from 'relay-runtime'
import { call } from '../lib/api.js'
import { frontEnd } from '../lib/project.js'
import { admin, startServer } from '../lib/server.js'
import { sha256, watch } from './requests.js'

const input = { identifier: admin.email, password: admin.password }
const authorization = (token) => (token ? { Authorization: `Bearer ${token}` } : {})

/** Makes the manifest of a front end: runs its tool, and returns the file that it wrote. */
const tools = {
  async codegen(project) {
    const { code, output } = await project.run('graphql-codegen', '--config', 'codegen.json')
    assert.equal(code, 0, output)
    return 'gql/persisted-documents.json'
  },
  async apollo(project) {
    const { code, output } = await project.run('generate-persisted-query-manifest')
    assert.equal(code, 0, output)
    return 'persisted-query-manifest.json'
  },
  async relay(project) {
    await mkdir(join(project.folder, 'artifacts'))
    await writeFile(join(project.folder, 'persisted.json'), '{}') // relay-compiler wants to find it
    await project.change('relay.config.json', (text) => JSON.stringify({ ...JSON.parse(text), persistConfig: { file: 'persisted.json' } }))
    const { code, output } = await project.run('relay-compiler', 'relay.config.json')
    assert.equal(code, 0, output)
    return 'persisted.json'
  },
}

/** Starts a server that trusts what a tool makes of a fixture, for as long as the suite runs. */
function trusting(fixture, tool) {
  const front = { requests: [] }
  before(async () => {
    front.project = await frontEnd(join(import.meta.dirname, ...fixture))
    front.manifest = join(front.project.folder, await tools[tool](front.project))
    front.server = await startServer({
      AUTHGRAPH_DOCUMENTS: front.manifest,
      AUTHGRAPH_DOCUMENTS_MODE: 'refuse',
      AUTHGRAPH_GET_QUERIES: 'on',
    })
    front.url = `${front.server.origin}/graphql`
    front.fetch = watch(front.requests)
  })
  after(async () => {
    await front.server?.stop()
    await front.project?.remove()
  })
  return front
}

/** What every front end finds: nothing but its own documents is executed, and none was ever sent. */
function staysClosed(front) {
  test('no request sent a document', () => {
    assert.ok(front.requests.length > 0)
    assert.deepEqual(front.requests.filter(({ query }) => query), [])
  })

  test('other documents are refused', async () => {
    for (const query of ['{ me { id } }', '{ __schema { types { name } } }']) {
      const { errors, data } = await call(front.server.origin, query)
      assert.deepEqual([errors[0].extensions.code, data], ['DOCUMENT_NOT_TRUSTED', undefined])
    }
  })
}

describe('documents of graphql-codegen, named by urql', { timeout: 120_000 }, () => {
  const front = trusting(['app'], 'codegen')

  test('are executed by their hashes', async () => {
    const compiled = await front.project.run('tsc', 'gql/graphql.ts', '--ignoreConfig', '--outDir', 'js', '--module', 'nodenext', '--skipLibCheck')
    assert.equal(compiled.code, 0, compiled.output)
    const { LogInDocument, MeDocument } = createRequire(front.manifest)('../js/graphql.js')
    const connect = (preferGetMethod, token) =>
      new Client({
        url: front.url,
        fetch: front.fetch,
        fetchOptions: { headers: authorization(token) },
        exchanges: [
          persistedExchange({
            enforcePersistedQueries: true,
            enableForMutation: true,
            preferGetForPersistedQueries: preferGetMethod,
            generateHash: async (_, document) => document.__meta__.hash,
          }),
          fetchExchange,
        ],
      })
    const { data } = await connect(false).mutation(LogInDocument, { input }).toPromise()
    for (const [byGet, method] of [[false, 'POST'], ['force', 'GET']]) {
      const answer = await connect(byGet, data.login.token).query(MeDocument, { withRoles: true }).toPromise()
      assert.deepEqual(answer.data?.me.roles, [{ name: 'admin' }], answer.error?.message)
      assert.equal(front.requests.at(-1).method, method)
    }
  })

  staysClosed(front)
})

describe("documents of Apollo's manifest, named by Apollo Client", { timeout: 120_000 }, () => {
  const front = trusting(['app'], 'apollo')
  const operation = async (name) => gql(await readFile(join(import.meta.dirname, 'app', 'operations', `${name}.graphql`), 'utf8'))

  test('are executed by their hashes', async () => {
    const connect = (useGETForHashedQueries, token) =>
      new ApolloClient({
        link: ApolloLink.from([
          new PersistedQueryLink({ sha256, useGETForHashedQueries }),
          new HttpLink({ uri: front.url, fetch: front.fetch, headers: authorization(token) }),
        ]),
        cache: new InMemoryCache(),
      })
    const { data } = await connect(false).mutate({ mutation: await operation('log-in'), variables: { input } })
    for (const [byGet, method] of [[false, 'POST'], [true, 'GET']]) {
      const answer = await connect(byGet, data.login.token).query({ query: await operation('me'), variables: { withRoles: true } })
      assert.equal(answer.data.me.email, admin.email)
      assert.equal(front.requests.at(-1).method, method)
    }
    const refusal = await connect(false).query({ query: gql('{ status { signupOpen } }') }).catch((error) => error)
    assert.ok(CombinedGraphQLErrors.is(refusal), refusal)
    assert.equal(refusal.errors[0].extensions.code, 'DOCUMENT_NOT_TRUSTED')
  })

  staysClosed(front)
})

describe("documents of relay-compiler, named by Relay's network", { timeout: 120_000 }, () => {
  const front = trusting(['..', 'relay', 'app'], 'relay')

  test('are executed by their ids', async () => {
    const artifact = (name) => createRequire(front.manifest)(`./artifacts/${name}.graphql.js`)
    const connect = (byGet, token) => {
      const network = relay.Network.create(async ({ id }, variables) => {
        const headers = { 'Content-Type': 'application/json', ...authorization(token) }
        const response = byGet
          ? await front.fetch(`${front.url}?${new URLSearchParams({ documentId: id, variables: JSON.stringify(variables) })}`, { method: 'GET', headers })
          : await front.fetch(front.url, { method: 'POST', headers, body: JSON.stringify({ documentId: id, variables }) })
        return response.json()
      })
      return new relay.Environment({ network, store: new relay.Store(new relay.RecordSource()) })
    }
    const { login } = await new Promise((onCompleted, onError) =>
      relay.commitMutation(connect(false), { mutation: artifact('AppLogInMutation'), variables: { input }, onCompleted, onError }),
    )
    for (const [byGet, method] of [[false, 'POST'], [true, 'GET']]) {
      const { me } = await relay.fetchQuery(connect(byGet, login.token), artifact('AppMeQuery'), {}).toPromise()
      assert.equal(me.id, login.user.id)
      assert.equal(front.requests.at(-1).method, method)
    }
  })

  staysClosed(front)
})

describe('a manifest that does not fit', { timeout: 60_000 }, () => {
  let project

  before(async () => {
    project = await frontEnd(join(import.meta.dirname, 'app'))
  })
  after(() => project?.remove())

  test('stops the start, which says what is wrong', async () => {
    const file = join(project.folder, 'broken.json')
    await writeFile(file, JSON.stringify({ abc: 'query Me { me { password } }' }))
    const refusal = await startServer({ AUTHGRAPH_DOCUMENTS: file }).catch((error) => error)
    assert.match(refusal.message, /authgraph: AUTHGRAPH_DOCUMENTS: \S+broken\.json: document "abc": input:1:17: Cannot query field "password" on type "User"/)
  })
})
