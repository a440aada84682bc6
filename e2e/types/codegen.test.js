// An application in TypeScript whose types graphql-codegen makes of the schema.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { frontEnd } from '../lib/project.js'
import { compile, mistakes } from '../lib/typescript.js'

describe('types by graphql-codegen', { timeout: 120_000 }, () => {
  let project

  before(async () => {
    project = await frontEnd(join(import.meta.dirname, 'codegen'))
  })
  after(() => project?.remove())

  test('the schema and the documents are taken', async () => {
    const { code, output } = await project.run('graphql-codegen', '--config', 'codegen.json')
    assert.equal(code, 0, output)
  })

  test('the application compiles, and every mistake in using the types does not', async () => {
    assert.deepEqual(await compile(project), await mistakes(project, 'wrong.ts'))
  })

  test('a document that asks for what is not there is refused', async () => {
    await project.change('codegen.json', (text) => text.replace('app.ts', 'wrong-document.ts'))
    const { code, output } = await project.run('graphql-codegen', '--config', 'codegen.json')
    assert.notEqual(code, 0)
    assert.match(output, /Cannot query field "passwordHash" on type "User"/)
  })
})
