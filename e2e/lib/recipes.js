// The recipes of docs/recipes.md as one project: each block in a file of the name that its marker
// says, with another address of the server.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeBlocks } from './page.js'
import { frontEnd } from './project.js'

/** Makes the project, with the types that codegen makes. Its files ask the server at origin. */
export async function recipes(origin) {
  const project = await frontEnd(join(import.meta.dirname, '..', 'recipes', 'app'))
  for (const { name, text } of await codeBlocks('recipes.md')) {
    if (!name || name === 'tour') continue
    const file = join(project.folder, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text.replaceAll('http://localhost:8080', origin))
  }
  const { code, output } = await project.run('graphql-codegen', '--config', 'codegen.json')
  if (code !== 0) throw new Error(output)
  return project
}
