import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { defineConfig } from 'vite'

/**
 * Replaces every file of the output by its gzip, so that the repository and the binary
 * hold each file once, and small. Node writes neither name nor time into the header.
 */
function gzipOutput() {
  let outDir
  return {
    name: 'gzip-output',
    apply: 'build',
    configResolved(config) {
      outDir = config.build.outDir
    },
    async closeBundle() {
      for (const entry of await readdir(outDir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue
        const path = join(entry.parentPath, entry.name)
        await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }))
        await rm(path)
      }
    },
  }
}

export default defineConfig({
  plugins: [gzipOutput()],
  build: {
    assetsInlineLimit: 0, // files of our own server need no data: in the Content-Security-Policy
    modulePreload: { polyfill: false },
    license: { fileName: 'assets/licenses.txt' },
    chunkSizeWarningLimit: 3000, // kB; Monaco is one chunk of 2.8 MB
  },
})
