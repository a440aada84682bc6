// Builds the page of one recipe, as in: RECIPE=react vite build --config pages.config.js
import { svelte } from '@sveltejs/vite-plugin-svelte'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const recipe = process.env.RECIPE
const plugins = { react: [], vue: [vue()], svelte: [svelte({ configFile: false })] }

export default defineConfig({
  root: recipe,
  plugins: plugins[recipe],
  logLevel: 'warn',
  resolve: { preserveSymlinks: true },
})
