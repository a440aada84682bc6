// Runs the nginx that AUTHGRAPH_TEST_NGINX names, with files of its own only.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram, until } from './process.js'

const binary = process.env.AUTHGRAPH_TEST_NGINX

/** Why suites that need nginx are skipped; false when there is one. */
export const skipWithoutNginx = binary ? false : 'set AUTHGRAPH_TEST_NGINX to the path of an nginx to run this suite'

/**
 * Starts nginx and waits until it answers.
 *
 * @param {string} origin where it will listen
 * @param {string} server the text of its server block
 * @param {Record<string, string>} included the texts of files that the block includes
 */
export function startNginx(origin, server, included) {
  return startNginxWhole(
    origin,
    (folder) => {
      const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${folder}/${name};`)
        .join('\n')
      return `daemon off;\npid ${folder}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${scratch}\n${server}}\n`
    },
    included,
  )
}

/** Starts nginx with the whole text of a configuration, which is made for the folder that it may write to. */
export async function startNginxWhole(origin, configuration, included = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'authgraph-nginx-'))
  await writeFile(join(folder, 'nginx.conf'), `master_process off;\n${configuration(folder)}`)
  for (const [name, text] of Object.entries(included)) await writeFile(join(folder, name), text)
  const program = startProgram(binary, ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')])
  const stop = async () => {
    await program.stop()
    await rm(folder, { recursive: true })
  }
  try {
    await until('nginx answers', async () => {
      assert.equal(program.ended(), false, program.output())
      return (await fetch(origin).catch(() => undefined)) !== undefined
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { stop, output: program.output }
}
