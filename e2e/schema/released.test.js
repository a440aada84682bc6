// The schema is compared with the last released one, as rules.js says.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { buildSchema } from 'graphql'
import { printedSchema } from '../lib/server.js'
import { badDeprecations, breakingChanges, unmentionedChanges } from './rules.js'

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

  test('has changed as CHANGELOG.md says', async () => {
    const changelog = await readFile(join(import.meta.dirname, '..', '..', 'CHANGELOG.md'), 'utf8')
    assert.match(changelog, /^## \[Unreleased\]$/m)
    assert.deepEqual(unmentionedChanges(released, present, changelog), [])
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

describe('what CHANGELOG.md must say', () => {
  const a = 'type Query { a: Int }'
  for (const [title, before, after, unreleased, unsaid] of [
    ['nothing of what is as it was', a, a, '', []],
    ['nothing of a description', a, 'type Query { "A number." a: Int }', '', []],
    ['a new field, by its path', a, 'type Query { a: Int b: Int }', '### Added\n\n- `Query.b`', []],
    ['a new root field, by its name', a, 'type Query { a: Int b: Int }', '### Added\n\n- `b` tells more.', []],
    ['a new field', a, 'type Query { a: Int b: Int }', '### Added\n\n- b', ['Query.b is new']],
    ['a new type, and not each field of it', a, 'type Query { a: Int t: T } type T { x: Int y: Int }', '### Added\n\n- `t` and `T`', []],
    ['the first field of a root', a, `${a} type Subscription { c: Int d: Int }`, '### Added\n\n- `c`', ['Subscription.d is new']],
    ['a new argument', a, 'type Query { a(x: Int): Int }', '### Added\n\n- `a`', ['Query.a.x is new']],
    ['a new value', 'enum E { A } type Query { e: E }', 'enum E { A B } type Query { e: E }', '', ['E.B is new']],
    ['a new member of a union', 'type A { a: Int } type B { b: Int } union U = A type Query { u: U b: B }', 'type A { a: Int } type B { b: Int } union U = A | B type Query { u: U b: B }', '', ['U is another']],
    ['a deprecation, under its title', 'type Query { a: Int b: Int }', 'type Query { a: Int @deprecated b: Int }', '### Deprecated\n\n- `a`: use `b`.', []],
    ['a deprecation under no other', 'type Query { a: Int b: Int }', 'type Query { a: Int @deprecated b: Int }', '### Added\n\n- `a`', ['Query.a is deprecated']],
    ['what is gone, under its title', 'type Query { a: Int @deprecated b: Int }', 'type Query { b: Int }', '### Removed\n\n- `Query.a`', []],
    ['what is gone', 'type Query { a: Int @deprecated b: Int }', 'type Query { b: Int }', '### Deprecated\n\n- `Query.a`\n\n### Removed', ['Query.a is gone']],
    ['another type of a field', a, 'type Query { a: Int! }', '', ['Query.a is another']],
    ['another guard', 'type Query { a: Int @auth(fresh: true) }', 'type Query { a: Int @auth }', '', ['Query.a is another']],
  ]) {
    test(`${title}${unsaid.length > 0 ? ', or it is missed' : ''}`, () => {
      const changelog = `# Changelog\n\n## [Unreleased]\n\n${unreleased}\n\n## [0.1.0] - 2026-01-01\n\n### Removed\n\n- \`Query.a\` \`Query.b\` \`E.B\`\n`
      const found = unmentionedChanges(schema(before), schema(after), changelog)
      assert.deepEqual(found.map((line) => line.split(',')[0]), unsaid)
    })
  }
})
