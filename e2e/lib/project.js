// A front end's project in a folder of its own: the files of a fixture, the schema that the binary
// prints and the packages of this workspace, so that tools run in it as they do elsewhere.
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { printedSchema } from './server.js'

const packages = join(import.meta.dirname, '..', 'node_modules')

/**
 * Makes the folder, with the schema in schema.graphql.
 *
 * @param {string} [fixture] the folder whose files are copied
 * @returns run runs a tool of a package, with more environment where an object comes before its
 *   arguments, change rewrites a file, remove ends it all
 */
export async function frontEnd(fixture) {
  const folder = await mkdtemp(join(tmpdir(), 'authgraph-front-end-'))
  if (fixture) await cp(fixture, folder, { recursive: true })
  await symlink(packages, join(folder, 'node_modules'))
  await writeFile(join(folder, 'schema.graphql'), await printedSchema())
  return {
    folder,
    change: async (file, change) => writeFile(join(folder, file), change(await readFile(join(folder, file), 'utf8'))),
    run: (tool, ...args) => (typeof args[0] === 'object' ? run(folder, tool, args.slice(1), args[0]) : run(folder, tool, args)),
    remove: () => rm(folder, { recursive: true }),
  }
}

/** Runs a tool of a package and returns how it ended and what it printed. */
function run(folder, tool, args, more = {}) {
  return new Promise((resolve) => {
    const environment = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...more }
    execFile(process.execPath, [join(packages, '.bin', tool), ...args], { cwd: folder, env: environment }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    )
  })
}
