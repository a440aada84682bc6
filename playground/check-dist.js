// Builds the page into a temporary folder and fails unless dist holds the same files.
// They are compared unpacked, for another version of zlib may pack them differently.
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { build } from 'vite'

/** Returns the unpacked content of every file below the folder, by its relative path. */
async function unpackedFiles(folder) {
  const files = new Map()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.set(relative(folder, path), gunzipSync(await readFile(path)))
  }
  return files
}

/** Returns one line for each file that is missing, superfluous or different. */
function differences(committed, built) {
  const names = [...new Set([...committed.keys(), ...built.keys()])].sort()
  return names.flatMap((name) => {
    if (!built.has(name)) return `dist/${name} is not part of the page any more`
    if (!committed.has(name)) return `dist/${name} is missing`
    if (!committed.get(name).equals(built.get(name))) return `dist/${name} differs`
    return []
  })
}

const folder = await mkdtemp(join(tmpdir(), 'playground-'))
try {
  await build({ root: import.meta.dirname, logLevel: 'warn', build: { outDir: folder, emptyOutDir: true } })
  const built = await unpackedFiles(folder)
  const found = differences(await unpackedFiles(join(import.meta.dirname, 'dist')), built)
  if (found.length > 0) {
    console.error(found.join('\n'))
    console.error('playground/dist is not what the source builds to: run `npm ci && npm run build` in playground/')
    process.exitCode = 1
  } else {
    console.log(`playground/dist is up to date: ${built.size} files`)
  }
} finally {
  await rm(folder, { recursive: true })
}
