// Bundles the mobile recipe for Node.
import { join } from 'node:path'
import { defineConfig } from 'vite'

export default defineConfig({
  logLevel: 'warn',
  resolve: { preserveSymlinks: true, alias: { 'expo-secure-store': join(import.meta.dirname, 'expo-secure-store.ts') } },
  build: { ssr: 'mobile.ts', outDir: 'mobile/dist', target: 'node20', rolldownOptions: { output: { entryFileNames: 'mobile.mjs' } } },
})
