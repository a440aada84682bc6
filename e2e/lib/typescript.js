// Compiles the TypeScript of a front end's project.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns where `tsc --strict` finds errors, as `file:line`, each line once. */
export async function compile({ run }) {
  const { output } = await run('tsc', '--strict', '--noEmit', '--pretty', 'false', '--project', '.')
  const lines = output.split('\n').filter((line) => line.includes(' error '))
  const found = lines.map((line) => {
    const [, file, number] = /^(\S+)\((\d+),\d+\): error TS\d+: /.exec(line) ?? assert.fail(line)
    return `${file}:${number}`
  })
  return [...new Set(found)]
}

/** Returns the lines of a file that are marked as a mistake, as `file:line`. */
export async function mistakes({ folder }, file) {
  const lines = (await readFile(join(folder, file), 'utf8')).split('\n')
  const marked = lines.flatMap((line, i) => (line.includes('// mistake: ') ? [`${file}:${i + 1}`] : []))
  assert.notDeepEqual(marked, [])
  return marked
}
