// Makes the present schema the released one: `npm run release-schema`, with every release. It refuses
// what would break clients of the one before, unless it is told `-- --breaking`.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildSchema } from 'graphql'
import { printedSchema } from '../lib/server.js'
import { breakingChanges } from './rules.js'

const file = join(import.meta.dirname, 'released.graphql')
const released = await readFile(file, 'utf8')
const present = await printedSchema()
const breaking = await breakingChanges(buildSchema(released), buildSchema(present))
for (const line of breaking) console.error(line)
if (breaking.length > 0 && !process.argv.includes('--breaking')) {
  console.error('\nClients of the released schema would break. To release it all the same: npm run release-schema -- --breaking')
  process.exit(1)
}
await writeFile(file, present)
console.log(released === present ? 'The schema is as it was released.' : 'The schema is released; commit schema/released.graphql.')
