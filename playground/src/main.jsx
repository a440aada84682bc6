// The page: GraphiQL on this server's own endpoint, opened on the examples.
import 'graphiql/setup-workers/vite'
import { useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { GraphiQL } from 'graphiql'
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react'
// Instead of graphiql/style.css, which is these files and 400 kB of fonts.
import '@graphiql/react/style.css'
import '@graphiql/plugin-doc-explorer/style.css'
import '@graphiql/plugin-history/style.css'
import 'graphiql/graphiql.css'
import './playground.css'
import { examples } from './examples.js'
import { fetcher } from './fetcher.js'

/**
 * Stops a subscription when its tab is left. GraphiQL does so itself, except for a new
 * tab, in which it would show the events of the one before.
 */
function StopWithTab() {
  const { stop } = useGraphiQLActions()
  const tab = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex].id)
  useEffect(() => stop, [stop, tab])
}

createRoot(document.getElementById('playground')).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={examples}
    // GraphiQL stores what is typed, and here people type passwords: what it stores
    // goes when the browser's tab is closed, and headers are never stored.
    storage={sessionStorage}
    shouldPersistHeaders={false}
  >
    <GraphiQL.Logo>authgraph</GraphiQL.Logo>
    <StopWithTab />
  </GraphiQL>,
)
