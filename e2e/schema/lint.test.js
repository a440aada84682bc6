// The schema is linted as eslint.config.js says.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { ESLint } from 'eslint'

const root = join(import.meta.dirname, '..', '..')

describe('the linter', { timeout: 60_000 }, () => {
  let lint, schema

  before(async () => {
    const linter = new ESLint({ cwd: root, overrideConfigFile: join(import.meta.dirname, 'eslint.config.js') })
    lint = async (text) => {
      const [{ messages }] = await linter.lintText(text, { filePath: join(root, 'schema.graphqls') })
      return messages.map(({ line, ruleId, message }) => `${line}: ${message} (${ruleId})`)
    }
    schema = await readFile(join(root, 'schema.graphqls'), 'utf8')
  })

  test('finds nothing in the schema', async () => {
    assert.deepEqual(await lint(schema), [])
  })

  for (const [fault, text, rule] of [
    ['a field without a description', 'type Note {\n  text: String\n}', 'require-description'],
    ['a name in the wrong case', '"A note."\ntype Note {\n  "What it says."\n  full_text: String\n}', 'naming-convention'],
    ['a type that nothing leads to', '"A note."\ntype Note {\n  "What it says."\n  text: String\n}', 'no-unreachable-types'],
    ['an object without an id', '"A note."\ntype Note {\n  "Which."\n  noteId: ID!\n}', 'strict-id-in-types'],
    ['a mutation whose argument is no input', 'extend type Mutation {\n  "Makes one."\n  createNote("It." text: String!): Session\n}', 'input-name'],
    ['a deprecation without a reason', 'extend type User {\n  "Obsolete."\n  nick: String @deprecated\n}', 'require-deprecation-reason'],
    ['a connection that is none', '"Notes."\ntype NoteConnection {\n  "Them."\n  notes: [String!]!\n}', 'relay-connection-types'],
  ]) {
    test(`finds ${fault}`, async () => {
      const found = await lint(`${schema}\n${text}\n`)
      assert.ok(found.some((line) => line.includes(`@graphql-eslint/${rule})`)), found.join('\n'))
    })
  }
})
