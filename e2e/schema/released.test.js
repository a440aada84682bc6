// The schema is compared with the last released one, as rules.js says.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { buildSchema } from 'graphql'
import { printedSchema } from '../lib/server.js'
import { badDeprecations, breakingChanges } from './rules.js'

describe('the schema', { timeout: 60_000 }, () => {
  let present, released

  before(async () => {
    present = buildSchema(await printedSchema())
    released = buildSchema(await readFile(join(import.meta.dirname, 'released.graphql'), 'utf8'))
  })

  test('breaks no client of the released one', async () => {
    assert.deepEqual(await breakingChanges(released, present), [])
  })

  test('says of everything deprecated what to use instead', () => {
    assert.deepEqual(badDeprecations(present), [])
  })
})

const schema = (text) => buildSchema(`
  directive @auth(roles: [String!], permissions: [String!], schemes: [String!], fresh: Boolean! = false) on FIELD_DEFINITION
  directive @public on FIELD_DEFINITION
  ${text}
`)

describe('what may change', () => {
  for (const [title, before, after, breaks] of [
    ['a new field', 'type Query { a: Int }', 'type Query { a: Int b: Int }', false],
    ['a new argument', 'type Query { a: Int }', 'type Query { a(x: Int): Int }', false],
    ['a new argument that must be given', 'type Query { a: Int }', 'type Query { a(x: Int!): Int }', true],
    ['a new input that must be given', 'input I { x: Int } type Query { a(i: I): Int }', 'input I { x: Int y: Int! } type Query { a(i: I): Int }', true],
    ['a new value of an enum', 'enum E { A } type Query { a: E }', 'enum E { A B } type Query { a: E }', false],
    ['a new member of a union', 'type A { a: Int } union U = A type Query { u: U }', 'type A { a: Int } type B { b: Int } union U = A | B type Query { u: U }', false],
    ['a field that may be null now', 'type Query { a: Int! }', 'type Query { a: Int }', true],
    ['a field that may no longer be null', 'type Query { a: Int }', 'type Query { a: Int! }', false],
    ['a field of another type', 'type Query { a: Int }', 'type Query { a: String }', true],

    ['a field gone', 'type Query { a: Int b: Int }', 'type Query { b: Int }', true],
    ['a deprecated field gone', 'type Query { a: Int @deprecated b: Int }', 'type Query { b: Int }', false],
    ['a field deprecated', 'type Query { a: Int }', 'type Query { a: Int @deprecated }', false],
    ['a deprecated field of another type', 'type Query { a: Int @deprecated }', 'type Query { a: String @deprecated }', true],
    ['an argument gone', 'type Query { a(x: Int): Int }', 'type Query { a: Int }', true],
    ['a deprecated argument gone', 'type Query { a(x: Int @deprecated): Int }', 'type Query { a: Int }', false],
    ['an input gone', 'input I { x: Int y: Int } type Query { a(i: I): Int }', 'input I { x: Int } type Query { a(i: I): Int }', true],
    ['a deprecated input gone', 'input I { x: Int y: Int @deprecated } type Query { a(i: I): Int }', 'input I { x: Int } type Query { a(i: I): Int }', false],
    ['a value of an enum gone', 'enum E { A B } type Query { a: E }', 'enum E { A } type Query { a: E }', true],
    ['a deprecated value of an enum gone', 'enum E { A B @deprecated } type Query { a: E }', 'enum E { A } type Query { a: E }', false],
    ['a type gone with the deprecated field that led to it', 'type T { x: Int } type Query { t: T @deprecated b: Int }', 'type Query { b: Int }', false],
    [
      'a type gone that was found through an interface',
      'interface Node { id: ID! } type T implements Node { id: ID! } type R implements Node { id: ID! } type Query { node: Node }',
      'interface Node { id: ID! } type R implements Node { id: ID! } type Query { node: Node }',
      true,
    ],

    ['a guard where there was none', 'type Query { a: Int @public }', 'type Query { a: Int @auth }', true],
    ['a guard gone', 'type Query { a: Int @auth(permissions: ["p"], fresh: true) }', 'type Query { a: Int @public }', false],
    ['another permission asked for', 'type Query { a: Int @auth(permissions: ["p"]) }', 'type Query { a: Int @auth(permissions: ["p", "q"]) }', true],
    ['one permission less', 'type Query { a: Int @auth(permissions: ["p", "q"]) }', 'type Query { a: Int @auth(permissions: ["p"]) }', false],
    ['another role let in', 'type Query { a: Int @auth(roles: ["r"]) }', 'type Query { a: Int @auth(roles: ["r", "s"]) }', false],
    ['a role shut out', 'type Query { a: Int @auth(roles: ["r", "s"]) }', 'type Query { a: Int @auth(roles: ["r"]) }', true],
    ['a role asked for', 'type Query { a: Int @auth }', 'type Query { a: Int @auth(roles: ["r"]) }', true],
    ['a fresh proof asked for', 'type Query { a: Int @auth }', 'type Query { a: Int @auth(fresh: true) }', true],
  ]) {
    test(`${title}: ${breaks ? 'no' : 'yes'}`, async () => {
      const found = await breakingChanges(schema(before), schema(after))
      assert.equal(found.length > 0, breaks, found.join('\n'))
    })
  }
})

describe('what @deprecated must say', () => {
  for (const [text, good] of [
    ['type Query { a: Int @deprecated(reason: "Use `b`.") b: Int }', true],
    ['type Query { a: Int @deprecated(reason: "Use `User.b`.") u: User } type User { b: Int }', true],
    ['type Query { a(x: Int @deprecated(reason: "Use `y`."), y: Int): Int }', true],
    ['enum E { A @deprecated(reason: "Use `B`.") B } type Query { a: E }', true],
    ['type Query { a: Int @deprecated b: Int }', false],
    ['type Query { a: Int @deprecated(reason: "Use b.") b: Int }', false],
    ['type Query { a: Int @deprecated(reason: "Use `c`.") b: Int }', false],
    ['type Query { a: Int @deprecated(reason: "Use `a`.") b: Int }', false],
    ['type Query { a: Int @deprecated(reason: "Use `b`.") b: Int @deprecated(reason: "Use `a`.") }', false],
  ]) {
    test(`${good ? 'good' : 'bad'}: ${text}`, () => {
      assert.equal(badDeprecations(schema(text)).length === 0, good)
    })
  }
})
