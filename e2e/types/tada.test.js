// An application in TypeScript whose types gql.tada reads off its documents.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { frontEnd } from '../lib/project.js'
import { compile, mistakes } from '../lib/typescript.js'

describe('types by gql.tada', { timeout: 120_000 }, () => {
  let project

  before(async () => {
    project = await frontEnd(join(import.meta.dirname, 'tada'))
  })
  after(() => project?.remove())

  test('the schema is taken', async () => {
    const { code, output } = await project.run('gql.tada', 'generate-output')
    assert.equal(code, 0, output)
  })

  test('the application compiles, and every mistake in using the types does not', async () => {
    assert.deepEqual(await compile(project), await mistakes(project, 'wrong.ts'))
  })

  test('a document that asks for what is not there is pointed out', async () => {
    const { code, output } = await project.run('gql.tada', 'check')
    assert.notEqual(code, 0)
    assert.match(output, /Cannot query field .passwordHash. on type .User./)
    assert.doesNotMatch(output, /app\.ts/)
  })
})
