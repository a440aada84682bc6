// A Relay application: its documents compiled against the schema, and run against the server by
// Relay's own runtime, as the hooks of react-relay do it.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import relay from 'relay-runtime'
import { password } from '../lib/api.js'
import { frontEnd } from '../lib/project.js'
import { admin, startServer } from '../lib/server.js'

describe('a Relay application', { timeout: 120_000 }, () => {
  let project, server, artifact, environment
  const warnings = []
  const printError = console.error

  before(async () => {
    console.error = (...text) => warnings.push(text.join(' ')) // where Relay's runtime complains
    project = await frontEnd(join(import.meta.dirname, 'app'))
    await mkdir(join(project.folder, 'artifacts'))
    const usersFile = join(project.folder, 'users.json')
    const users = [1, 2, 3, 4, 5, 6, 7].map((n) => ({ username: `user${n}`, password }))
    await writeFile(usersFile, JSON.stringify(users))
    server = await startServer({ AUTHGRAPH_USERS_FILE: usersFile })
  })
  after(async () => {
    console.error = printError
    await server?.stop()
    await project?.remove()
  })

  /** Returns an environment whose network is the server, with a token where there is one. */
  function newEnvironment(token) {
    const network = relay.Network.create(async ({ text }, variables) => {
      const headers = { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' }
      if (token) headers.Authorization = `Bearer ${token}`
      const response = await fetch(`${server.origin}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query: text, variables }) })
      return response.json()
    })
    return new relay.Environment({ network, store: new relay.Store(new relay.RecordSource()) })
  }

  const send = (request, variables) => relay.fetchQuery(environment, request, variables, { fetchPolicy: 'network-only' }).toPromise()
  const mutate = (name, variables, where = environment) =>
    new Promise((resolve, reject) => {
      relay.commitMutation(where, {
        mutation: artifact(name),
        variables,
        onCompleted: (data, errors) => (errors ? reject(new Error(JSON.stringify(errors))) : resolve(data)),
        onError: reject,
      })
    })

  /** Logs in as the administrator and returns an environment with an empty store. */
  async function logIn() {
    const input = { identifier: admin.email, password: admin.password }
    const { login } = await mutate('AppLogInMutation', { input }, newEnvironment())
    assert.equal(login.__typename, 'LoginSuccess')
    return newEnvironment(login.token)
  }

  /** Asks a query, keeps its data in the store, and returns what the store has for it. */
  async function load(name, variables = {}) {
    const operation = relay.createOperationDescriptor(artifact(name), variables)
    environment.retain(operation)
    await send(artifact(name), variables)
    return environment.lookup(operation.fragment).data
  }

  /** A component's view of a fragment, which it can fetch again or read on from. */
  function component(name, reference) {
    const fragment = artifact(name)
    const selector = relay.getSingularSelector(fragment, reference)
    const read = () => environment.lookup(selector).data
    const known = { ...selector.owner.variables, ...selector.variables }
    const identified = (variables, field) => (field ? { ...variables, id: read()[field] } : variables)
    return {
      read,
      /** What useRefetchableFragment does. */
      async refetch() {
        const { refetchableRequest, identifierInfo } = relay.getRefetchMetadata(fragment, name)
        return send(refetchableRequest, identified(known, identifierInfo?.identifierField))
      },
      /** What loadNext and loadPrevious of usePaginationFragment do. */
      async loadMore(direction, count) {
        const { paginationRequest, paginationMetadata, connectionPathInFragmentData, identifierField } = relay.getPaginationMetadata(fragment, name)
        const { pageInfo } = connectionPathInFragmentData.reduce((data, key) => data[key], read())
        const cursor = direction === 'forward' ? pageInfo.endCursor : pageInfo.startCursor
        const variables = relay.getPaginationVariables(direction, count, cursor, known, {}, paginationMetadata)
        return send(paginationRequest, identified(variables, identifierField))
      },
    }
  }

  test('relay-compiler takes the schema and the documents', async () => {
    const { code, output } = await project.run('relay-compiler', 'relay.config.json')
    assert.equal(code, 0, output)
    const artifacts = createRequire(join(project.folder, 'artifacts', 'index.js'))
    artifact = (name) => artifacts(`./${name}.graphql.js`)
    assert.equal(artifact('AppProfileRefetchQuery').params.operationKind, 'query')
  })

  test('the application logs in', async () => {
    environment = await logIn()
  })

  describe('fetches objects again by their id', () => {
    test('a user', async () => {
      const { me } = await load('AppMeQuery')
      const profile = component('App_profile', me)
      assert.deepEqual(profile.read().roles, [{ name: 'admin' }])
      assert.equal(profile.read().firstName, null)
      await mutate('AppUpdateMeMutation', { input: { firstName: 'Ada' } }, await logIn())
      assert.equal(profile.read().firstName, null, 'the store knows nothing of it yet')
      await profile.refetch()
      assert.equal(profile.read().firstName, 'Ada')
    })

    test('a session', async () => {
      const { session } = await load('AppMeQuery')
      const view = component('App_session', session)
      await view.refetch()
      assert.equal(view.read().current, true)
      assert.equal(view.read().device.kind, 'UNKNOWN')
    })

    test('and the payload of a mutation brings them up to date', async () => {
      const { me } = await load('AppMeQuery')
      await mutate('AppUpdateMeMutation', { input: { firstName: 'Grace' } })
      assert.equal(component('App_profile', me).read().firstName, 'Grace')
    })
  })

  describe('reads a connection page by page', () => {
    const shown = (list) => list.read().users.edges.map(({ node }) => node.username.replace('user', '')).join(' ')
    const more = (list) => {
      const { hasPreviousPage, hasNextPage } = list.read().users.pageInfo
      return `${hasPreviousPage ? '<' : '.'} ${hasNextPage ? '>' : '.'}`
    }
    const list = async (variables) => {
      environment = await logIn()
      return component('App_users', await load('AppUsersQuery', variables))
    }

    test('forwards', async () => {
      const users = await list({ first: 3 })
      assert.deepEqual([shown(users), more(users)], ['1 2 3', '. >'])
      await users.loadMore('forward', 2)
      assert.deepEqual([shown(users), more(users)], ['1 2 3 4 5', '. >'])
      await users.loadMore('forward', 5)
      assert.deepEqual([shown(users), more(users)], ['1 2 3 4 5 6 7', '. .'])
    })

    test('backwards', async () => {
      const users = await list({ last: 3 })
      assert.deepEqual([shown(users), more(users)], ['5 6 7', '< .'])
      await users.loadMore('backward', 2)
      assert.deepEqual([shown(users), more(users)], ['3 4 5 6 7', '< .'])
      await users.loadMore('backward', 5)
      assert.deepEqual([shown(users), more(users)], ['1 2 3 4 5 6 7', '. .'])
    })

    test('both ways from the middle', async () => {
      const { endCursor } = (await list({ first: 3 })).read().users.pageInfo
      const users = await list({ first: 1, after: endCursor })
      assert.deepEqual([shown(users), more(users)], ['4', '< >'])
      await users.loadMore('backward', 2)
      assert.deepEqual([shown(users), more(users)], ['2 3 4', '< >'])
      await users.loadMore('forward', 2)
      assert.deepEqual([shown(users), more(users)], ['2 3 4 5 6', '< >'])
      await users.loadMore('backward', 9)
      await users.loadMore('forward', 9)
      assert.deepEqual([shown(users), more(users)], ['1 2 3 4 5 6 7', '. .'])
    })

    test('and one that belongs to an object, through its id', async () => {
      const { me } = await load('AppMeQuery')
      const events = component('App_events', me)
      const first = events.read().securityEvents.edges.map(({ node }) => node.id)
      assert.equal(first.length, 2)
      await events.loadMore('forward', 3)
      const all = events.read().securityEvents.edges.map(({ node }) => node.id)
      assert.equal(all.length, 5)
      assert.deepEqual(all.slice(0, 2), first)
      assert.equal(new Set(all).size, 5, 'no event comes twice')
    })

    test('and a deleted object leaves it', async () => {
      const users = await list({ first: 7 })
      const { id } = users.read().users.edges[3].node
      const connection = relay.ConnectionHandler.getConnectionID('client:root', 'App__users', { orderBy: { field: 'USERNAME' }, filter: { search: 'user' } })
      await mutate('AppDeleteUserMutation', { input: { id }, connections: [connection] })
      assert.equal(shown(users), '1 2 3 5 6 7')
    })
  })

  test("all that gave Relay's runtime nothing to complain about", () => {
    assert.deepEqual(warnings, [])
  })
})
