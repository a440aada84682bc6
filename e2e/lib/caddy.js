// Runs the Caddy that AUTHGRAPH_TEST_CADDY names, with files of its own only.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram, until } from './process.js'

const binary = process.env.AUTHGRAPH_TEST_CADDY

/** Why suites that need Caddy are skipped; false when there is one. */
export const skipWithoutCaddy = binary ? false : 'set AUTHGRAPH_TEST_CADDY to the path of a Caddy to run this suite'

/**
 * Starts Caddy and waits until it answers.
 *
 * @param {string} origin where it will listen
 * @param {string} configuration the text of its Caddyfile
 */
export async function startCaddy(origin, configuration) {
  const folder = await mkdtemp(join(tmpdir(), 'authgraph-caddy-'))
  const file = join(folder, 'Caddyfile')
  await writeFile(file, configuration)
  const program = startProgram(binary, ['run', '--config', file, '--adapter', 'caddyfile'], {
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    XDG_DATA_HOME: folder,
  })
  const stop = async () => {
    await program.stop()
    await rm(folder, { recursive: true })
  }
  try {
    await until('Caddy answers', async () => {
      assert.equal(program.ended(), false, program.output())
      return (await fetch(origin).catch(() => undefined)) !== undefined
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { stop, output: program.output }
}
