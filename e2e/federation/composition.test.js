// The schema composes with those of other subgraphs, and the supergraph tells of @auth.
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { composeServices } from '@apollo/composition'
import { buildSchema, parse } from 'graphql'
import { call } from '../lib/api.js'
import { compose, federationFolder } from '../lib/federation.js'
import { printedSchema, startServer } from '../lib/server.js'

describe('the subgraph', { timeout: 60_000 }, () => {
  let folder, authgraph, supergraph

  before(async () => {
    folder = await federationFolder()
    authgraph = ['authgraph', 'http://localhost:8080/graphql', 'authgraph.graphql']
    supergraph = await compose(folder, authgraph, ['notes', 'http://localhost:4001/', 'notes.graphql'])
  })
  after(() => rm(folder, { recursive: true }))

  /** Returns the directives at a field of the supergraph, but federation's own. */
  function directives(type, field) {
    const { fields } = parse(supergraph).definitions.find(({ name }) => name?.value === type)
    return fields
      .find(({ name }) => name.value === field)
      .directives.filter(({ name }) => !name.value.startsWith('join__'))
      .map(({ loc }) => supergraph.slice(loc.start, loc.end))
  }

  test('composes with one that extends User', () => {
    const schema = buildSchema(supergraph, { assumeValid: true })
    assert.deepEqual(['id', 'email', 'notes'].filter((name) => !(name in schema.getType('User').getFields())), [])
    assert.deepEqual(['me', 'node', 'publicNotes'].filter((name) => !(name in schema.getQueryType().getFields())), [])
  })

  test('carries its guards and permissions to the supergraph', () => {
    assert.match(supergraph, /@link\(url: "https:\/\/github\.com\/authgraph\/authgraph\/v1\.0", import: \["@auth", "@permission", "@public"\]\)/)
    assert.match(supergraph, /^directive @auth\(/m)
    assert.match(supergraph, /@permission\(name: "users:read", description: "See every user/)
    assert.deepEqual(directives('Query', 'me'), ['@auth'])
    assert.deepEqual(directives('Query', 'session'), ['@public'])
    assert.deepEqual(directives('Query', 'users'), ['@auth(permissions: ["users:read"])'])
    assert.deepEqual(directives('Mutation', 'createApiToken'), ['@auth(fresh: true)'])
    assert.deepEqual(directives('Query', 'publicNotes'), [])
  })

  test('keeps what is between gateways and subgraphs out of the supergraph', () => {
    for (const name of ['_entities', '_service', '_Any', '_Entity', '_Service', '@password', '@listSize']) {
      assert.equal(supergraph.includes(name), false, name)
    }
  })

  test('composes with one that has connections of its own, without a complaint', async () => {
    const other = `
      extend schema @link(url: "https://specs.apollo.dev/federation/v2.1", import: ["@key", "@shareable"])
      type Query { notes(first: Int, after: String): NoteConnection }
      type NoteConnection { nodes: [Note!]! pageInfo: PageInfo! }
      type Note implements Node { id: ID! author: User session: Session token: ApiToken role: Role at: DateTime }
      type PageInfo @shareable { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
      interface Node { id: ID! }
      scalar DateTime
      type User @key(fields: "id", resolvable: false) { id: ID! }
      type Session @key(fields: "id", resolvable: false) { id: ID! }
      type ApiToken @key(fields: "id", resolvable: false) { id: ID! }
      type Role @key(fields: "id", resolvable: false) { id: ID! }
    `
    const text = await printedSchema({ AUTHGRAPH_FEDERATION: 'on' })
    const { errors, hints } = composeServices([
      { name: 'authgraph', url: 'http://localhost:8080/graphql', typeDefs: parse(text) },
      { name: 'notes', url: 'http://localhost:4001/', typeDefs: parse(other) },
    ])
    assert.equal(errors, undefined)
    const complaints = hints.filter(({ definition }) => definition.level.name !== 'INFO' && definition.level.name !== 'DEBUG')
    assert.deepEqual(complaints.map(({ message }) => message), [])
  })

  test('does not compose with a second Query.node, as the page says', async () => {
    await writeFile(join(folder, 'second.graphql'), 'interface Node { id: ID! } type Query { node(id: ID!): Node }')
    await assert.rejects(compose(folder, authgraph, ['second', 'http://localhost:4002/', 'second.graphql']), /Query\.node/)
  })

  test('is what a running server tells gateways', async () => {
    const server = await startServer({ AUTHGRAPH_FEDERATION: 'on' })
    try {
      const { data } = await call(server.origin, '{ _service { sdl } }')
      assert.equal(data._service.sdl, await printedSchema({ AUTHGRAPH_FEDERATION: 'on' }))
    } finally {
      await server.stop()
    }
  })

  test('is not there while federation is off', async () => {
    assert.doesNotMatch(await printedSchema(), /_entities|_service|@key|@link/)
    const server = await startServer()
    try {
      for (const query of ['{ _service { sdl } }', '{ _entities(representations: []) { __typename } }']) {
        const { data, errors } = await call(server.origin, query)
        assert.equal(data, undefined)
        assert.equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED')
      }
    } finally {
      await server.stop()
    }
  })

  test('tells its schema to nobody where introspection is off', async () => {
    const server = await startServer({ AUTHGRAPH_FEDERATION: 'on', AUTHGRAPH_INTROSPECTION: 'off' })
    try {
      const { data, errors } = await call(server.origin, '{ _service { sdl } }')
      assert.equal(data, undefined)
      assert.equal(errors[0].message, 'This server does not tell its schema.')
    } finally {
      await server.stop()
    }
  })
})
