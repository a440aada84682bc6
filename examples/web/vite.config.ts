import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// The origin that the server has to know, as AUTHGRAPH_ORIGINS=http://localhost:5173.
const own = { host: 'localhost', port: 5173, strictPort: true }

export default defineConfig({
  plugins: [react()],
  server: own,
  preview: own,
})
